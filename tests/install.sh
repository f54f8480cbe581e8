#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# install.sh: what is installed can be used by a stranger, and goes away again.
#
# Installs into an empty folder; there, C and C++ programs are built from a
# folder that holds nothing else, shared, static, and with the archive in a
# dynamic program, by what pkg-config says and nothing more; each makes a heap,
# allocates and validates, or has containers there.  Then uninstall, and no file
# may be left.
set -eu
build=${B:?is set by tests/run.sh}/std
work=$(mktemp -d /tmp/fixheap-install.XXXXXX)
trap 'rm -rf "$work"' EXIT
number=0 status=0

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

tests/build.sh std all
root=$work/root
staged=$work/staged
$MAKE -s O="$build" PREFIX="$root" DESTDIR= install
$MAKE -s O="$build" PREFIX=/usr DESTDIR="$staged" libdir=/usr/lib/odd install

(cd "$root" && find . ! -type d | sort) >"$work/list"
(cd "$staged/usr" && find . ! -type d | sed 's|lib/odd|lib|' | sort) \
	>"$work/list.staged"
cat "$work/list"
cmp "$work/list" "$work/list.staged" && r=0 || r=1
result $r 'DESTDIR and libdir put the same files elsewhere'
grep -q "^libdir=/usr/lib/odd$" "$staged/usr/lib/odd/pkgconfig/fixheap.pc" &&
	r=0 || r=1
result $r 'fixheap.pc names the final place, not DESTDIR'

mkdir "$work/empty"
cat >"$work/empty/program.c" <<'END'
#include <fixheap/fixheap.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;
	char *object, *array;
	int error;

	config.length = (size_t)16 << 20;
	error = fixheap_create(&config, &heap);
	if (error) {
		fprintf(stderr, "fixheap_create: %s\n", strerror(-error));
		return 1;
	}
	object = (char *)fixheap_malloc(heap, 100);
	array = (char *)fixheap_array_alloc(heap, 5000000, NULL);
	if (!object || !array || !fixheap_owns(heap, object))
		return 2;
	memset(object, 1, 100);
	memset(array, 2, 5000000);
	fixheap_free(heap, object);
	fixheap_array_free(heap, array);
	if (fixheap_validate(heap))
		return 3;
	fixheap_destroy(heap);
	return 0;
}
END
cp "$work/empty/program.c" "$work/empty/program.cc"
cd "$work/empty"
export PKG_CONFIG_PATH=$root/lib/pkgconfig
unset PKG_CONFIG_SYSROOT_DIR
flags=$(pkg-config --cflags --libs fixheap)
all_flags=$(pkg-config --static --cflags --libs fixheap)
cflags=$(pkg-config --cflags fixheap)
private=${all_flags/-lfixheap/}
echo "pkg-config: $flags; static: $all_flags"

# Containers, by the header for C++.
cat >"$work/empty/plus.cc" <<'END_OF_PLUS'
#include <fixheap/fixheap.hpp>
#include <vector>

int main()
{
	fixheap_config config = FIXHEAP_CONFIG_INIT;
	fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	config.length = 16 << 20;
	fixheap::heap heap(config);
	fixheap::place place(attr, 1 << 20);
	fixheap::memory_resource resource(heap);
	std::vector<int, fixheap::allocator<int>> numbers({ heap, place });
	std::pmr::vector<int> others(1000, 7, &resource);

	for (int i = 0; i < 1000000; i++)
		numbers.push_back(i);
	if (!fixheap_owns(heap.get(), &numbers[999999]) ||
	    !fixheap_owns(heap.get(), &others[999]))
		return 2;
	try {
		numbers.reserve(10000000);
	} catch (const std::bad_alloc &) {
		return fixheap_validate(heap.get()) ? 3 : 0;
	}
	return 4;
}
END_OF_PLUS

for compiler in 'gcc program.c' 'g++ program.cc' 'clang program.c' \
	'g++ -std=c++17 plus.cc' 'clang++ -std=c++20 plus.cc'; do
	name="${compiler%% *} ${compiler##* }"
	export LD_LIBRARY_PATH=$root/lib
	$compiler -Wall -Wextra -Werror $flags -o shared && ./shared &&
		ldd ./shared | grep -q libfixheap.so.0 && r=0 || r=$?
	result $r "$name, shared"
	unset LD_LIBRARY_PATH
	$compiler $cflags "$root/lib/libfixheap.a" $private -o archive &&
		./archive && r=0 || r=$?
	result $r "$name, libfixheap.a in a dynamic program"
	$compiler -static $all_flags -o static && ./static && r=0 || r=$?
	result $r "$name, static"
