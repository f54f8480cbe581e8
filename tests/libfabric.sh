#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libfabric.sh: samples/libfabric, over networks that a machine has by itself.
#
# tcp;ofi_rxm is TCP on 127.0.0.1; shm is memory that both processes map.  One
# that libfabric was built without is skipped.
#
#   LIBFABRIC_ARGS  of the program: '--rounds 100', '--seed N'
set -u
build=${B:?is set by tests/run.sh}/std
work=$(mktemp -d /tmp/fixheap-libfabric.XXXXXX)
trap 'rm -rf "$work"' EXIT
status=0

# Nothing but the loopback device, whatever else the machine has.
export FI_TCP_IFACE=lo
unset FI_PROVIDER

if ! pkg-config --exists libfabric; then
	echo 'libfabric-dev is not installed'
	exit 77
fi
tests/build.sh std all || exit 1
private=$(sed -n 's/^Libs.private: //p' "$build/fixheap.pc")
${MAKE:-make} -s -C samples/libfabric OUT="$work" CFLAGS='-O2 -g -Werror' \
	FIXHEAP_CFLAGS="-I$PWD/include" \
	FIXHEAP_LIBS="$build/libfixheap.a $private" || exit 1

for provider in 'tcp;ofi_rxm' shm; do
	for mode in fixed dynamic; do
		timeout -k 5 300 "$work/rma" $mode --provider "$provider" \
			${LIBFABRIC_ARGS-} >"$work/log" 2>&1
		r=$?
		grep -v '^1\.\.' "$work/log"
		case $(cat "$work/log") in
		*'fi_getinfo: No data available'*)
			echo "ok - $provider, $mode # SKIP no such provider"
			continue
			;;
		esac
		if [ $r != 0 ]; then
			echo "not ok 99 - $provider, $mode: status $r"
			status=1
		fi
	done
done
exit $status
