#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# cost.sh BUILD: what operations cost in each mode, in instructions.
#
# A call on a heap that can grow costs no more than on a fixed one of the same
# size, but for what the comm layer takes.  Counted by callgrind, as the
# difference of a long and a short run, so that start-up is not in it.  The
# counts are exact; that addresses differ from run to run moves them by less
# than SLACK per cent.  With 1,000 regions instead of 10 they may grow by MANY
# per cent.
set -eu
SLACK=3 MANY=30
dir=${B:?is set by tests/run.sh}/$1
cost=$dir/tests/bin/cost
number=0 status=0

if ! command -v valgrind >/dev/null; then
	echo 'valgrind is not installed'
	exit 77
fi

count()	# count MODE OPERATION TIMES: instructions
{
	valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		"$cost" "$@" 2>&1 | awk '/Collected/ { n = $4 }
			END { if (!n) exit 1; print n }'
}

per_operation()	# per_operation MODE OPERATION
{
	local short long

	short=$(count "$1" "$2" 500)
	long=$(count "$1" "$2" 2500)
	echo $(((long - short) / 2000))
}

for operation in malloc page large array region; do
	fixed=$(per_operation fixed "$operation")
	for mode in growable dynamic simple; do
		number=$((number + 1))
		other=$(per_operation "$mode" "$operation")
		echo "# $operation: fixed $fixed, $mode $other instructions"
		if [ $((other * 100)) -le $((fixed * (100 + SLACK))) ]; then
			echo "ok $number - $operation, $mode"
		else
			echo "not ok $number - $operation, $mode"
			status=1
		fi
	done
done
# A thousand regions: as one for most, and a logarithm for arrays.
for operation in malloc page large array region; do
	number=$((number + 1))
	few=$(per_operation regions-10 "$operation")
	many=$(per_operation regions-1000 "$operation")
	echo "# $operation: 10 regions $few, 1,000 regions $many instructions"
	if [ $((many * 100)) -le $((few * (100 + MANY))) ]; then
		echo "ok $number - $operation, 1,000 regions"
	else
		echo "not ok $number - $operation, 1,000 regions"
		status=1
	fi
done
echo "1..$number"
exit $status
