#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# command.sh [NAME]: the command's manners: statuses, complaints, sizes, the
# report and the demo.
#
# Takes the command from the build $B/NAME, or from $O without a name.  Prints
# TAP.  What real programs do under it is preload.sh's.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$PWD
built=${1:+${B:?is set by tests/run.sh}/$1}
built=${built:-${O:-$PWD}}
fixheap=$(realpath "$built")/tools/fixheap
if [ ! -x "$fixheap" ]; then
	echo "there is no $fixheap: build with CONFIG_COMMAND"
	exit 77
fi
vmstat=$(grep -c '^CONFIG_VMSTAT=y' "$built/.config")
explain=$(grep -c '^CONFIG_EXPLAIN=y' "$built/.config")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C TERM=dumb
unset LD_PRELOAD COLORTERM "${!FIXHEAP_@}"
number=0 failed=0
# The distribution's: what stands before it on some machines is a script.
python=$(command -v /usr/bin/python3 || command -v python3 || true)
if [ -z "$python" ]; then
	echo 'there is no python3'
	exit 77
fi

. tests/tap.sh

quiet()	# quiet FILE: out or err is empty
{
	[ ! -s "$dir/$1" ]
}

. tests/command_pages.sh

# ---- help and complaints ----------------------------------------------------

helps()
{
	local command
	for command in '' run record replay trace stat top map demo; do
		# shellcheck disable=SC2086
		ends 0 "$fixheap" $command --help &&
			says out "^Usage: fixheap ${command:-COMMAND}" &&
			quiet err &&
			ends 0 "$fixheap" $command --version &&
			says out '^fixheap [0-9]+\.[0-9]+\.[0-9]+$' &&
			quiet err || return 1
	done
}

complains()	# complains PATTERN ARGUMENT...
{
	local pattern=$1
	shift
	ends 125 "$fixheap" "$@" && says err "^fixheap: $pattern" &&
		says err "^Try 'fixheap.* --help' for more information\.$" &&
		quiet out
}

complaints()
{
	local size
	complains 'missing command' &&
		complains "unknown command 'walk'" walk &&
		complains "unrecognized option '--walk'" --walk &&
		complains 'missing program' run &&
		complains 'missing program' run --heap 64M -- &&
		complains "unrecognized option '--walk'" run --walk true &&
		complains "option '--heap' requires" run --heap &&
		complains "extra operand 'x'" demo x &&
		complains "invalid argument 'blue'" demo --color=blue &&
		complains 'the heap must be at least' demo --heap 1M || return 1
	for size in '' x 0 -1 0% M 64Q 64Mi 64MiBs 1.5.2 '6 4M' 64M,; do
		complains "'$size' is not a heap size" run --heap "$size" \
			true || return 1
	done
	for size in '' x -1 1s 4294967296 99999999999999999999; do
		complains "'$size' is no" run --decay "$size" true || return 1
	done
	for size in 99999999999999999999 20000000T 16E; do
		complains "heap size '$size' is too large" run --heap "$size" \
			true || return 1
	done
}

lost_output()
{
	local status=0
	"$fixheap" --help >/dev/full 2>"$dir/err" || status=$?
	[ $status = 125 ] && says err '^fixheap: write error: '
}

impossible()
{
	ends 125 "$fixheap" run --heap 1 true &&
		says err '^fixheap: cannot make a heap of 1 B' &&
		ends 125 "$fixheap" run --heap 8E true &&
		says err '^fixheap: cannot make a heap of 8\.0 EiB' &&
		ends 125 "$fixheap" run --report=/nonesuch/file true &&
		says err "^fixheap: cannot write '/nonesuch/file'"
}

# Without the library beside it nothing runs, unless one is installed.
alone()
{
	local status=0
	cp "$fixheap" "$dir/fixheap"
	"$dir/fixheap" run true >"$dir/out" 2>"$dir/err" || status=$?
	[ $status = 0 ] && [ -n "$(find /usr/lib /usr/local/lib \
		-name libfixheap_preload.so)" ] && return
	[ $status = 125 ] &&
		says err '^fixheap: cannot find libfixheap_preload.so'
}

# ---- statuses ---------------------------------------------------------------

