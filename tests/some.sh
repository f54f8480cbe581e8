#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# some.sh N [long]: the unit tests to be left out where one in N is to be run,
# on one line.  Those that take longest, tests/long, are not run at all without
# `long`.  Others each time: run N times in a row, most have been run.
#
# SOME: where to begin, else a random number; it is printed on stderr.
set -eu
at=${SOME:-$RANDOM}
echo "# SOME=$at" >&2
for name in tests/unit/test_*.c; do
	name=${name##*/}
	name=${name%.c}
	if [ $((at++ % $1)) != 0 ] ||
		{ [ "${2-}" != long ] && grep -qx "$name" tests/long; }; then
		echo "$name"
	fi
done | paste -sd ' '
