#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# cross.sh PROCESSOR: aarch64 or riscv64.  Build with Debian's cross compiler
# and run the test programs under qemu-user.
#
# jemalloc and libnuma for other processors are not among the packages of this
# one, so both are configured out.  Neither is cmocka: it is one C file, and is
# compiled here from the distribution's source package, fetched with apt-get
# into a folder of ours; the system's list of package sources is left alone.
#
# qemu-user keeps a record of tens of bytes for each page that the program
# maps, touched or not: a mapping of 16 TiB would take more memory than the
# machine has.  So the program gets an address space of $ROOM, in which a
# larger mapping is refused at once, and tests of huge heaps skip themselves.
# Nor can a child that a threaded program forked start threads: qemu-user 7.2
# fails an assertion of its own then, so test_fork is left out.
#
# LACKS says to the tests what else it does not do:
#   remove        it takes MADV_REMOVE for a hint, ignores it and returns 0, so
#                 shared memory cannot be dropped, nor is private refused
#   mincore-none  mincore of memory without access rights fails with ENOMEM, as
#                 if it were not mapped
#   populate      it ignores MADV_POPULATE_WRITE, too, and returns 0
set -eu
processor=$1
prefix=$processor-linux-gnu-
cmocka=${B:?is set by tests/run.sh}/cmocka
ROOM=32G

for tool in "${prefix}gcc" "qemu-$processor" apt-get dpkg-source; do
	if ! command -v "$tool" >/dev/null; then
		echo "$tool is not installed: make deps GROUPS=slow"
		exit 77
	fi
done

# The line of a sources.list that has the source of the cmocka known here.
source_line()
{
	local keys

	keys=$(find /usr/share/keyrings -name '*-archive-keyring.gpg' \
		-printf '%p,' 2>/dev/null || true)
	apt-cache policy libcmocka-dev | awk -v keys="${keys%,}" '
		/^ +-?[0-9]+ [a-z+]+:.* Packages$/ {
			split($3, suite, "/")
			printf "deb-src %s %s %s %s\n",
				keys ? "[signed-by=" keys "]" : "",
				$2, suite[1], suite[2]
			exit
		}'
}

# Steps are chained: `set -e` does not hold in a function whose status is asked
# for.  The source gets its name last, so it is all there or not at all.
fetch()
{
	rm -rf "$cmocka" &&
		mkdir -p "$cmocka/lists/partial" \
			"$cmocka/cache/archives/partial" &&
		source_line >"$cmocka/sources.list" &&
		if [ ! -s "$cmocka/sources.list" ]; then
			echo 'apt knows no libcmocka-dev: run apt-get update'
			return 1
		fi &&
		cd "$cmocka" &&
		set -- -qq -o Dir::Etc::SourceList="$PWD/sources.list" \
			-o Dir::Etc::SourceParts=/dev/null \
			-o Dir::State::Lists="$PWD/lists" \
			-o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root &&
		apt-get "$@" update &&
		apt-get "$@" --download-only source cmocka &&
		dpkg-source --no-check -x cmocka_*.dsc unpacked &&
		rm -rf lists cache &&
		mv unpacked source
}

if [ ! -d "$cmocka/source" ] && ! (fetch); then
	echo 'the source of cmocka cannot be fetched: is there a network?'
	exit 77
fi
mkdir -p "$cmocka/$processor"
"${prefix}gcc" -O1 -w -D_GNU_SOURCE -DHAVE_MALLOC_H -DHAVE_INTTYPES_H \
	-DHAVE_SIGNAL_H -DHAVE_STRINGS_H -DHAVE_GCC_THREAD_LOCAL_STORAGE \
	-DHAVE_CLOCK_REALTIME -DHAVE_SIGLONGJMP -DHAVE_STRSIGNAL \
	-DHAVE_STRUCT_TIMESPEC -I"$cmocka/source/include" \
	-c -o "$cmocka/$processor/cmocka.o" "$cmocka/source/src/cmocka.c"
"${prefix}ar" rcD "$cmocka/$processor/libcmocka.a" \
	"$cmocka/$processor/cmocka.o"

unset CC CXX
tests/build.sh "$processor" CONFIG_NUMA=n CONFIG_JEMALLOC=n CONFIG_PRELOAD=n \
	CONFIG_COMMAND=n CROSS_COMPILE="$prefix" \
	CPPFLAGS="-isystem $cmocka/source/include" \
	LDFLAGS="-L$cmocka/$processor" TEST_LDFLAGS= all unit host-tests

rm -f "$B/$processor/tests/bin/unit/test_fork"
echo 'ok 0 # SKIP test_fork: children of threaded programs, under qemu-user'
echo "# without jemalloc and libnuma, in $ROOM of address space"
ulimit -c 0
# qemu takes some room beside the program's.
ulimit -v $((48 << 20))
export LACKS='remove mincore-none populate'
# test_strict takes minutes: mincore of much memory is slow there.
export PROGRAM_LIMIT=1500
export RUNNER="qemu-$processor -R $ROOM -L /usr/$processor-linux-gnu"
exec tests/programs.sh "$processor" unit host