statuses()	# statuses [OPTION]
{
	local code
	for code in 0 1 7 124 125 126 127 128 255; do
		ends $code "$fixheap" run "$@" sh -c "exit $code" || return 1
	done
	ends 127 "$fixheap" run "$@" /nonesuch &&
		says err "^fixheap: cannot run '/nonesuch': No such file" &&
		ends 127 "$fixheap" run "$@" nonesuch-program &&
		ends 126 "$fixheap" run "$@" /etc/passwd &&
		says err "^fixheap: cannot run '/etc/passwd': Permission" &&
		ends 126 "$fixheap" run "$@" /
}

# Killed by a signal, the command is killed by it too, and not 128 + n only.
signals()	# signals [OPTION]
{
	local name status
	for name in HUP TERM SEGV KILL USR1 PIPE; do
		python_status "$@" sh -c "kill -$name \$\$"
		status=$?
		echo "$name: $status"
		[ "$status" = "$(kill -l $name)" ] || return 1
	done
}

# Status: the number of the signal that ended `fixheap run ...`; 0: none did.
python_status()
{
	"$python" -c 'import subprocess, sys
status = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode
sys.exit(-status if status < 0 else 0)' "$fixheap" run "$@"
}

# A request to end reaches the program, and the report is written all the same.
handed_on()
{
	local pid status=0 try
	"$fixheap" run --report="$dir/report" sh -c \
		'trap "echo asked; exit 3" TERM
		 echo up; while :; do sleep 0.1; done' >"$dir/out" &
	pid=$!
	for try in $(seq 100); do
		grep -q up "$dir/out" && break
		sleep 0.1
	done
	kill -TERM $pid
	wait $pid || status=$?
	echo "status $status"
	[ $status = 3 ] && says out '^asked$' && grep -q ' sh  ' "$dir/report"
}

# ---- what the program gets --------------------------------------------------

sizes()
{
	local memory size
	memory=$(($(getconf _PHYS_PAGES) * $(getconf PAGESIZE)))
	while read -r text size; do
		ends 0 "$fixheap" run --heap "$text" --report=/dev/null \
			sh -c 'echo $FIXHEAP_HEAP' &&
			says out "^$size\$" || return 1
	done <<-END
		67108864 67108864
		65536K 67108864
		64M 67108864
		64m 67108864
		64MiB 67108864
		64MB 64000000
		0.5G 536870912
		1.25GiB 1342177280
		1T 1099511627776
		25% $((memory / 4))
		50% $((memory / 2))
	END
	ends 0 "$fixheap" run sh -c 'echo $FIXHEAP_HEAP' &&
		says out "^$((memory / 2))\$"
}

environment()
{
	local library
	ends 0 env LD_PRELOAD=/lib/one.so:two.so "$fixheap" run sh -c \
		'echo "$LD_PRELOAD,$FIXHEAP_HUGEPAGES,"' &&
		says out '/libfixheap_preload\.so:/lib/one\.so:two\.so,,$' &&
		ends 0 "$fixheap" run --hugepages sh -c \
			'echo "$LD_PRELOAD,$FIXHEAP_HUGEPAGES,"' &&
		says out '^[^:]*/libfixheap_preload\.so,1,$' &&
		library=$(sed 's/,.*//' "$dir/out") &&
		ends 0 "$fixheap" run "$fixheap" run --heap 1M sh -c \
			'echo "$LD_PRELOAD,$FIXHEAP_HEAP"' &&
		says out "^$library,1048576\$"
}

# The variables alone do the same, and say what is wrong with them.
by_hand()
{
	local library
	ends 0 "$fixheap" run sh -c 'echo $LD_PRELOAD' || return 1
	library=$(cat "$dir/out")
	ends 0 env "LD_PRELOAD=$library" FIXHEAP_HEAP=32M sh -c 'echo up' &&
		says out '^up$' &&
		ends 125 env "LD_PRELOAD=$library" FIXHEAP_HEAP=much true &&
		says err "^fixheap: bad heap size in FIXHEAP_HEAP 'much'" &&
		ends 125 env "LD_PRELOAD=$library" FIXHEAP_DECAY=1s true &&
		says err "^fixheap: bad time in FIXHEAP_DECAY '1s'"
}

out_of_memory()
{
	ends 0 "$fixheap" run --heap 64M "$python" -c '
try:
    bytearray(80 << 20)
except MemoryError:
    print("refused", len(bytearray(30 << 20)))' &&
		says out '^refused 31457280$'
}

# ---- the report -------------------------------------------------------------

