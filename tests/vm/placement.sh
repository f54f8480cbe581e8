#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# placement.sh PROGRAM [SVG]: run tests/vm/placement.c in the machine, show its
# table, and draw it.
#
# A row of the table is two lines: name, pages of three nodes, per cent; and
# the picture, a letter for each part of the array.
set -eu
table=$(mktemp)
trap 'rm -f "$table"' EXIT
"$(dirname "$0")/four.sh" "$1" | tee "$table"
[ -n "${2-}" ] || exit 0

awk '
function rect(x, y, w, h, fill)
{
	printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" " \
		"fill=\"%s\"/>\n", x, y, w, h, fill
}
function text(x, y, anchor, words)
{
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
		x, y, anchor, words
}
function legend(x, fill, words)
{
	rect(x, 38, 12, 12, fill)
	text(x + 18, 49, "start", words)
}
BEGIN {
	color["0"] = "#3884ff"
	color["1"] = "#ff9f38"
	color["3"] = "#4caf6e"
	color["-"] = "#b8b8b8"
	left = 210
	cell = 8
}
NR == 1 { title = $0 }
/%$/ {
	name = $0
	sub(/  +[0-9]+ .*/, "", name)
	label[++rows] = name
	share[rows] = $(NF - 1) " %"
}
/^  [0-9-]+$/ { picture[rows] = $1 }
END {
	height = 70 + rows * 34
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" " \
		"height=\"%d\" font-family=\"sans-serif\" " \
		"font-size=\"13\">\n", height
	rect(0, 0, 800, height, "#ffffff")
	text(left, 22, "start", title)
	legend(left, color["0"], "on node 0")
	legend(left + 110, color["1"], "on node 1")
	legend(left + 220, color["-"], "on both, page by page")
	text(790, 49, "end", "with its user")
	for (i = 1; i <= rows; i++) {
		y = 62 + (i - 1) * 34
		text(left - 12, y + 17, "end", label[i])
		n = length(picture[i])
		for (first = 1; first <= n; first = c) {
			is = substr(picture[i], first, 1)
			for (c = first; substr(picture[i], c, 1) == is; c++)
				;
			rect(left + (first - 1) * cell, y,
				(c - first) * cell, 24, color[is])
		}
		text(790, y + 17, "end", share[i])
	}
	print "</svg>"
}' "$table" >"$2"
