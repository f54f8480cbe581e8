#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# charts.sh TSV FOLDER: what bench measured, drawn by gnuplot: NAME.svg and
# NAME.png for each of these of which the TSV has rows.
#
#   get-put, objects   ns of a pair, a bar for each allocator
#   scale              ns over the number of free runs, and what log2 allows
#   overhead           smallest heap / peak live, a bar for each allocator
#   programs           ours / jemalloc: time and memory
set -eu
tsv=$1 folder=$2
[ -s "$tsv" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v gnuplot >/dev/null; then
	echo "bench: no charts, as gnuplot is not here"
	exit 0
fi
mkdir -p "$folder"

# bars MEASURE: a line for each case, with our figure and those of the others;
# who is left out has 0.
bars()
{
	awk -F'\t' -v measure="$1" '
	$1 != measure || $4 == "-" || $4 ~ /^\(|1 thread/ || $7 == 0 { next }
	{
		name = $3 > 1 ? $2 ", " $3 " threads" : $2
		if (!(name in ours)) cases[++nr] = name
		if (!($4 in peer)) { peer[$4] = 1; peers[++np] = $4 }
		if (!(name in ours)) ours[name] = $6
		theirs[name, $4] = $7
	}
	END {
		if (!nr) exit
		printf "case\tfixheap"
		for (p = 1; p <= np; p++) printf "\t%s", peers[p]
		print ""
		for (c = 1; c <= nr; c++) {
			printf "\"%s\"\t%g", cases[c], ours[cases[c]]
			for (p = 1; p <= np; p++)
				printf "\t%g", theirs[cases[c], peers[p]] + 0
			print ""
		}
	}' "$tsv" >"$work/$1"
	[ -s "$work/$1" ]
}

# draw NAME WIDTH HEIGHT: commands on standard input, for both formats.
draw()
{
	local commands

	commands=$(cat)
	{
		echo "set terminal svg size $2,$3 font 'sans,12' \\"
		echo "	background 'white'"
		echo "set output '$folder/$1.svg'"
		echo "$commands"
		echo "set terminal pngcairo size $2,$3 font 'sans,9'"
		echo "set output '$folder/$1.png'"
		echo "$commands"
	} >"$work/commands"
	gnuplot "$work/commands"
	echo "bench: $folder/$1.svg, .png"
}

# clusters NAME TITLE AXIS [COMMAND [PLOT]]: bars side by side.
clusters()
{
	local columns lines

	columns=$(head -n 1 "$work/$1" | awk -F'\t' '{ print NF }')
	lines=$(wc -l <"$work/$1")
	draw "$1" $((140 + 105 * (lines - 1))) 420 <<-END
		set title '$2'
		set ylabel '$3'
		set style data histogram
		set style histogram clustered gap 1
		set style fill solid 0.85 noborder
		set boxwidth 1
		set grid ytics
		set border 3
		set tics nomirror
		set xtics rotate by -25 noenhanced
		set key outside bottom center horizontal noenhanced
		set xrange [-0.6:$((lines - 2)).6]
		set datafile separator '\t'
		${4:-}
		plot for [i=2:$columns] '$work/$1' using i:xtic(1) \
			title columnheader(i)${5:-}
	END
}

if bars get-put; then
	clusters get-put 'A get/put pair of pages: less is better' \
		'ns, logarithmic' 'set logscale y'
fi
if bars objects; then
	clusters objects 'A malloc/free pair of objects: less is better' \
		'ns, logarithmic' 'set logscale y'
fi
if bars overhead; then
	clusters overhead 'Smallest heap in which a load completes' \
		'times the peak of live bytes' 'set yrange [0:*]'
fi

# What programs take, by jemalloc.
awk -F'\t' '
$1 == "programs" && $4 == "jemalloc" && $2 !~ /CPU$/ {
	at = match($2, /, (wall|peak)$/)
	name = substr($2, 1, at - 1)
	if (!(name in seen)) { seen[name] = 1; names[++nr] = name }
	ratio[name, substr($2, at + 2)] = $8
}
END {
	if (nr) print "case\twall time\tpeak memory"
	for (i = 1; i <= nr; i++)
		printf "\"%s\"\t%g\t%g\n", names[i], ratio[names[i], "wall"],
			ratio[names[i], "peak"]
}' "$tsv" >"$work/programs"
if [ -s "$work/programs" ]; then
	clusters programs 'Programs under fixheap run: less is better' \
		'jemalloc = 1' 'set yrange [0:*]' ', 1 linecolor 0 notitle'
fi

# Free runs, ns, and what log2 of the runs allows.
awk -F'\t' '
$1 == "scale" {
	heap = $2
	sub(/,.*/, "", heap)
	text = $2
	sub(/^[^,]*, /, "", text)
	gsub(/[^0-9]/, "", text)
	if (!first) { first = $6; bits = log(text) }
	printf "%s\t%g\t%g\t%s\n", text, $6, first * log(text) / bits, heap
}' "$tsv" >"$work/scale"
if [ -s "$work/scale" ]; then
	draw scale 640 400 <<-END
		set title 'Array alloc and free, 85 % of the heap in use'
		set xlabel 'free runs (heap)'
		set ylabel 'ns of a pair'
		set logscale x 2
		set format x '2^{%L}'
		set yrange [0:*]
		set xrange [512:2097152]
		set grid ytics
		set border 3
		set tics nomirror
		set key top left
		set datafile separator '\t'
		plot '$work/scale' using 1:3 with lines dashtype 2 \
			title 'as log2 of the free runs', \
			'' using 1:2 with linespoints pt 7 lw 2 \
			title 'fixheap', \
			'' using 1:2:4 with labels offset 0,-1.3 notitle
	END
fi