# A line a process: pid, mark, name, three sizes of two words, a ratio, counts.
row='^ *[0-9]+[ *x+] [^ ]+ +([0-9.]+ [KMG]?i?B|-) +[0-9.]+ [KMG]?i?B'
row="$row +([0-9.]+|-) +[0-9.]+ [KMG]?i?B +[0-9]+ +[0-9]+ +[0-9]+\$"

report()
{
	ends 0 "$fixheap" run --heap 128M --report "$python" -c '
keep = bytearray(50 << 20)
print("only this")' &&
		[ "$(cat "$dir/out")" = 'only this' ] &&
		says err 'a heap of 128\.0 MiB each' && says err "$row" ||
		return 1
	awk -v vmstat="$vmstat" '$2 ~ /^python/ {
		found = 1
		live = vmstat ? $3 : $4
		used = vmstat ? $5 : $4
		if (live < 50 || live > 90 || used < live || used > 100) exit 1
		if (vmstat && ($7 - used / live) ^ 2 > 0.0001) exit 1
		if ($(NF - 2) < 1000 || $(NF - 1) > $(NF - 2)) exit 1
	} END { exit !found }' "$dir/err"
}

# Refusals are counted.
report_failures()
{
	ends 0 "$fixheap" run --heap 64M --report=file \
		"$python" -c '
for i in range(25):
    try:
        bytearray(80 << 20)
    except MemoryError:
        pass' && cat file && awk '$2 ~ /^python/ && $NF >= 25 { n++ }
			END { exit n != 1 }' file
}

# gcc's driver starts the compiler by vfork; sh becomes another program.
report_processes()
{
	local name
	echo 'int main(void) { return 0; }' >"$dir/x.c"
	ends 0 "$fixheap" run --heap 256M --report=file sh -c \
		"exec gcc -c -o $dir/x.o $dir/x.c" && cat file &&
		for name in sh gcc cc1 as; do
			grep -qE "^ *[0-9]+[ x] $name " file || return 1
		done &&
		grep -qE '^ *[0-9]+x sh ' file &&
		grep -q 'another program in its place' file
}

# Descriptors gone, another user, death by a signal: still reported.
report_survives()
{
	ends 137 "$fixheap" run --heap 256M --report=file "$python" -c '
import os
os.closerange(0, 65536)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
keep = bytearray(60 << 20)
os.kill(os.getpid(), 9)' && cat file && grep -qE "$row" file &&
		grep -q 'ended without a word' file &&
		awk '$1 ~ /[*]$/ && $2 ~ /^python/ && /6[0-9]\.[0-9] MiB/ {
			n++ } END { exit n != 1 }' file
}

# A child finds its place even when its parent closed the descriptor.
report_finds()
{
	ends 0 "$fixheap" run --heap 256M --report=file "$python" -c '
import os, subprocess
os.closerange(3, 65536)
subprocess.run(["cat", "/dev/null"])' && cat file &&
		grep -qE '^ *[0-9]+  cat ' file
}

report_many()
{
	ends 0 "$fixheap" run --heap 64M --report=file sh -c \
		'for i in $(seq 30); do /bin/true; done' && cat file &&
		[ "$(grep -cE "$row" file)" = 20 ] &&
		grep -qE 'and [0-9]+ more, none above' file
}

# Children of fork are counted from the fork, and a process left behind is said
# to be running.
report_left()
{
	ends 0 "$fixheap" run --heap 64M --report=file sh -c \
		'sleep 3 >/dev/null 2>&1 & sleep 0.5; exit 0' && cat file &&
		grep -qE '^ *[0-9]+[+] sleep ' file &&
		grep -q 'is still running' file
}

report_nothing()
{
	echo 'int main(void) { return 5; }' >"$dir/static.c"
	gcc -static -o "$dir/static" "$dir/static.c" &&
		ends 5 "$fixheap" run --report "$dir/static" &&
		says err "^fixheap: nothing to report of '.*/static'"
}

# ---- the manual -------------------------------------------------------------

