#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# trace.sh [NAME]: what programs allocate, written down and played.
#
# Takes the command from the build $B/NAME, or from $O without a name.  Prints
# TAP.  trace/check.py is a second reader of the format.  BROWSER=1: only what
# needs a browser.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$PWD
built=${1:+${B:?is set by tests/run.sh}/$1}
built=${built:-${O:-$PWD}}
fixheap=$(realpath "$built")/tools/fixheap
python=$(command -v /usr/bin/python3 || command -v python3 || true)
if [ ! -x "$fixheap" ]; then
	echo "there is no $fixheap: build with CONFIG_COMMAND"
	exit 77
elif [ -z "$python" ]; then
	echo 'there is no python3'
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C TERM=dumb
unset LD_PRELOAD FIXHEAP_REPORT FIXHEAP_RECORD FIXHEAP_HEAP
number=0 failed=0

. tests/tap.sh

# record STATUS NAME ARGUMENT...: the load, into $dir/NAME and others.
record()
{
	local wanted=$1 name=$2 status=0
	shift 2
	rm -f "$dir/$name" "$dir/$name".*
	timeout -k 5 60 "$fixheap" record --heap 64M -o "$dir/$name" "$@" \
		2>"$dir/err" || status=$?
	cat "$dir/err"
	[ $status = "$wanted" ]
}

# read_back NAME PATTERN: what the second reader says of it.
read_back()
{
	"$python" tests/trace/check.py "$dir/$1" >"$dir/read"
	local status=$?
	cat "$dir/read"
	[ $status = 0 ] && grep -q "$2" "$dir/read"
}

# ---- record ------------------------------------------------------------------

load_is_built()
{
	gcc -O1 -D_GNU_SOURCE -fno-builtin -o "$dir/load" tests/trace/load.c \
		-lpthread
}

plain()
{
	record 0 plain "$dir/load" plain &&
		read_back plain 'move 500 fail 1 hole 0 odd 0' &&
		[ "$(stat -c %s "$dir/plain")" -lt 40000 ]
}

# Those of run, which mean the same: the first process is the one to touch.
options()
{
	record 0 options --decay=50 --hugepages --prefault -- sh -c \
		'[ "$FIXHEAP_DECAY $FIXHEAP_HUGEPAGES" = "50 1" ] &&
		[ "$FIXHEAP_PREFAULT" = $$ ] && exec "$0" plain' \
		"$dir/load" && read_back options 'hole 0 odd 0' &&
		ends 125 "$fixheap" record --decay=x true &&
		grep -q "'x' is not a number of milliseconds" "$dir/err" &&
		ends 125 "$fixheap" record --hugepages=3M true &&
		grep -q "record --help" "$dir/err"
}

threads()
{
	record 0 threads "$dir/load" threads &&
		read_back threads 'hole 0 odd 0'
}

# The child that calls nothing has no file; its child begins with both.
forks()
{
	record 0 forks "$dir/load" forks && ls "$dir"/forks* &&
		[ "$(echo "$dir"/forks.*)" = "$(echo "$dir"/forks.[0-9]*)" ] &&
		read_back "$(basename "$dir"/forks.*)" 'free 10[0-9][0-9] '
}

# The name of the second file of one process.
programs()
{
	# shellcheck disable=SC2016
	record 0 programs sh -c 'exec sh -c "exec sh -c :"' &&
		ls "$dir"/programs*.2 "$dir"/programs
}

killed()
{
	record 137 killed "$dir/load" killed &&
		read_back killed 'alloc 30[0-9][0-9] .*hole 0 odd 0'
}

# The command is killed, too: nobody cuts the file.
left_alone()
{
	local pid try
	"$fixheap" record --heap 64M -o "$dir/left" -- "$dir/load" endless \
		2>/dev/null &
	pid=$!
	for try in $(seq 100); do
		[ ! -s "$dir/left" ] || break
		sleep 0.1
	done
	sleep 0.2
	# shellcheck disable=SC2046
	kill -KILL $(cat /proc/$pid/task/$pid/children) $pid 2>/dev/null
	wait $pid
	[ -s "$dir/left" ] && read_back left 'odd 0'
}

