#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# vm-both.sh NAME PACKAGE...: tests/vm.sh under each of these kernels at once,
# as an emulated machine keeps one processor busy.
#
# Prints the TAP of all, one after the other.  Fails if one of them does, and is
# skipped if one of them is, whose last line says why.
set -u
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

for package in "${@:2}"; do
	(
		tests/vm.sh "$1" "$package" >"$out/$package" 2>&1
		echo $? >"$out/$package.status"
	) &
done
wait

status=0 reason=
for package in "${@:2}"; do
	read -r result <"$out/$package.status"
	echo "# $package"
	cat "$out/$package"
	case $result in
	0) ;;
	77)
		reason=$(tail -n 1 "$out/$package")
		[ "$status" != 0 ] || status=77
		;;
	*) status=$result ;;
	esac
done
[ "$status" != 77 ] || echo "$reason"
exit "$status"
