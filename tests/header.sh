#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# header.sh: every public header compiles alone, as strict C11 and C17 and as
# C++98 to C++20, with both compilers, without a warning.
set -eu
number=0 status=0
total=$(ls include/fixheap/*.h | wc -l)
echo "1..$((total * 12))"
for header in include/fixheap/*.h; do
	include="#include <${header#include/}>"
	# Twice: the guard works.  The initializers are used, not just defined.
	source="$include
$include"
	case $header in
	*/fixheap.h | */numa.h)
		source+="
struct fixheap_numa numa = FIXHEAP_NUMA_INIT;"
		;;
	esac
	case $header in
	*/fixheap.h | */comm.h)
		source+="
struct fixheap_comm comm = FIXHEAP_COMM_INIT;
struct fixheap_region region = FIXHEAP_REGION_INIT;"
		;;
	esac
	# fixheap.h includes the others.
	[ "$header" != include/fixheap/fixheap.h ] || source+="
struct fixheap_config config = FIXHEAP_CONFIG_INIT;
struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;"
	for how in 'gcc c c11' 'gcc c c17' 'gcc c gnu11' 'clang c c11' \
		'clang c c17' 'g++ c++ c++98' 'clang++ c++ c++98' \
		'g++ c++ c++11' 'g++ c++ c++17' 'g++ c++ c++20' \
		'clang++ c++ c++11' 'clang++ c++ c++17'; do
		read -r compiler language standard <<<"$how"
		number=$((number + 1))
		if "$compiler" -x "$language" -std="$standard" -Iinclude \
			-pedantic -Wall -Wextra -Wundef -Werror \
			-fsyntax-only - <<<"$source"; then
			echo "ok $number - $header $compiler $standard"
		else
			echo "not ok $number - $header $compiler $standard"
			status=1
		fi
	done
done
exit $status