# What a file may have stops the recording, and not the program.
full()
{
	(ulimit -f 1024 && record 0 full "$dir/load" threads) &&
		grep 'a trace ends before its process did' "$dir/err" &&
		read_back full 'odd 0'
}

not_written_over()
{
	echo precious >"$dir/precious"
	! "$fixheap" record -o "$dir/precious" true &&
		[ "$(cat "$dir/precious")" = precious ] &&
		! "$fixheap" record -o /nonesuch/trace true
}

# ---- replay ------------------------------------------------------------------

# replay STATUS NAME OPTION...: what it prints is in out.
replay()
{
	local wanted=$1 name=$2 status=0
	shift 2
	timeout -k 5 60 "$fixheap" replay "$@" "$dir/$name" >"$dir/out" \
		2>"$dir/err" || status=$?
	cat "$dir/out" "$dir/err"
	[ $status = "$wanted" ]
}

# says PATTERN: a line of out
says()
{
	grep -qE "$1" "$dir/out" || {
		echo "no '$1'"
		return 1
	}
}

completes()
{
	local peak
	read_back plain . && peak=$(sed 's/.* peak //' "$dir/read")
	replay 0 plain && says '64\.0 MiB: completes$' &&
		says '500 resized, .* 1 refused$' &&
		says "^peak live .*\($peak bytes\)$"
}

# The heap of the recording and its map, whatever the machine looks like.
same_map()
{
	local map name
	for name in plain threads killed; do
		replay 0 $name --heap 48M && says '^heap map  *[0-9a-f]{16}$' ||
			return 1
		cp "$dir/out" "$dir/first"
		(cd / && export X="$(seq 1000)" MALLOC_CONF=junk:true &&
			taskset -c "$(($(nproc) - 1))" setarch -R "$fixheap" \
				replay --heap 48M "$dir/$name") >"$dir/out"
		diff "$dir/first" "$dir/out" || return 1
	done
	map=$(tail -n 1 "$dir/first")
	replay 0 killed --heap 52M && [ "$(tail -n 1 "$dir/out")" != "$map" ]
}

refused()
{
	replay 1 plain --heap 6M &&
		says '^heap .* 6\.0 MiB: fails at [0-9]* of .* 8\.0 MiB$'
}

# least NAME: the third column of a row.
least()
{
	awk -v name="$1" '$1 == name { print $NF }' "$dir/out"
}

# What is least does, and a little less does not.
smallest()
{
	local ratio
	replay 0 threads --min && ratio=$(least fixheap) && echo "$ratio" &&
		awk -v r="$ratio" 'BEGIN { exit !(r >= 1 && r < 2) }'
}

others()
{
	local name
	replay 0 plain --heap 32M --against bump,jemalloc || return 1
	if ! says 'jemalloc is not installed'; then
		for name in fixheap bump jemalloc; do
			[ -n "$(least $name)" ] && [ "$(least $name)" != - ] ||
				return 1
		done
	fi
	replay 125 plain --against bump,nothing
}

# A file that ends in a word, one that is another, some that are spoilt.
broken()
{
	local i
	head -c $((4096 + 999)) "$dir/plain" >"$dir/torn"
	replay 0 torn && says completes || return 1
	head -c 300 "$dir/plain" >"$dir/torn"
	replay 125 torn || return 1
	replay 125 precious && replay 125 nonesuch || return 1
	for i in $(seq 20); do
		"$python" tests/trace/spoil.py "$i" "$dir/plain" \
			>"$dir/spoilt" || return 1
		timeout -k 5 60 "$fixheap" replay --heap 64M "$dir/spoilt" \
			>"$dir/out" 2>&1
		case $? in
		0 | 1) ;;
		125) grep '^fixheap: cannot read' "$dir/out" || return 1 ;;
		*)
			cat "$dir/out"
			echo "seed $i: tests/trace/spoil.py $i FILE"
			return 1
			;;
		esac
	done
}

