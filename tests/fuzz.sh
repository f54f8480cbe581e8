#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fuzz.sh NAME SECONDS: run the libFuzzer programs built in $B/NAME for so long
# each.  What they find interesting is kept there, for the next time.
#
# SEED: where it begins; it is printed, and so is the command that plays again
# what went wrong.
set -u
dir=${B:?is set by tests/run.sh}/$1
seconds=$2
seed=${SEED:-$((RANDOM + 1))}
number=0 status=0
echo "# SEED=$seed"
for program in "$dir"/tests/bin/fuzz/fuzz_*; do
	name=${program##*/}
	number=$((number + 1))
	mkdir -p "$dir/corpus/$name"
	rm -f "$dir/$name".*
	if "$program" -seed="$seed" -max_total_time="$seconds" -max_len=4096 \
		-artifact_prefix="$dir/$name." -timeout=60 \
		-rss_limit_mb=4096 -print_final_stats=1 \
		"$dir/corpus/$name" >"$dir/$name.log" 2>&1 &&
		runs=$(awk '/^stat::number_of_executed_units/ { print $2 }' \
			"$dir/$name.log") && [ "${runs:-0}" -gt 100 ]; then
		echo "ok $number - $name: $runs runs"
		continue
	fi
	status=1
	tail -n 60 "$dir/$name.log"
	for found in "$dir/$name".*; do
		case $found in
		*.log) ;;
		*) echo "replay: $program $found" ;;
		esac
	done
	echo "not ok $number - $name"
done
echo "1..$number"
exit $status
