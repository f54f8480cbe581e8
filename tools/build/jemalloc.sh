#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# jemalloc.sh ARCHIVE OBJECT: a private jemalloc in one object, from the
# distribution's position-independent archive.
#
# The C++ operators are dropped.  Every name that jemalloc defines gets the
# prefix fhje_, the hidden je_* included, so that it can live beside a malloc
# that is jemalloc too.  It asks the environment through secure_getenv and the
# link /etc/malloc.conf through readlink; both are pointed at functions of
# ours (mm/je_glue.c) that know nothing, for a library takes its options from
# its caller.  What its profiler, which is off, wants of libm and libgcc_s is
# one more: loading the two costs each program 0.2 ms.
set -eu
archive=$1 object=$2

if [ ! -f "$archive" ]; then
	echo "there is no libjemalloc_pic.a ($archive): run 'make deps'," \
		"or leave CONFIG_JEMALLOC out" >&2
	exit 1
fi
archive=$(realpath "$archive")
work=$object.dir
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

(cd "$work" && "${AR:-ar}" x "$archive" && rm -f jemalloc_cpp*.o)
"${LD:-ld}" -r -o "$work/all" "$work"/*.o

"${NM:-nm}" -g "$work/all" | awk '
	$(NF - 1) != "U" { print $NF, "fhje_" $NF }
	$(NF - 1) == "U" && $NF ~ /^(__)?(secure_)?getenv$/ {
		print $NF, "fhje_no_getenv"
	}
	$(NF - 1) == "U" && $NF ~ /^readlink$/ {
		print $NF, "fhje_no_readlink"
	}
	$(NF - 1) == "U" && $NF ~ /^(exp|log|round|_Unwind_.*)$/ {
		print $NF, "fhje_no_" $NF
	}' >"$work/names"
"${OBJCOPY:-objcopy}" --redefine-syms="$work/names" "$work/all" "$work/je"

left=$("${NM:-nm}" -g "$work/je" | awk '
	$(NF - 1) != "U" && $NF !~ /^fhje_/ { print $NF }
	$(NF - 1) == "U" && $NF ~ /getenv|readlink/ && $NF !~ /^fhje_no_/ {
		print $NF
	}')
if [ -n "$left" ]; then
	echo "$archive has names that are not made private:" $left >&2
	exit 1
fi
mv "$work/je" "$object"
