#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# autoconf.sh CONFIG MK HEADER: what .config says, for make and for C.
#
# With a Kconfig tool at hand, symbols that are missing get their defaults and
# contradictions are solved first.  Without one, the file is taken at its word.
# The header is written only when it changes, because every object depends on
# it; the make file always, because its time says that this was done.
set -eu
config=$1 mk=$2 header=$3

if command -v kconfig-conf >/dev/null &&
	! cmp -s "$config" tools/build/defconfig; then
	KCONFIG_CONFIG=$config kconfig-conf --olddefconfig Kconfig >/dev/null
fi

mkdir -p "$(dirname "$mk")" "$(dirname "$header")"
awk -F= '
BEGIN { print "/* Made from .config by tools/build/autoconf.sh. */" }
/^CONFIG_/ {
	value = substr($0, length($1) + 2)
	print "#define " $1 " " (value == "y" ? 1 : value)
}' "$config" >"$header.new"
if cmp -s "$header.new" "$header"; then
	rm -f "$header.new"
else
	mv "$header.new" "$header"
fi
grep '^CONFIG_' "$config" >"$mk.new"
mv "$mk.new" "$mk"
