#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# install.sh CHPL_HOME: put the memory layer into a tree of Chapel.
#
# Copies its files and edits three of Chapel's; what each edit is, README says.
# A second run changes nothing more.  Files that a tree has not (one that is
# installed has no sources of the runtime, say) are passed over.  A file that
# has changed so much that the place of an edit is not found is named, and the
# status is 1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=${1:?CHPL_HOME}
runtime=$home/runtime
chplenv=$home/util/chplenv
status=0

# edit FILE PROGRAM: run awk on it, unless it knows fixheap already.
edit()
{
	local file=$1 program=$2

	[ -f "$file" ] || return 0
	if ! grep -qi -e fixheap -e CHPL_MEM_IMPL_ARRAYS "$file"; then
		if awk "$program"' END { exit !found }' "$file" >"$file.new"
		then
			cat "$file.new" >"$file"
		else
			echo "$file: where to edit it is not found" >&2
			status=1
		fi
		rm -f "$file.new"
	fi
}

if [ ! -f "$runtime/include/chpl-mem-array.h" ]; then
	echo "$home: no tree of Chapel" >&2
	exit 1
fi
mkdir -p "$runtime/include/mem/fixheap"
cp "$here"/mem/*.h "$runtime/include/mem/fixheap"
if [ -d "$runtime/src/mem" ]; then
	mkdir -p "$runtime/src/mem/fixheap"
	cp "$here"/mem/*.c "$here"/mem/Makefile* "$runtime/src/mem/fixheap"
fi

# From chpl_mem_array_alloc to the last brace of extern "C".
edit "$runtime/include/chpl-mem-array.h" '
	{ line[NR] = $0 }
	/chpl_mem_array_alloc\(/ && !first {
		first = line[NR - 1] ~ /^static/ ? NR - 1 : NR
	}
	/^#ifdef __cplusplus/ || /^#endif.*LAUNCHER/ {
		if (first && !last)
			last = NR
	}
	END {
		found = first && last
		for (i = 1; i <= NR; i++) {
			if (i == first) {
				print "#ifdef CHPL_MEM_IMPL_ARRAYS"
				print "#include \"chpl-mem-array-impl.h\""
				print "#else"
			}
			if (i == last)
				print "#endif // CHPL_MEM_IMPL_ARRAYS\n"
			print line[i]
		}
	}'

[ ! -d "$chplenv" ] || cp "$here/chpl_fixheap.py" "$chplenv"
edit "$chplenv/chpl_mem.py" '
	/valid = \(|check_valid_var\(.*mem_val, \[/ && !found {
		found = 1
		sub(/valid = \(|mem_val, \[/, "&'\''fixheap'\'', ")
	}
	{ print }'
edit "$chplenv/compile_link_args_utils.py" '
	BEGIN { link = "tgt_link" }
	{ print }
	/^from chplenv import/ { print "import chpl_fixheap" }
	/^    tgt_runtime_link = / { link = "tgt_runtime_link" }
	/add args from chpl_llvm|add 3p arguments/ && !found {
		found = 1
		print "    if chpl_mem.get('\''target'\'') == '\''fixheap'\'':"
		print "        extend2(tgt_compile," \
			" chpl_fixheap.get_compile_args())"
		print "        extend2(" link "," \
			" chpl_fixheap.get_link_args())"
	}'
exit $status