done
cd - >/dev/null

# The program in README, as it stands there.
awk '/^Ten lines$/ { on = 1 }
	on && /^\t/ { sub(/^\t/, ""); if (/^make /) exit; print }' README \
	>"$work/empty/readme.c"
[ "$(grep -c . "$work/empty/readme.c")" = 10 ] && r=0 || r=1
result $r 'it has ten lines'
(cd "$work/empty" && gcc -Wall -Wextra -Werror readme.c $flags -o readme &&
	LD_LIBRARY_PATH=$root/lib ./readme) && r=0 || r=$?
result $r 'the program in README'

# Those in fixheap(3), too.
awk -v name="$work/empty/example" '/^\.Sh/ { on = /EXAMPLES/ }
	on && /^\.Bd/ { nr++; file = name nr ".c"; next }
	/^\.Ed/ { file = "" }
	on && file { gsub(/\\e/, "\\"); print >file }' tools/man/fixheap.3
for example in example1 example2; do
	(cd "$work/empty" &&
		gcc -std=c11 -pedantic -Wall -Wextra -Werror $example.c $flags \
			-o $example &&
		LD_LIBRARY_PATH=$root/lib ./$example) && r=0 || r=$?
	result $r "$example of fixheap(3)"
done

awk '/^\.Sh/ { on = /C\+\+/ } on && /^\.Ed/ { exit } text { print }
	on && /^\.Bd/ { text = 1 }' tools/man/fixheap.3 >"$work/empty/plus.cc"
(cd "$work/empty" &&
	g++ -std=c++17 -pedantic -Wall -Wextra -Werror plus.cc $flags -o plus &&
	LD_LIBRARY_PATH=$root/lib ./plus) && r=0 || r=$?
result $r 'the example in C++ of fixheap(3)'

"$root/bin/fixheap" --version && r=0 || r=$?
result $r 'the command starts'
"$root/bin/fixheap" run --heap 64M -- /bin/echo 'on a heap' && r=0 || r=$?
result $r 'the command finds its preload library'
for page in 1 3 7; do
	[ -s "$root/share/man/man$page/fixheap.$page" ] && r=0 || r=1
	result $r "fixheap($page)"
done

# refused MAKE-ARGUMENT...: install and uninstall end with a word on it and
# leave everything as it is.
refused()
{
	local goal before
	before=$(find "$work" | sort)
	for goal in install uninstall; do
		if $MAKE -s O="$build" "$@" $goal >"$work/log" 2>&1; then
			return 1
		fi
		cat "$work/log"
		grep -q "^tools/build/paths.mk.* ${1%%=*} is .*must" \
			"$work/log" || return 1
	done
	[ "$(find "$work" | sort)" = "$before" ]
}

# What would be taken for a path of ours if the words were taken one by one.
echo stranger >"$work/my"
: >"$work/log"
for bad in "PREFIX=$work/my heap" "PREFIX=$work/it's" "PREFIX=$work/a:b" \
	"PREFIX=$work/a;b" 'PREFIX=relative' "libdir=$work/my lib" \
	"DESTDIR=$work/it's"; do
	refused "$bad" && r=0 || r=1
	result $r "refused: ${bad/"$work"/...}"
done
[ "$(cat "$work/my")" = stranger ] && r=0 || r=1
result $r "a stranger's file is left alone"
blank="$work/my stage"
$MAKE -s O="$build" PREFIX=/usr DESTDIR="$blank" install
(cd "$blank/usr" && find . ! -type d | sort) | cmp - "$work/list" && r=0 || r=1
result $r 'DESTDIR with a blank in it'
$MAKE -s O="$build" PREFIX=/usr DESTDIR="$blank" uninstall
[ -z "$(find "$blank" ! -type d)" ] && r=0 || r=1
result $r 'uninstall from there'

$MAKE -s O="$build" PREFIX="$root" DESTDIR= uninstall
$MAKE -s O="$build" PREFIX=/usr DESTDIR="$staged" libdir=/usr/lib/odd uninstall
find "$root" "$staged" ! -type d
[ -z "$(find "$root" "$staged" ! -type d -o -name fixheap)" ] && r=0 || r=1
result $r 'uninstall leaves nothing'
echo "1..$number"
exit $status
