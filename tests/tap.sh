#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tap.sh: what scripts that test the command have in common, for them to read.
# They set $dir, a folder of theirs, number and failed.

# check NAME COMMAND...: the command's status decides.
check()
{
	local name=$1 status=0
	shift
	number=$((number + 1))
	"$@" >"$dir/log" 2>&1 || status=$?
	if [ "$status" = 0 ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		failed=$((failed + 1))
		tail -n 30 "$dir/log" | sed 's/^/# /'
	fi
}

# ends STATUS COMMAND...: it ends with that status; what it says is in out, err.
ends()
{
	local wanted=$1 status=0
	shift
	timeout -k 5 60 "$@" >"$dir/out" 2>"$dir/err" || status=$?
	head -n 30 "$dir/out" "$dir/err"
	echo "status $status, wanted $wanted"
	[ "$status" = "$wanted" ]
}

says()	# says FILE PATTERN: out or err has such a line
{
	grep -qE -- "$2" "$dir/$1" || {
		echo "no '$2' in $1"
		return 1
	}
}
