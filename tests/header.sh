#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# header.sh: every public header compiles alone, as strict C11 and C17 and as
# C++98 to C++20, with both compilers, without a warning; fixheap.hpp as C++17
# and C++20, with all of it used, and without exceptions and RTTI, too.
set -eu
number=0 status=0

# compiles NAME COMPILER LANGUAGE STANDARD [FLAG...]: what is in $source.
compiles()
{
	local name=$1 compiler=$2 language=$3 standard=$4
	shift 4
	number=$((number + 1))
	name="$name $compiler $standard $*"
	if "$compiler" -x "$language" -std="$standard" -Iinclude -pedantic \
		-Wall -Wextra -Wundef -Werror "$@" -fsyntax-only - \
		<<<"$source"; then
		echo "ok $number - ${name% }"
	else
		echo "not ok $number - ${name% }"
		status=1
	fi
}

for header in include/fixheap/*.h; do
	include="#include <${header#include/}>"
	# Twice: the guard works.  The initializers are used, not just defined:
	# that of struct fixheap_x is FIXHEAP_X_INIT.
	source="$include
$include
$(sed -n 's/^#define FIXHEAP_\(.*\)_INIT\>.*/\L\1 \U\1/p' "$header" |
	sed 's/\(.*\) \(.*\)/struct fixheap_\1 a_\1 = FIXHEAP_\2_INIT;/')"
	for how in 'gcc c c11' 'gcc c c17' 'gcc c gnu11' 'clang c c11' \
		'clang c c17' 'g++ c++ c++98' 'clang++ c++ c++98' \
		'g++ c++ c++11' 'g++ c++ c++17' 'g++ c++ c++20' \
		'clang++ c++ c++11' 'clang++ c++ c++17'; do
		# shellcheck disable=SC2086
		compiles "$header" $how
	done
done

# Every member of the templates is instantiated.
source='#include <fixheap/fixheap.hpp>
#include <fixheap/fixheap.hpp>
template class fixheap::allocator<int>;

#include <map>
#include <string>
#include <vector>
template class std::vector<int, fixheap::allocator<int>>;
template class std::map<int, int, std::less<int>,
			fixheap::allocator<std::pair<const int, int>>>;
std::pmr::string hello(fixheap::memory_resource &resource)
{
	return std::pmr::string("hello", &resource);
}'
for compiler in g++ clang++; do
	for standard in c++17 c++20; do
		for flags in '' '-fno-exceptions -fno-rtti'; do
			# shellcheck disable=SC2086
			compiles include/fixheap/fixheap.hpp $compiler c++ \
				$standard $flags
		done
	done
done
echo "1..$number"
exit $status
