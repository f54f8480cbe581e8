#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# some.sh N: the unit tests that are left out, when one in N is to be run, and
# none of those that take longest, tests/long.  Another one each time.
set -eu
at=$((RANDOM % $1))
grep -v '^#' tests/long
for name in tests/unit/test_*.c; do
	[ $((at++ % $1)) = 0 ] || basename "$name" .c
done
