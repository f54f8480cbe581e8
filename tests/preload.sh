#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# preload.sh [NAME]: real programs on a fixed heap, and what they produce.
#
# Takes the command and the preload library from the build $B/NAME, or from $O
# without a name.  Prints TAP.  A program that is not installed is skipped; with
# none of them installed the whole is.  Each has a limit of LIMIT_EACH seconds.
# gcc compiles one in EVERY of our sources.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$PWD
built=${1:+${B:?is set by tests/run.sh}/$1}
built=${built:-${O:-$tree}}
fixheap=$(realpath "$built")/tools/fixheap
each=${LIMIT_EACH:-120} every=${EVERY:-5}
if [ ! -x "$fixheap" ]; then
	echo "there is no $fixheap: build with CONFIG_COMMAND"
	exit 77
fi
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C TZ=UTC HOME=$dir
unset LD_PRELOAD FIXHEAP_REPORT PYTHONMALLOC
number=0 failed=0

# heap SIZE COMMAND...: the command on a fixed heap, for a limited time.
heap()
{
	local size=$1
	shift
	timeout -k 5 "$each" "$fixheap" run --heap "$size" -- "$@"
}

# judge NAME STATUS: one line of TAP; what was printed, when it failed.
judge()
{
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		failed=$((failed + 1))
		tail -n 20 "$dir/log" | sed 's/^/# /'
		echo "# status $2"
	fi
}

# check NAME COMMAND...: the command's status decides.
check()
{
	local name=$1 status=0
	shift
	"$@" >"$dir/log" 2>&1 || status=$?
	judge "$name" $status
}

