#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tidy.sh: the rules of form that a machine can hold.
#
# Each check prints the places that break its rule; none is a pass.  Those of
# the compiled library come last.  `make format` mends the form of C files.
set -u
build=${B:?is set by tests/run.sh}/std
number=0 status=0

check()	# check NAME COMMAND...: passes when the command prints nothing
{
	local name=$1 found

	shift
	number=$((number + 1))
	found=$("$@" 2>&1)
	if [ -z "$found" ]; then
		echo "ok $number - $name"
	else
		status=1
		printf '%s\n' "$found"
		echo "not ok $number - $name"
	fi
}

mapfile -t code < <(find include mm arch tools tests samples -name '*.[ch]' \
	-not -path '*/generated/*' -not -path 'tests/build/*' | sort)
mapfile -t plus < <(find include tests \( -name '*.cc' -o -name '*.hpp' \) \
	-not -path 'tests/build/*' | sort)
mapfile -t scripts < <(find tools tests samples .ci \( -name '*.sh' \
	-o -name run -o -name numavm -o -name '*.mk' -o -name Makefile \) \
	-not -path 'tests/build/*' | sort)
mapfile -t text < <(printf '%s\n' "${code[@]}" "${plus[@]}" "${scripts[@]}" \
	Makefile Kconfig)

# ---- text --------------------------------------------------------------------

whitespace()
{
	grep -nE '[[:blank:]]$' "${text[@]}" | sed 's/$/<- blanks/'
}

columns()
{
	awk '
		{
			line = $0
			while (tab = index(line, "\t"))
				line = substr(line, 1, tab - 1) substr(blanks, \
					1, 8 - (tab - 1) % 8) \
					substr(line, tab + 1)
		}
		length(line) > 80 {
			print FILENAME ":" FNR ": " length(line) " columns"
		}' blanks='        ' "${code[@]}" "${plus[@]}" "${scripts[@]}"
}

lengths()
{
	wc -l "${code[@]}" "${plus[@]}" "${scripts[@]}" |
		awk '$1 > 500 && $2 != "total" { print $2 ": " $1 " lines" }'
}

licence()
{
	local text='SPDX-License-Identifier: BSD-2-Clause'

	awk -v text="/* $text */" 'FNR == 1 && $0 != text {
		print FILENAME ": no licence in its first line"
	}' "${code[@]}" "${plus[@]}"
	awk -v text="# $text" '
		FNR == 1 { found = $0 == text }
		FNR == 2 && !found && $0 != text {
			print FILENAME ": no licence in its first two lines"
		}' "${scripts[@]}"
}

# Spelt so that this line is not found.
unfinished()
{
	grep -nE '\b(TO''DO|FIX''ME|XX''X)\b' "${text[@]}"
}

shells()
{
	local file

	for file in "${scripts[@]}"; do
		case $(head -n 1 "$file") in
		'#!/bin/sh') sh -n "$file" ;;
		'#!/bin/bash') bash -n "$file" ;;
		esac
	done
}

# ---- C -----------------------------------------------------------------------

form()
{
	case $(clang-format --version) in
	*'version 14.'*)
		clang-format --style=file --dry-run "${code[@]}" "${plus[@]}" \
			2>&1 |
			awk -F: '/warning:/ && !seen[$1]++ {
				print $1 ":" $2 ": make format would change it"
			}'
		;;
	esac
}

