#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# vm.sh NAME PACKAGE: run the programs of tests/vm built in $B/NAME on a machine
# with four nodes (tests/vm/four.sh), under the kernel of PACKAGE.
#
# Prints their TAP.  All of them run in one boot.  Where the machine cannot be
# had, or cannot be started twice, the whole is skipped; from the first word of
# a test on, what happens to the machine is the test's doing.
#
#   PROGRAMS  names of those to run, for instance test_kernel; all
#   SEED      where random tests begin; printed, with how to run them again
#   TIMES     so many times the random operations; 1
#   SECONDS_MAX  for the machine; 600
set -u
programs=()
for program in "${B:?is set by tests/run.sh}/$1"/tests/bin/vm/test_*; do
	case " ${PROGRAMS:-${program##*/}} " in
	*" ${program##*/} "*) programs+=("$program") ;;
	esac
done
if [ "$(uname -m)" != x86_64 ]; then
	echo "the machine is emulated on x86_64 only, this is $(uname -m)"
	exit 77
fi
if [ ! -x "${programs[0]:-}" ]; then
	echo "not ok - there is no test program in $B/$1/tests/bin/vm"
	exit 1
fi

SEED=${SEED:-$RANDOM}
TIMES=${TIMES:-1}
most=${SECONDS_MAX:-600}
echo "# again: SEED=$SEED TIMES=$TIMES PROGRAMS='${PROGRAMS-}' O=${O:-$PWD}" \
	"B=$B $0 $1 $2"
options=(-t "$most" -e "SEED=$SEED" -e "TIMES=$TIMES"
	-e "PROGRAM_LIMIT=$most" -f "$PWD/tests/vm/guest.sh")
for program in "${programs[@]}"; do
	options+=(-f "$program")
done

export NUMAVM_KERNEL_PACKAGE=$2
log=$B/$1/vm-$2.log
for _ in 1 2; do
	tests/vm/four.sh "${options[@]}" -- sh "$PWD/tests/vm/guest.sh" \
		"${programs[@]}" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	if [ "$status" != 125 ] || grep -q '^# Linux' "$log"; then
		break
	fi
done
case $status in
0) ;;
125)
	# The last line says why.
	grep -q '^# Linux' "$log" || exit 77
	echo 'not ok - the machine broke under the tests'
	;;
124) echo 'not ok - the machine did not end in time' ;;
esac
exit "$status"
