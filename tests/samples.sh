#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# samples.sh NAME SAMPLE: build samples/SAMPLE against $B/NAME, and run it.
#
# Twice: as a user does, from a copy of its folder with a fixheap that is
# installed somewhere, by pkg-config; and with the archive of the build tree.
# Everything happens on this machine, without a network.  Prints TAP.  Each run
# has a limit of LIMIT_EACH seconds, and whatever it started is gone afterwards.
set -u
build=${B:?is set by tests/run.sh}/$1
sample=$2
each=${LIMIT_EACH:-300}
number=0 failed=0
case $sample in
mpi)
	compiler=mpicc.openmpi program=winheap
	ways=('' '--allocate')
	;;
openshmem)
	compiler=oshcc program=symheap
	ways=('' '--size 48')
	;;
*)
	echo "there is no sample $sample" >&2
	exit 2
	;;
esac
if ! command -v "$compiler" >/dev/null; then
	echo "there is no $compiler: install libopenmpi-dev"
	exit 77
fi
work=$(mktemp -d "/tmp/fixheap-$sample.XXXXXX")

# left: processes of the program from our folder, and those that started them.
left()
{
	pgrep -f "$work/[a-z]*/$program"
}

# none_left: a moment after a job ended, none of its processes is there.
none_left()
{
	local try

	for try in 1 2 3 4 5 6 7 8 9; do
		left >/dev/null || return 0
		sleep 0.$try
	done
	left
	return 1
}

# A job that gets a signal ends by itself; if it does not, it is killed.
running=
clean_up()
{
	local pid

	if [ -n "$running" ]; then
		kill "$running" 2>/dev/null
		wait "$running"
	fi
	none_left >/dev/null || for pid in $(left); do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# check NAME STATUS COMMAND...: passes when the command ends with it.
check()
{
	local name=$1 wanted=$2 status=0

	shift 2
	number=$((number + 1))
	timeout -k 10 "$each" "$@" >"$work/log" 2>&1 </dev/null &
	running=$!
	wait "$running" || status=$?
	running=
	sed 's/^/# /' "$work/log"
	if [ "$status" = "$wanted" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		echo "# status $status, not $wanted: $*"
		failed=1
	fi
}

# needed: nothing below makes sense without what was checked last.
needed()
{
	[ "$failed" = 0 ] || exit 1
}

# both NAME ARGUMENTS: the two runs of the program that was built last.
both()
{
	check "$1: arrays come and go" 0 \
		"${sample_make[@]}" run ARGS="$2 --rounds 40"
	check "$1: 90 % of each heap is filled" 0 \
		"${sample_make[@]}" run ARGS="$2 --fill --rounds 12"
}

# Where Open MPI has its files: it leaves some behind when it gets a signal.
export TMPDIR=$work/tmp OMPI_MCA_btl_vader_backing_directory=$work/tmp
mkdir "$work/tmp" "$work/tree"
cp -r "samples/$sample" "$work/user"

root=$work/root
check 'install' 0 "$MAKE" -s O="$build" PREFIX="$root" DESTDIR= install
needed
export PKG_CONFIG_PATH=$root/lib/pkgconfig LD_LIBRARY_PATH=$root/lib
unset PKG_CONFIG_SYSROOT_DIR
sample_make=("$MAKE" --no-print-directory -C "$work/user" OUT="$work/user")
check 'build with an installed fixheap' 0 "${sample_make[@]}"
needed
both 'installed' "${ways[0]}"

unset PKG_CONFIG_PATH LD_LIBRARY_PATH
private=$(sed -n 's/^Libs.private: //p' "$build/fixheap.pc")
sample_make=("$MAKE" --no-print-directory -C "samples/$sample" OUT="$work/tree"
	FIXHEAP_CFLAGS="-I$PWD/include"
	FIXHEAP_LIBS="$build/libfixheap.a $private")
check 'build with the build tree' 0 "${sample_make[@]}"
needed
both 'build tree' "${ways[1]}"

# One fails, so all end: 2 is the status of make.
check 'a heap that is too small is a failure' 2 \
	"${sample_make[@]}" run ARGS="--size 1 --fill"
check 'the same seed again' 0 \
	"${sample_make[@]}" run ARGS="--rounds 20 --seed 4242"
number=$((number + 1))
if grep -q -- '--seed 4242$' "$work/log" && none_left; then
	echo "ok $number - it is printed, and no process is left"
else
	echo "not ok $number - it is printed, and no process is left"
	failed=1
fi
echo "1..$number"
exit $failed
