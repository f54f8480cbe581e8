#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# programs.sh NAME [FOLDER...]: run the test programs built in $B/NAME.
#
# Prints their TAP.  A program that crashes, or that runs no test, is a failed
# test of its own.
#   RUNNER         a command in front of each program
#   EXCEPT         names of programs that are left out
#   PASSED         a file of checksums: what passes is added, and a program that
#                  is the same byte for byte as one in it is not run again
#   PROGRAM_LIMIT  seconds for each
#   JOBS           how many run at a time
set -u
dir=${B:?is set by tests/run.sh}/$1/tests/bin
shift
export CMOCKA_MESSAGE_OUTPUT=TAP
# TSan's search for lock order gives up on a thread that holds 64 locks, which
# one does that validates a heap on a large machine, and its default is to end
# the child of a program with threads that makes a thread.  Races are found.
export TSAN_OPTIONS=${TSAN_OPTIONS-detect_deadlocks=0:die_after_fork=0}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

run()	# run PROGRAM NUMBER: leave its output and status in $out
{
	timeout -k 5 "${PROGRAM_LIMIT:-300}" ${RUNNER-} "$1" \
		>"$out/$2" 2>&1 </dev/null
	echo $? >"$out/$2.status"
}

sum()	# sum PROGRAM: what PASSED has of it
{
	[ -z "${PASSED-}" ] || sha256sum <"$1"
}

# Those that take longest begin, so that none is left over at the end.
long=' test_modes test_fork test_strict test_threads '
programs=() others=() found=0
for program in $(for folder in "${@:-unit}"; do
	find "$dir/$folder" -type f -executable | sort; done); do
	case " ${EXCEPT-} " in
	*" ${program##*/} "*) continue ;;
	esac
	found=$((found + 1))
	if [ -s "${PASSED-}" ] && grep -qxF "$(sum "$program")" "$PASSED"; then
		echo "# ${program##*/} is one that has passed before"
		continue
	fi
	case $long in
	*" ${program##*/} "*) programs+=("$program") ;;
	*) others+=("$program") ;;
	esac
done
programs+=("${others[@]}")

for i in "${!programs[@]}"; do
	[ "$(jobs -rp | wc -l)" -lt "${JOBS:-2}" ] || wait -n
	run "${programs[i]}" "$i" &
done
wait

status=0
for i in "${!programs[@]}"; do
	name=${programs[i]##*/}
	echo "# $name"
	cat "$out/$i"
	read -r result <"$out/$i.status"
	if [ "$result" != 0 ]; then
		status=1
		grep '^not ok' "$out/$i" | grep -qv '# SKIP' ||
			echo "not ok - $name ended with status $result"
	elif ! grep -Eq '^(not )?ok [0-9]' "$out/$i"; then
		status=1
		echo "not ok - $name ran no test"
	elif [ -n "${PASSED-}" ]; then
		sum "${programs[i]}" >>"$PASSED"
	fi
done
if [ "$found" = 0 ]; then
	echo "not ok - there is no test program in $dir"
	status=1
fi
exit $status
