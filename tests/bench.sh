#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# bench.sh NAME: whether the benchmark of $B/NAME runs, and writes what its
# charts are drawn from.  What it measures is not judged here.
set -u
bench=${B:?is set by tests/run.sh}/$1/tests/bin/bench
tsv=$B/$1/tests/bench.tsv
number=0 status=0

check()	# check NAME COMMAND...
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $name"
	else
		status=1
		echo "not ok $number - $name"
	fi
}

# 0 and 1 are figures, 2 is an error.
measures()
{
	"$bench" --quick --trace "$1" --tsv "$tsv" 2>&1
	[ $? -lt 2 ] || return 1
	awk -F'\t' -v measure="$1" '
		NF != 10 { print "fields: " NF; bad = 1 }
		NR > 1 && $1 == measure && $6 > 0 { found = 1 }
		END { exit bad || !found }' "$tsv"
}

refuses()
{
	"$bench" "$@" >/dev/null 2>&1
	[ $? = 2 ]
}

for measure in create arrays pair get-put; do
	check "$measure" measures "$measure"
done
check 'an unknown measure is refused' refuses --trace none
check 'no threads are refused' refuses --threads 0
check 'a table that cannot be written is an error' \
	refuses --trace create --tsv /nowhere/bench.tsv
echo "1..$number"
exit $status
