#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# cost.sh BUILD: what operations cost in each mode, in instructions.
#
# A call on a heap that can grow costs no more than on a fixed one of the same
# size, but for what the comm layer takes.  Counted by callgrind, without
# start-up and the first calls, and at the same addresses each time, where the
# system lets us.  Once in a while a run takes another way (a thread's cache is
# told something at another moment), so what is too much is counted again, four
# times at most.  With 1,000 regions instead of 10 counts may grow by MANY per
# cent.
#
# And no operation on a fixed heap takes more than tests/cost/budget allows, by
# more than SLACK per cent.  The counts there are those of Debian 12's gcc; for
# another compiler or processor that test is skipped.  Who makes something
# faster writes down the new count, which is printed.
set -eu
SLACK=3 MANY=30
dir=${B:?is set by tests/run.sh}/$1
cost=$dir/tests/bin/cost
number=0 status=0

if [ ! -x "$cost" ]; then
	echo "there is no $cost"
	exit 1
fi
if ! command -v valgrind >/dev/null; then
	echo 'valgrind is not installed'
	exit 77
fi

fixed_addresses=
setarch -R true 2>/dev/null && fixed_addresses='setarch -R'

per_operation()	# per_operation MODE OPERATION: instructions
{
	$fixed_addresses valgrind --tool=callgrind --toggle-collect=measured \
		--callgrind-out-file=/dev/null "$cost" "$@" 2000 2>&1 |
		awk '/Collected/ { n = $4 }
			END { if (!n) exit 1; printf "%d\n", n / 2000 }'
}

at_most()	# at_most LIMIT MODE OPERATION: the same, counted again if above
{
	local i nr=

	for i in 1 2 3 4 5; do
		nr=$(per_operation "$2" "$3")
		[ "$nr" -gt "$1" ] || break
	done
	echo "$nr"
}

budget_of()	# budget_of OPERATION
{
	awk -v name="$1" '$1 == name { print $2 }' tests/cost/budget
}

within_budget()	# within_budget OPERATION COUNT
{
	local budget here

	here="$(gcc -dumpversion) $(uname -m)"
	budget=$(budget_of "$1")
	number=$((number + 1))
	if [ "$here" != '12 x86_64' ] || [ "${CC:-gcc}" != gcc ]; then
		echo "ok $number - $1, budget # SKIP it is for gcc 12 on x86_64"
	elif [ $(($2 * 100)) -le $((budget * (100 + SLACK))) ]; then
		echo "ok $number - $1: $2 instructions, budget $budget"
	else
		echo "not ok $number - $1: $2 instructions, budget $budget"
		status=1
	fi
}

# no_more PERCENT MODE OPERATION BASE_MODE BASE: a test.  Where it is too much,
# the base is counted again, too: that may have been the run that was short.
no_more()
{
	local base=$5 other again i

	for i in 1 2 3 4 5; do
		other=$(per_operation "$2" "$3")
		[ $((other * 100)) -gt $((base * (100 + $1))) ] || break
		again=$(per_operation "$4" "$3")
		[ "$again" -le "$base" ] || base=$again
	done
	number=$((number + 1))
	echo "# $3: $4 $base, $2 $other instructions"
	if [ $((other * 100)) -le $((base * (100 + $1))) ]; then
		echo "ok $number - $3, $2"
	else
		echo "not ok $number - $3, $2"
		status=1
	fi
}

for operation in malloc page large array region; do
	fixed=$(at_most "$(budget_of "$operation")" fixed "$operation")
	within_budget "$operation" "$fixed"
	for mode in growable dynamic simple; do
		no_more "$SLACK" "$mode" "$operation" fixed "$fixed"
	done
done
# A thousand regions: as one for most, and a logarithm for arrays.
for operation in malloc page large array region; do
	few=$(per_operation regions-10 "$operation")
	no_more "$MANY" regions-1000 "$operation" regions-10 "$few"
done
echo "1..$number"
exit $status
