#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# chapel.sh: samples/chapel, the memory layer for Chapel's runtime.
#
# Its test plays the runtime, with each of the three kinds of comm layer.  It is
# compiled with the declarations in samples/chapel/test/runtime, and, where
# CHPL_HOME names a tree of Chapel, with Chapel's own headers: a copy of them,
# into which samples/chapel/install.sh has put the layer.  The tree itself is
# left alone.
#
#   CHPL_HOME     a tree of Chapel, see samples/chapel/README
#   CHPL_CFLAGS   more flags for compiling with its headers
#   CHAPEL_ARGS   of the test: '--heap 1024 --mib 256', '--seed N'
set -u
build=${B:?is set by tests/run.sh}/std
sample=samples/chapel
work=$(mktemp -d /tmp/fixheap-chapel.XXXXXX)
trap 'rm -rf "$work"' EXIT
number=100 status=0

result()	# result STATUS NAME
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		status=1
	fi
}

# compile COMPILER FLAG...: the layer and its test, as $work/test
compile()
{
	local compiler=$1

	shift
	"$compiler" -std=gnu11 -O2 -g -Wall -Wextra -Werror "$@" \
		-Iinclude -I"$sample/mem" -I"$sample/test" \
		-I"$sample/test/comm" "$sample"/mem/*.c "$sample"/test/*.c \
		"$build/libfixheap.a" $private -o "$work/test"
}

# run NAME: with each kind of comm layer
run()
{
	local kind

	for kind in none fixed dynamic; do
		echo "# $1: --comm $kind ${CHAPEL_ARGS-}"
		timeout -k 5 600 "$work/test" --comm $kind ${CHAPEL_ARGS-} \
			>"$work/log" 2>&1
		r=$?
		sed "s/^\(ok\|not ok\) \([0-9]*\) - /&$1, /
			/^1\.\./d" "$work/log"
		[ $r = 0 ] || result $r "$1, comm $kind: status"
	done
}

tests/build.sh std all || exit 1
private=$(sed -n 's/^Libs.private: //p' "$build/fixheap.pc")

for compiler in clang gcc; do
	compile $compiler -I"$sample/test/runtime"
	result $? "compiled by $compiler with the test's declarations"
done
run "the test's declarations"
g++ -std=c++11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ \
	"$sample/mem/chpl-mem-impl.h"
result $? 'chpl-mem-impl.h is C++, too'

# ---- with Chapel's headers ---------------------------------------------------

headers=${CHPL_HOME:-/nonexistent}/runtime/include
if [ -z "${CHPL_HOME-}" ]; then
	echo "ok $((number += 1)) - with Chapel's headers # SKIP" \
		'CHPL_HOME is not set'
elif [ ! -f "$headers/chpl-mem-array.h" ]; then
	echo "ok $((number += 1)) - with Chapel's headers # SKIP" \
		"$CHPL_HOME has no runtime/include/chpl-mem-array.h"
else
	mkdir -p "$work/home/runtime" "$work/home/util"
	cp -r "$headers" "$work/home/runtime/include"
	[ ! -d "$CHPL_HOME/util/chplenv" ] ||
		cp -r "$CHPL_HOME/util/chplenv" "$work/home/util/chplenv"
	chmod -R u+w "$work/home"
	"$sample/install.sh" "$work/home"
	result $? 'install.sh knows this Chapel'
	cp -r "$work/home" "$work/once"
	"$sample/install.sh" "$work/home" &&
		diff -r "$work/once" "$work/home"
	result $? 'a second install.sh changes nothing'
	if [ -d "$work/home/util/chplenv" ]; then
		(cd "$work/home/util/chplenv" &&
			python3 -m py_compile chpl_fixheap.py chpl_mem.py \
				compile_link_args_utils.py)
		result $? 'what it edits of chplenv is still Python'
		args=$work/home/util/chplenv/compile_link_args_utils.py
		link=$(sed -n 's/, chpl_fixheap.get_link.*//
			s/.*extend2(tgt/tgt/p' "$args")
		grep -q "^    $link = " "$args"
		result $? 'what it adds flags to is there'
	fi

	include=$work/home/runtime/include
	rm -f "$work/test"
	compile gcc -isystem "$include/localeModels/flat" \
		-isystem "$include/localeModels" -isystem "$include/comm" \
		-isystem "$include/tasks/fifo" -isystem "$include" \
		-isystem "$include/qio" -isystem "$include/atomics/cstdlib" \
		${CHPL_CFLAGS-}
	result $? "compiled with Chapel's headers"
	run "Chapel's headers"
fi
exit $status