child()
{
	local name
	name=$(basename "$dir"/forks.*)
	replay 0 "$name" && says '10[0-9][0-9] allocations' || return 1
	mv "$dir/forks" "$dir/parent"
	replay 125 "$name" && mv "$dir/parent" "$dir/forks"
}

# ---- text --------------------------------------------------------------------

# import STATUS TEXT: into $dir/imported
import()
{
	local status=0
	printf '%b' "$2" | "$fixheap" trace import -o "$dir/imported" - \
		>"$dir/out" 2>"$dir/err" || status=$?
	cat "$dir/err"
	[ $status = "$1" ]
}

# Text and back: the same text, and the same heap.
round_trip()
{
	local name
	for name in plain threads; do
		"$fixheap" trace dump "$dir/$name" >"$dir/text" &&
			"$fixheap" trace import -o "$dir/imported" \
				"$dir/text" &&
			"$fixheap" trace dump -o "$dir/again" "$dir/imported" &&
			cmp "$dir/text" "$dir/again" || return 1
		replay 0 $name && mv "$dir/out" "$dir/first" &&
			replay 0 imported && diff "$dir/first" "$dir/out" ||
			return 1
	done
	[ "$(grep -c '^r ' "$dir/text")" -gt 1000 ] || return 1
	import 0 '# heap 4194304\na 0x1000 24\n\na 7 100000 4096\n'$(
		)'r 0x1000 9 48\nx 99\nf 9\n' &&
		"$fixheap" trace dump "$dir/imported" >"$dir/out" || return 1
	diff - "$dir/out" <<-END
		# fixheap trace 1
		# heap 4194304
		a 1 24
		a 2 100000 4096
		r 1 1 48
		x 99
		f 1
	END
}

bad_text()
{
	local line
	for line in 'q 1 2' 'a 1' 'a 1 2 3' 'a 1 2 64 5' 'f' 'f -1' 'r 1 2' \
		'a one 2' 'x' 'f 1 2' 'a 1 99999999999999999999' hello; do
		import 125 "a 1 8\n$line\n" &&
			grep -q "^fixheap: -:2: '$line' is no op" "$dir/err" ||
			return 1
	done
}

# As kdump(1) prints the records of opt.utrace.
utrace()
{
	import 0 ' 12 prog USER  malloc_init()\n'$(
		)' 12 prog USER  0x800a0 = malloc(24)\n'$(
		)' 12 prog USER  0x800b0 = realloc(0x800a0, 2097152)\n'$(
		)' 12 prog USER  0 = malloc(9)\n'$(
		)' 12 prog USER  0x800c0 = realloc(0, 7)\n'$(
		)' 12 prog USER  free(0x800b0)\n' &&
		"$fixheap" trace dump "$dir/imported" >"$dir/out" || return 1
	diff - "$dir/out" <<-END
		# fixheap trace 1
		a 1 24
		r 1 1 2097152
		x 9
		a 2 7
		f 1
	END
}

# What a jemalloc wrote just now, and text by hand: frees at one time.
prof_log()
{
	printf '{"info":{},"allocations":[%s,%s,%s]}' \
		'{"alloc_timestamp":5,"free_timestamp":7,"usize":16}' \
		'{"alloc_timestamp":7,"free_timestamp":7,"usize":32}' \
		'{"alloc_timestamp":7,"free_timestamp":9,"usize":64}' \
		>"$dir/log.json"
	"$fixheap" trace import -o "$dir/imported" "$dir/log.json" &&
		"$fixheap" trace dump "$dir/imported" >"$dir/out" || return 1
	diff - "$dir/out" <<-END || return 1
		# fixheap trace 1
		a 1 16
		f 1
		a 2 32
		f 2
		a 3 64
		f 3
	END
	import 125 '{"allocations":[{"usize":1}]}' &&
		import 125 '{"allocations":[' || return 1
	(cd "$dir" && LD_PRELOAD=libjemalloc.so.2 MALLOC_CONF=$(
		)prof:true,prof_log:true,lg_prof_sample:0,$(
		)prof_time_resolution:high ./load plain)
	if [ ! -e "$(echo "$dir"/jeprof.*.json)" ]; then
		echo 'there is no jemalloc that profiles'
		return
	fi
	"$fixheap" trace import -o "$dir/imported" "$dir"/jeprof.*.json &&
		replay 0 imported --heap 64M && says '150[0-9] allocations' &&
		says 'peak live *8\.'
}