# A `{` in the first column opens a function, a `}` there closes it.
functions()
{
	awk '
	FNR == 1 { inside = 0; head = ""; name = "" }
	!inside && /^{/ {
		inside = 1
		first = FNR
		text = head
		gsub(/\([^()]*\)\([^()]*\)/, "", text)
		# jemalloc and Chapel decide what their hooks get, and the
		# public header what post_realloc does
		if (gsub(/,/, ",", text) > 4 &&
		    head !~ /extent_hooks|chpl_|post_realloc/)
			print FILENAME ":" FNR ": over 5 parameters"
	}
	inside && /^}/ {
		if (FNR - first + 1 > 70)
			print FILENAME ":" first ": over 70 lines"
		inside = 0
		head = ""
	}
	inside && /^\t\t\t\t+(if|for|while|do|switch)[ (]/ {
		print FILENAME ":" FNR ": over 3 levels"
	}
	!inside { head = /^$|;$|^#|\*\/$|^}/ ? "" : head " " $0 }
	' "${code[@]}" $(printf '%s\n' "${plus[@]}" | grep '^tests/cpp/')
}

conditionals()
{
	grep -nE '^[[:blank:]]*#[[:blank:]]*(if|el|end)' mm/*.c
}

public_config()
{
	grep -nw 'CONFIG_[A-Z_]*' include/fixheap/*
}

# Which file of mm/ may include which: a layer, what it may include besides
# itself, and its files; a name with .h is the header alone.  Arrows point down
# only; a client sees runs, never what lies below them.
layers()
{
	cat <<'END'
base	-	trace.h
base	-	cpu types kconfig export bitmap spinlock bittree maxtree
base	-	vmstat nodemask
frame	base	host page mmzone run.h bug layout.h ranges.h config.h tag
frame	base,frame	trim.h
frame	base	page_group.h
debug	base,frame	page_owner page_poison.h fail_page_alloc
nodes	base,frame	binding policy ready
block	base,frame	page_alloc contig span span_find runmap sizetree
block	base,frame	zeromap
zone	base,frame,debug,nodes,block	zone zonelist pcp place page_group.c
zone	base,frame,debug,nodes,block	layout topology survey usable room
zone	base,frame,debug,nodes,block	layout_grow ranges.c
zone	base,frame,debug,nodes,block	range_place range_map
run	base,frame,debug,nodes,block,zone	run run_range run_largest clear
seam	base,frame	objects.h heap.h fork.h grow.h shortage.h
client	base,frame,debug,nodes,seam	request fault array pages fork direct
client	base,frame,debug,nodes,seam	live_bytes
client	base,frame,debug,nodes,seam	array_none page_poison.c rehome promise
client	base,frame,debug,nodes,seam	malloc malloc_runs extent_hooks
client	base,frame,debug,nodes,seam	thread_cache thread_node thread_live
client	base,frame,debug,nodes,seam	magazine depot thread_pages thread_runs
client	base,frame,debug,nodes,seam	slab slab_live size_class je je_glue
client	base,frame,debug,nodes,seam	objects.c
whole	+	heap registry stats walk validate validate_block validate_pcp
whole	+	hugetlb validate_range prefault prefault_plan
whole	+	shortage.c shortage_none tag_none explain explain_none blockers
whole	+	trim.c trim_none decay
whole	+	share share_none
whole	+	placement touch config.c grow.c own.c own_post isolate
whole	+	print print_none print_zones print_runs print_stats leaks
client	base,frame,debug,nodes,seam	parse_size ticket
END
}

includes()
{
	layers | awk '
	function layer_of(file,	name)
	{
		name = file
		sub(/\.[ch]$/, "", name)
		return file in layer ? layer[file] : layer[name]
	}
	FILENAME == "-" {
		allowed[$1] = "," $1 "," $2 ","
		for (i = 3; i <= NF; i++)
			layer[$i] = $1
		next
	}
	FNR == 1 {
		name = FILENAME
		sub(/.*\//, "", name)
		mine = layer_of(name)
		if (!mine)
			print FILENAME ": in no layer; see tests/tidy.sh"
	}
	/^#include "/ {
		gsub(/"/, "", $2)
		other = layer_of($2)
		if (!other)
			print FILENAME ":" FNR ": " $2 " is in no layer"
		else if (mine && mine != "whole" &&
			!index(allowed[mine], "," other ","))
			print FILENAME ":" FNR ": " mine \
				" may not include " other " (" $2 ")"
	}' - mm/*.[ch]
}

# ---- the library -------------------------------------------------------------

declared()
{
	cat include/fixheap/*.h | gcc -E -P -Iinclude -x c - |
		grep -oE '\bfixheap_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

exported()
{
	diff <(declared) <(nm -D --defined-only "$build/libfixheap.so" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u) |
		sed -n 's/^</declared, not exported:/p
			s/^>/exported, not declared:/p'
}

archived()
{
	nm -g --defined-only "$build/libfixheap.a" |
		awk 'NF == 3 { print $3 }' | sort -u | diff <(declared) - |
		sed -n 's/^</declared, not in the archive:/p
			s/^>/in the archive, not declared:/p'
}

# Names of our own objects that start with an underscore.  The preload library
# stands in for functions of the C library, whatever they are called.
underscores()
{
	find "$build/mm" "$build/arch" "$build/tools" -name '*.o' \
		-not -name je.o -not -name preload.o \
		-exec nm -A --defined-only {} + |
		awk '$NF ~ /^_/ && $NF !~ /^_GLOBAL_/'
}

# Writable data and constructors, outside of the files that need some: the list
# of heaps, what jemalloc forces, and each thread's place.
globals()
{
	local objects but='je|je_glue|extent_hooks|thread_cache|registry|tag'

	mapfile -t objects < <(find "$build/mm" "$build/arch/linux" \
		-name '*.o' | grep -vE "/($but|shortage|share)\.o\$")
	objdump -ht "${objects[@]}" | awk -v build="$build/" '
		$2 == "file" && $3 == "format" {
			object = substr($1, length(build) + 1)
		}
		/ \.t?(data|bss)[. \t]/ && !/^ *[0-9]+ \./ && $NF !~ /^\./ {
			print object " writable: " $NF
		}
		$2 ~ /^\.(init_array|ctors)/ {
			print object " has a constructor: " $2
		}'
}

environment()
{
	nm -u "$build/libfixheap.a" | grep -E 'getenv|environ|readlink'
}

# Notes of tracepoints, as "provider.name".
notes()
{
	readelf -n "$@" | awk '$1 == "Provider:" { provider = $2 }
		$1 == "Name:" { print provider "." $2 }' | sort -u
}

# Those that fixheap(7) has, with TRACEPOINTS; and without, no trace of any.
tracepoints()
{
	local objects
	objects=$(grep -lE '\<trace_[a-z]+\(' mm/*.c |
		sed "s|^\(.*\)c$|$build-probes/\1o|")
	tests/build.sh std-probes CONFIG_TRACEPOINTS=y $objects \
		>"$build.log" 2>&1 || tail "$build.log"
	awk '/^\.Sh/ { inside = $2 == "TRACEPOINTS" }
		inside && /^\.It Sy/ { print "fixheap." $3 }' \
		tools/man/fixheap.7 | sort | diff - <(notes $objects)
	readelf -SW "$build/libfixheap.so" | grep stapsdt
}

check 'no blanks at the end of a line' whitespace
check '80 columns' columns
check '500 lines' lengths
check 'licence' licence
check 'nothing unfinished' unfinished
check 'shell syntax' shells
check 'form' form
check 'functions: 70 lines, 3 levels, 5 parameters' functions
check 'no conditional compilation in mm/*.c' conditionals
check 'no CONFIG_ in the public headers' public_config
check 'layers' includes

if tests/build.sh std all >"$build.log" 2>&1; then
	check 'exported are the declared functions' exported
	check 'the archive has no other names' archived
	check 'no leading underscores' underscores
	check 'no writable globals, no constructors' globals
	check 'the library reads no environment' environment
	check 'tracepoints only where they are asked for' tracepoints
else
	tail -n 20 "$build.log"
	number=$((number + 1))
	status=1
	echo "not ok $number - the library can be built"
fi
echo "1..$number"
exit $status