skip()
{
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# need NAME PROGRAM...: all are there, or the test is skipped.
need()
{
	local name=$1 program
	shift
	for program; do
		if ! command -v "$program" >/dev/null; then
			skip "$name" "there is no $program"
			return 1
		fi
	done
}

# ---- programs of our own ----------------------------------------------------

build()
{
	local program
	for program in family oom ends alone forks handler misuse; do
		gcc -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin \
			-o "$dir/$program" "tests/preload/$program.c" \
			-lpthread || return 1
	done
}

# aborts WHAT MESSAGE: the mistake ends the program, and is named.
aborts()
{
	local status=0
	heap 64M "$dir/misuse" "$1" >"$dir/misuse.log" 2>&1 || status=$?
	cat "$dir/misuse.log"
	[ "$status" = 134 ] && grep -q "^fixheap: $2" "$dir/misuse.log"
}

alone()
{
	local status=0
	heap 128M "$dir/alone" "$1" >"$dir/log" 2>&1 || status=$?
	if [ "$status" = 77 ]; then
		skip "a program on its own: $1" "it needs another user"
	else
		judge "a program on its own: $1" $status
	fi
}

own_programs()
{
	local what
	check 'programs of our own are built' build
	check 'the family keeps its promises' heap 256M "$dir/family"
	check 'memory runs out, and the program goes on' \
		heap 48M "$dir/oom" $((48 << 20))
	check 'allocation before main, after it, at the end of threads' \
		heap 256M "$dir/ends"
	for what in descriptors user environment main; do
		alone $what
	done
	check '200 forks of a program with busy threads' \
		heap 256M "$dir/forks" 200
	check '100 handlers that end a program, with a report' timeout \
		"$each" "$fixheap" run --heap 64M --report=/dev/null \
		"$dir/handler" 100
	check '100 forks of a program with busy threads, with a report' \
		timeout "$each" "$fixheap" run --heap 256M \
		--report=/dev/null "$dir/forks" 100
	check 'a block freed twice' \
		aborts double-large 'free(0x[0-9a-f]*): double free'
	check 'a small block freed twice' aborts double-small 'free(.*double'
	check 'a pointer into a small block' \
		aborts interior-small 'free(.*interior'
	check 'a pointer that is not ours' aborts foreign 'free(.*foreign'
	check 'a pointer into a block' aborts interior 'free(.*interior'
	check 'realloc of a pointer that is not ours' \
		aborts realloc-foreign 'realloc(.*foreign'
	check 'realloc of a small block that was freed' \
		aborts realloc-freed 'realloc(.*use after free'
	check 'the size of a small block that was freed' \
		aborts size-freed 'malloc_usable_size(.*use after free'
	check 'transparent huge pages' timeout "$each" "$fixheap" run \
		--hugepages --heap 256M "$dir/family"
}

containers()
{
	g++ -std=c++17 -O2 -o "$dir/containers" tests/preload/containers.cc \
		-lpthread &&
		[ "$(heap 512M "$dir/containers")" = 'sums agree' ]
}

# ---- gcc --------------------------------------------------------------------

# compile FOLDER SOURCE COMMAND...: one of this project's sources.
compile()
{
	local to=$1 source=$2
	shift 2
	"$@" gcc -std=gnu11 -O2 -g -fPIC -D_GNU_SOURCE= -Iinclude \
		-Imm -Itools -Iarch/generic \
		-include "$built/include/generated/autoconf.h" \
		-include mm/kconfig.h -DPRELOAD_DIR='""' -w -c \
		-o "$to/$(basename "$source").o" "$source"
}

# Sources that this configuration leaves out may not compile; those that do,
# must on a fixed heap.  One in EVERY, from another one on each time.
compiler()
{
	local source object compared=0 at=$((RANDOM % every))
	mkdir -p "$dir/plain" "$dir/fixed"
	for source in mm/*.c tools/*.c; do
		[ $((at++ % every)) = 0 ] || continue
		compile "$dir/plain" "$source" env 2>/dev/null || continue
		compile "$dir/fixed" "$source" heap 512M || return 1
		object=$(basename "$source").o
		cmp "$dir/plain/$object" "$dir/fixed/$object" || return 1
		compared=$((compared + 1))
	done
	echo "$compared objects are the same"
	[ $compared -gt 10 ]
}

# ---- python -----------------------------------------------------------------

python_tests='test_json test_dict test_list test_re test_bytes test_set
	test_unicode test_zlib test_threading test_fork1'

# The modules on Python's own caches of objects, then without them.
python()
{
	local modules=$python_tests
	# shellcheck disable=SC2086
	timeout -k 5 $((3 * each)) "$fixheap" run --heap 2G -- \
		/usr/bin/python3 -E -m test -q $modules
}

python_malloc()
{
	PYTHONMALLOC=malloc heap 1G /usr/bin/python3 -m test -q test_json \
		test_dict test_list test_set
}

# ---- git --------------------------------------------------------------------

# story FOLDER COMMAND...: the same repository each time; prints its commit.
story()
{
	local repository=$1 round file
	shift
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
	export GIT_CONFIG_NOSYSTEM=1
	"$@" git -c init.defaultBranch=main init -q "$repository" || return 1
	for round in 1 2 3 4; do
		for file in $(seq 1 120); do
			seq "$((round * file))" "$((round * file + 400))" \
				>"$repository/file$file"
		done
		export GIT_AUTHOR_DATE="$round 1 Jan 2020 00:00:00 +0000"
		export GIT_AUTHOR_DATE="2020-01-0${round}T00:00:00Z"
		export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
		"$@" git -C "$repository" add -A &&
			"$@" git -C "$repository" commit -q -m "round $round" ||
			return 1
	done
	"$@" git -C "$repository" gc -q --aggressive &&
		"$@" git -C "$repository" fsck --full --strict 1>&2 &&
		"$@" git clone -q "$repository" "$repository.clone" &&
		git -C "$repository.clone" rev-parse HEAD
}

git_repository()
{
	local plain fixed
	plain=$(story "$dir/git-plain" env) || return 1
	fixed=$(story "$dir/git-fixed" heap 512M) || return 1
	echo "$plain $fixed"
	[ -n "$plain" ] && [ "$plain" = "$fixed" ] &&
		diff -r -x .git "$dir/git-fixed" "$dir/git-fixed.clone"
}

# ---- sqlite -----------------------------------------------------------------

sql='
PRAGMA cache_size = -100000;
BEGIN;
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
INSERT INTO t SELECT i, printf("%x %d", i * 7919, i % 1000), zeroblob(i % 50)
FROM n;
CREATE INDEX b ON t(b);
UPDATE t SET b = b || "x" WHERE a % 3 = 0;
DELETE FROM t WHERE a % 7 = 0;
COMMIT;
PRAGMA integrity_check;
SELECT count(*), sum(a), sum(length(b)), sum(length(c)), max(b) FROM t;
SELECT substr(group_concat(b), 1, 100) FROM (SELECT b FROM t ORDER BY b DESC);
VACUUM;
PRAGMA integrity_check;'

database()
{
	local plain fixed
	plain=$(sqlite3 "$dir/plain.db" "$sql") || return 1
	fixed=$(heap 512M sqlite3 "$dir/fixed.db" "$sql") || return 1
	echo "$fixed"
	[ "$plain" = "$fixed" ] && [ "$(grep -c '^ok$' <<<"$fixed")" = 2 ]
}

# ---- redis ------------------------------------------------------------------

ask()
{
	timeout 20 redis-cli -s "$dir/redis.sock" "$@"
}

redis_start()
{
	local try
	# The checker is the server under another name: no service needed.
	ln -sf "$(command -v redis-server || command -v redis-check-rdb)" \
		"$dir/redis-server"
	"$fixheap" run --heap 1G -- "$dir/redis-server" --port 0 --save '' \
		--unixsocket "$dir/redis.sock" --dir "$dir" \
		--appendonly no --daemonize no >"$dir/redis.log" 2>&1 &
	server=$!
	for try in $(seq 100); do
		[ "$(ask ping 2>/dev/null)" != PONG ] || return 0
		sleep 0.1
	done
	cat "$dir/redis.log"
	return 1
}

# Values set before the load are there after it, in memory and in a dump that a
# forked child writes while the load goes on.
redis_load()
{
	local before i status=0 load
	for i in $(seq 500); do
		echo "SET key:fixed:$i $(printf "%0$((i * 3))d" "$i")"
	done | ask >/dev/null || return 1
	before=$(ask strlen key:fixed:500)
	timeout "$each" redis-benchmark -s "$dir/redis.sock" -q -n 30000 \
		-c 20 -r 10000 -d 300 -P 4 \
		-t set,get,incr,lpush,rpush,lpop,sadd,hset,zadd,mset \
		>"$dir/benchmark.log" 2>&1 &
	load=$!
	sleep 0.3
	ask bgsave
	wait $load || return 1
	cat "$dir/benchmark.log"
	[ "$before" = 1500 ] && [ "$(ask strlen key:fixed:500)" = 1500 ] &&
		[ "$(ask get key:fixed:9)" = "$(printf %027d 9)" ] || return 1
	for i in $(seq 100); do
		ask info persistence | grep -q 'bgsave_in_progress:0' && break
		sleep 0.1
	done
	ask info persistence | grep -q 'last_bgsave_status:ok' &&
		redis-check-rdb "$dir/dump.rdb" | tail -n 5 || return 1
	ask shutdown nosave || true
	wait "$server" || status=$?
	server=
	return $status
}

redis()
{
	redis_start && redis_load
}

# What is free for long is in memory no more, and malloc_trim does it at once.
decays()
{
	local out
	grep -q '^CONFIG_TRIM=y' "$built/.config" || return 0
	cat >"$dir/decay.py" <<-'END'
		import ctypes, sys, time
		def rss():
		    with open("/proc/self/statm") as f:
		        return int(f.read().split()[1]) * 4096
		before = rss()
		for i in range(3):
		    bytearray(64 << 20)[::4096] = b"x" * (16 << 10)
		trimmed = "trim" in sys.argv
		if trimmed:
		    ctypes.CDLL(None).malloc_trim(0)
		for i in range(500):
		    if trimmed or rss() < before + (8 << 20):
		        break
		    time.sleep(0.02)
		    bytearray(100000)
		print("gone" if rss() < before + (8 << 20) else "here")
	END
	out=$(heap 256M python3 "$dir/decay.py" trim) && [ "$out" = gone ] &&
		out=$("$fixheap" run --heap 256M --decay 100 python3 \
			"$dir/decay.py") && [ "$out" = gone ] &&
		out=$("$fixheap" run --decay 100 sh -c 'echo $FIXHEAP_DECAY') &&
		[ "$out" = 100 ] || echo "$out"
	[ "$out" = 100 ]
}

# ---- all of them ------------------------------------------------------------

need 'programs of our own' gcc && own_programs
need 'containers in several threads' g++ &&
	check 'containers in several threads' containers
need 'gcc compiles this project' gcc &&
	check 'gcc compiles this project to the same objects' compiler
if [ ! -x /usr/bin/python3 ]; then
	skip "python's own tests" 'there is no /usr/bin/python3'
elif ! /usr/bin/python3 -c 'import test.test_json' 2>/dev/null; then
	skip "python's own tests" 'libpython3-testsuite is not installed'
else
	check "python's own tests" python
	check "python's own tests, every object by malloc" python_malloc
fi
need 'memory that is free goes back' python3 &&
	check 'memory that is free goes back' decays
need 'a git repository' git &&
	check 'a git repository is the same to the last commit' git_repository
need 'an sqlite database' sqlite3 &&
	check 'an sqlite database answers the same' database
need 'redis under load' redis-benchmark redis-cli redis-check-rdb &&
	check 'redis under load keeps its keys' redis
echo "1..$number"
[ $failed = 0 ]
