#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# autoconf.sh CONFIG MK OBJTREE: what .config says, for make and for C.
#
# With a Kconfig tool at hand, symbols that are missing get their defaults and
# contradictions are solved first.  Without one, the file is taken at its word.
#
# The header, OBJTREE/include/generated/autoconf.h, is written only when it
# changes.  Then the objects are removed that are made of a file in which one of
# the symbols is mentioned that are not what they were; all others would be made
# as they are.  The make file is written always, because its time says that this
# was done.
set -eu
config=$1 mk=$2 objtree=$3
header=$objtree/include/generated/autoconf.h

# changed FILE: the symbols that the header has otherwise; all without one
changed()
{
	if [ -f "$header" ]; then
		diff "$header" "$1" | awk '$2 == "#define" { print $3 }'
	else
		echo 'CONFIG_[A-Z0-9_]+'
	fi
}

# users SYMBOL...: objects made of files that mention one, as -MMD has them
users()
{
	find "$objtree/mm" "$objtree/arch" "$objtree/tools" "$objtree/tests" \
		-path "$objtree/tests/build" -prune -o -name '*.d' -print |
		awk -v symbols="$*" '
	function mentions(file, line)
	{
		while (!(file in found) && (getline line <file) > 0)
			if (line ~ pattern)
				found[file] = 1
		close(file)
		return found[file] += 0
	}
	BEGIN {
		gsub(/ /, "|", symbols)
		pattern = "(^|[^A-Z0-9_])(" symbols ")([^A-Z0-9_]|$)"
	}
	{
		# "object: file file \\", on as many lines as it takes
		object = ""
		do {
			if ((getline line <$0) <= 0)
				break
			n = split(line, word, " ")
			for (i = 1; i <= n; i++)
				if (object == "")
					object = word[i]
				else if (word[i] != "\\" && mentions(word[i]))
					object = substr(object, 1, \
						index(object ":", ":")) "used"
		} while (line ~ /\\$/)
		close($0)
		if (sub(/:used$/, "", object))
			print object
	}'
}

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
	# shellcheck disable=SC2046
	users $(changed "$header.new" | sort -u) 2>/dev/null | xargs rm -f
	mv "$header.new" "$header"
fi
grep '^CONFIG_' "$config" >"$mk.new"
mv "$mk.new" "$mk"