# ---- the page ----------------------------------------------------------------

page()
{
	replay 0 threads --heap 16M --html "$dir/page.html" &&
		"$python" tests/trace/page.py "$dir/page.html" &&
		replay 1 plain --heap 6M --html "$dir/page.html" &&
		"$python" tests/trace/page.py "$dir/page.html" &&
		replay 125 plain --html /dev/full &&
		replay 125 plain --html /nonesuch/page.html || return 1
	import 0 '# program a"</script><b>\\\na 1 70000\nf 1\na 1 5\nf 1\n' &&
		replay 0 imported --heap 16M --html "$dir/page.html" &&
		"$python" tests/trace/page.py "$dir/page.html"
}

# look PAGE FRAME WIDTH WHAT: a picture of it in a browser, and what is in it.
look()
{
	timeout -k 5 60 "$browser" --headless --no-sandbox --disable-gpu \
		--hide-scrollbars --user-data-dir="$dir/browser" \
		--force-device-scale-factor=1 --window-size="$3",1000 \
		--screenshot="$dir/$4.png" "file://$dir/$1#frame=$2" \
		>"$dir/browser.log" 2>&1 || cat "$dir/browser.log"
	"$python" tests/trace/page.py "$dir/$1" "$dir/$4.png" "$4"
}

in_browser()
{
	replay 0 threads --heap 8M --html "$dir/one.html" &&
		replay 1 plain --heap 6M --html "$dir/two.html" &&
		look one.html 0 1100 0 && look one.html 100 1100 100 &&
		look two.html 999 1100 -1 &&
		look one.html 30 400 narrow && plays one.html
}

# Pressed, the button goes on to the last moment.
plays()
{
	local frame
	sed 's|</body>|<script>get("play").click()</script></body>|' \
		"$dir/$1" >"$dir/plays.html"
	timeout -k 5 60 "$browser" --headless --no-sandbox --disable-gpu \
		--user-data-dir="$dir/browser" --dump-dom \
		--virtual-time-budget=60000 "file://$dir/plays.html" \
		>"$dir/dom" 2>/dev/null
	frame=$(sed -n 's/^<html.* data-frame="\([0-9]*\)".*/\1/p' "$dir/dom")
	echo "at $frame of $(grep -o 'max="[0-9]*"' "$dir/dom")"
	[ -n "$frame" ] && grep -q "max=\"$frame\"" "$dir/dom"
}

# Only that, for `make check-slow`: a browser is large.
if [ "${BROWSER+set}" ]; then
	browser=$(command -v chromium || command -v google-chrome ||
		command -v chromium-browser)
	if [ -z "$browser" ]; then
		echo 'chromium is not installed'
		exit 77
	fi
	load_is_built && plain >/dev/null && threads >/dev/null
	check 'a browser shows the heap' in_browser
	echo "1..$number"
	exit $failed
fi

check 'a load is built' load_is_built
check 'each call is recorded' plain
check 'record takes the options of run' options
check 'threads: nothing is freed before it is allocated' threads
check "a fork's trace begins with its parent's" forks
check 'a process that becomes another program' programs
check 'a program that is killed' killed
check 'a program and the command that are killed' left_alone
check 'a trace that may not grow' full
check 'only traces are written over' not_written_over
check 'a trace is played' completes
check 'the same trace, the same heap' same_map
check 'a heap that is too small' refused
check 'the smallest heap' smallest
check 'other allocators' others
check 'files that are torn, spoilt, or no traces' broken
check "a fork's trace is played with its parent's" child
check 'traces as text, and back' round_trip
check 'text that makes no sense' bad_text
check "a jemalloc's utrace" utrace
check "a jemalloc's prof_log" prof_log
check 'a page for a browser' page
echo "1..$number"
[ $failed = 0 ]