# Each public function has its page, and each command and option its words.
manual()
{
	local name
	for name in $(grep -oh 'fixheap_[a-z_]*(' \
		"$tree"/include/fixheap/*.h | tr -d '(' | sort -u); do
		grep -q "^\.Fn $name" "$tree/tools/man/fixheap.3" || {
			echo "$name is not in fixheap.3"
			return 1
		}
	done
	for name in $(for name in run stat top map demo; do
		"$fixheap" $name --help; done |
		grep -oE '^ +--[a-z]+' | tr -d ' -'); do
		grep -qE -- "(-$name|$name)" "$tree/tools/man/fixheap.1" || {
			echo "--$name is not in fixheap.1"
			return 1
		}
	done
}

# ---- the demo ---------------------------------------------------------------

demo()
{
	ends 0 "$fixheap" demo || return 1
	! grep -q "$(printf '\033')" "$dir/out" &&
		! grep -qP '[^\x00-\x7f]' "$dir/out" &&
		[ "$(grep -cE '^  (bump|fixheap) +[.AaOoXx]{64}$' \
			"$dir/out")" = 10 ] &&
		says out '0 of 5 cases|[1-4] of 5 cases complete under jemalloc'
}

# The table's last two columns: what fixheap did, and in how much.  The numbers
# to reach are the benchmark's; these are only what any good heap does.
demo_results()
{
	awk '/^1?[01]*0?u|^1u/ && / completes +[0-9.]+$/ {
		if ($1 == "1u" && /new, copy/) most = 1.40
		else most = 1.01
		if ($NF < 1 || $NF > most) { print "too much: " $0; exit 1 }
		rows++
	} END { if (rows != 5) { print rows " rows"; exit 1 } }' "$dir/out" &&
		grep -E '^100u, freed; 101u +fails: 101u +[0-9.]+ ' \
			"$dir/out" &&
		grep -E '^100u to 140u.* fails: 101u +[0-9.]+ ' "$dir/out"
}

# The heaps that README shows are those of this case.
demo_readme()
{
	local row
	row=$(grep -A 2 -x '100u to 140u, 4,100 objects' "$dir/out" |
		grep -oE '[.AaOoXx]{64}$')
	echo "$row"
	[ "$row" = "$(grep -xE '	[.AaOoXx]{64}' "$tree/README" |
		tr -d '\t')" ]
}

# All that README's first command does, where nothing has to be built.
demo_made()
{
	ends 0 "${MAKE:-make}" -C "$tree" O="$(realpath "$built")" demo &&
		says out ' compiles mm/run.c on a heap' &&
		says err 'peak live' && says err 'cc1'
}

demo_colors()
{
	local escape blue
	escape=$(printf '\033')
	blue="${escape}\[38;2;56;132;255m"
	ends 0 env LC_ALL=C.UTF-8 COLORTERM=truecolor "$fixheap" demo \
		--heap=1G --color=always && says out "$blue█" &&
		ends 0 env TERM=xterm-256color "$fixheap" demo --heap 1G \
			--color=always && says out "$escape\[38;5;33mA" &&
		ends 0 env COLORTERM=truecolor "$fixheap" demo --heap 1G \
			--color=never && ! grep -q "$escape" "$dir/out"
}

cd "$dir" || exit 1
check 'help and version' helps
check 'complaints about usage' complaints
check 'output that is lost' lost_output
check 'heaps and files that cannot be' impossible
check 'without the preload library' alone
check 'statuses are passed on' statuses
check 'statuses are passed on, with a report' statuses --report=/dev/null
check 'signals are passed on' signals
check 'signals are passed on, with a report' signals --report=/dev/null
check 'signals reach the program' handed_on
check 'sizes' sizes
check 'what the program finds in its environment' environment
check 'the environment without the command' by_hand
check 'pools of huge pages' pool
check 'out of memory is told to the program' out_of_memory
check 'the report' report
check 'the report counts refusals' report_failures
check 'the report explains a refusal' report_explains
check 'the report lists every process' report_processes
check 'the report of a program that gave up everything' report_survives
check 'the report of a child without the descriptor' report_finds
check 'the report of many processes' report_many
check 'the report of what was left behind' report_left
check 'the report of a static program' report_nothing
check 'the manual' manual
if grep -q '^CONFIG_PAGE_POISON=y' "$built/.config"; then
	number=$((number + 1))
	echo "ok $number - touch, demo # SKIP PAGE_POISON writes to all memory"
else
	check 'the heap is touched' prefault
	check 'the demo, plain' demo
	check 'the demo: what it shows' demo_results
	check 'the demo is what README shows' demo_readme
	check 'the demo in colors' demo_colors
	check 'make demo' demo_made
fi
echo "1..$number"
[ $failed = 0 ]
