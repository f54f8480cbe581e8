#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh LIST [NAME...]: run the steps of a list, or only those named.
#
# A line of LIST is a name and a shell command, run in the root of the tree.
# Steps with + before their names keep one processor busy: those in a row run
# side by side, JOBS at a time, and are told when they end.  A step passes with
# status 0, is skipped with 77 (its last line says why), and fails otherwise.
# One whose output is TAP counts as the tests that it lists; any other counts as
# one.  REQUIRE: names of steps (patterns of the shell) that fail where they
# would be skipped.
#
# Steps find in their environment: O, where make builds; B, a folder below it
# for builds of their own; MAKE; JOBS, how many processes to start at a time.
# The output of each goes to $O/tests/log/NAME.
set -eu

list=$1
shift
wanted=" $* "
O=${O:-$PWD}
B=$O/tests/build
MAKE=${MAKE:-make}
JOBS=${JOBS:-$(nproc)}
LIMIT=${LIMIT:-1800}
read -ra required <<<"${REQUIRE-}"
# What is built with and without it is not the same to make.
export O B MAKE JOBS WERROR=1
# Variables given to make reach the makes of the steps; its job server, not.
case ${MAKEFLAGS-} in
*' -- '*) export MAKEFLAGS=" -- ${MAKEFLAGS#* -- }" ;;
*) unset MAKEFLAGS ;;
esac
unset MFLAGS MAKELEVEL T

tick=
declare -A name_of=() start_of=() # of those that run, by process
trap 'kill "${!name_of[@]}" $tick 2>/dev/null; exit 130' INT TERM
log=$O/tests/log
mkdir -p "$log" "$B"
passed=0 failed=0 skipped=0 found=0
failures=()	# a line each, to be said once more at the end

# ticker NAMES START: on a terminal, show that time goes by.
ticker()
{
	while sleep 1; do
		printf '\r  TEST    %-20s %5d s' "$1" $((SECONDS - $2))
	done
}

# is_required NAME: whether it may not be skipped.
is_required()
{
	local pattern

	for pattern in "${required[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 != $pattern ]] || return 0
	done
	return 1
}

# count NAME STATUS START: add to the totals, and say how it went.
count()
{
	local pass fail skip text
	read -r pass fail skip < <(awk '
		/^ok [0-9]*/ && /# SKIP/ { skip++; next }
		/^not ok/ && /# SKIP/ { skip++; next }
		/^ok [0-9]/ { pass++ }
		/^not ok/ { fail++ }
		END { print pass + 0, fail + 0, skip + 0 }' "$log/$1")
	if [ "$2" = 77 ] && is_required "$1"; then
		fail=$((fail + 1))
	elif [ "$2" = 77 ]; then
		skip=$((skip + 1))
	elif [ "$2" != 0 ] && [ "$fail" = 0 ]; then
		fail=1
	elif [ $((pass + fail + skip)) = 0 ]; then
		pass=1
	fi
	passed=$((passed + pass))
	failed=$((failed + fail))
	skipped=$((skipped + skip))

	text="$pass passed"
	[ "$fail" = 0 ] || text="$text, $fail FAILED"
	[ "$skip" = 0 ] || text="$text, $skip skipped"
	if [ "$2" = 77 ]; then
		text="skipped: $(tail -n 1 "$log/$1")"
		! is_required "$1" || text="$text; FAILED: it is required"
	fi
	printf '%5d s  %s\n' $((SECONDS - $3)) "$text"
	[ "$fail" = 0 ] || show_failure "$1" "$2"
}

show_failure()
{
	local first=()

	mapfile -t first < <(grep '^not ok' "$log/$1" |
		grep -v -m 5 '# SKIP' || true)
	[ "${#first[@]}" != 0 ] || failures+=("$1: status $2")
	failures+=("${first[@]/#/$1: }")
	if [ "${#first[@]}" != 0 ]; then
		# What was printed in front of a failure, and behind it.
		awk '/^(ok|# ok|1\.\.)/ || /^not ok.*# SKIP/ {
				n = after = 0
				next
			}
			/^not ok/ {
				for (i = n > 12 ? n - 12 : 0; i < n; i++)
					print line[i]
				print
				n = 0
				after = 6
				next
			}
			after-- > 0 { print; next }
			{ line[n++] = $0 }' "$log/$1" | head -n 100
	else
		tail -n 25 "$log/$1"
	fi | sed 's/^/        | /'
	echo "          status $2 (124: over $LIMIT s); all of it: $log/$1"
	goal=${list#tests/checks}
	echo "          again: make check$goal O=$O T=$1"
}

# start NAME COMMAND: in the background.
start()
{
	timeout -k 10 "$LIMIT" bash -c "$2" >"$log/$1" 2>&1 </dev/null &
	name_of[$!]=$1
	start_of[$!]=$SECONDS
}

# finish: wait for one of those that run, and count it.
finish()
{
	local pid status=0 first

	tick=
	if [ -t 1 ]; then
		first=("${!name_of[@]}")
		ticker "${name_of[*]}" "${start_of[${first[0]}]}" &
		tick=$!
	fi
	wait -n -p pid "${!name_of[@]}" || status=$?
	if [ -n "$tick" ]; then
		kill "$tick"
		wait "$tick" 2>/dev/null || true
		printf '\r'
	fi
	printf '  TEST    %-20s ' "${name_of[$pid]}"
	count "${name_of[$pid]}" "$status" "${start_of[$pid]}"
	unset "name_of[$pid]" "start_of[$pid]"
}

while read -r name command <&3; do
	case $name in
	'' | '#'*) continue ;;
	esac
	slots=1
	if [ "$name" != "${name#+}" ]; then
		name=${name#+}
		slots=$JOBS
	fi
	if [ "$wanted" != '  ' ] && [ "${wanted#* $name }" = "$wanted" ]; then
		continue
	fi
	found=1
	if [ "$slots" != 1 ]; then
		command="JOBS=1; $command"
	fi
	while [ "${#name_of[@]}" -ge "$slots" ]; do
		finish
	done
	start "$name" "$command"
	[ "$slots" != 1 ] || finish
done 3<"$list"
while [ "${#name_of[@]}" != 0 ]; do
	finish
done

if [ "$found" = 0 ]; then
	echo "no step of $list is called$wanted" >&2
	exit 2
fi
[ "$failed" = 0 ] || printf '  FAILED  %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
