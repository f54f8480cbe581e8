#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# attach.sh [NAME]: programs are looked at while they run and after they were
# killed: fixheap stat, top and map.
#
# Takes the command from the build $B/NAME, or from $O without a name.  Prints
# TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$PWD
built=${1:+${B:?is set by tests/run.sh}/$1}
built=${built:-${O:-$PWD}}
fixheap=$(realpath "$built")/tools/fixheap
if [ ! -x "$fixheap" ] || ! grep -q '^CONFIG_ATTACH=y' "$built/.config"; then
	echo "there is no $fixheap with CONFIG_ATTACH"
	exit 77
fi
python=$(command -v /usr/bin/python3 || command -v python3 || true)
if [ -z "$python" ] || [ ! -w /dev/shm ]; then
	echo 'there is no python3, or no /dev/shm to write to'
	exit 77
fi
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid"
	rm -rf "$dir" "/dev/shm/fixheap.$pid".*' EXIT
export LC_ALL=C TERM=dumb
unset LD_PRELOAD FIXHEAP_REPORT FIXHEAP_HEAP FIXHEAP_HUGEPAGES FIXHEAP_SHARE
unset COLORTERM NO_COLOR
number=0 failed=0

. tests/tap.sh

# ---- a program that runs ----------------------------------------------------

# Blocks of all sizes, every third of them free again; then it waits.
starts()
{
	cat >"$dir/program.py" <<'END'
import sys, time
blocks = [bytearray(100 * i) for i in range(1000)]
del blocks[::3]
print("ready", flush=True)
time.sleep(600)
END
	mkfifo "$dir/ready" || return 1
	"$fixheap" run --share --heap 256M -- "$python" "$dir/program.py" \
		>"$dir/ready" &
	pid=$!
	read -r word <"$dir/ready" && [ "$word" = ready ]
}

runs()
{
	ends 0 "$fixheap" stat "$pid" &&
		says out "^fixheap.$pid.0: python3[.0-9]*, process $pid, run" &&
		says out 'size 256.0 MiB, used [1-9]' &&
		says out '^  slab +[1-9]' &&
		ends 0 "$fixheap" stat "$pid.0" &&
		ends 0 "$fixheap" stat "/dev/shm/fixheap.$pid.0" &&
		ends 0 "$fixheap" stat && says out "^fixheap.$pid.0 .*running"
}

# What the schema demands, and that what must be equal is.
conforms()	# conforms FILE [--map]
{
	ends 0 "$fixheap" stat --json ${2-} "$pid" && cp "$dir/out" "$dir/$1" &&
		"$python" - "$tree/tools/fixheap.schema.json" "$dir/$1" <<'END'
import json, sys
schema, value = (json.load(open(name)) for name in sys.argv[1:])
types = {"object": dict, "array": list, "string": str, "boolean": bool,
         "integer": int, "null": type(None)}
def conform(s, v, where):
    if "$ref" in s:
        s = schema["$defs"][s["$ref"].split("/")[-1]]
    assert v in s.get("enum", [v]), (where, v)
    names = s["type"] if isinstance(s["type"], list) else [s["type"]]
    assert any(type(v) is types[n] for n in names), (where, v)
    assert not isinstance(v, int) or v >= s.get("minimum", v), (where, v)
    if isinstance(v, dict):
        assert set(s["required"]) <= set(v), (where, set(v))
        assert s["additionalProperties"] is False
        for key in v:
            conform(s["properties"][key], v[key], where + "." + key)
    if isinstance(v, list):
        for i, one in enumerate(v):
            conform(s["items"], one, "%s[%d]" % (where, i))
conform(schema, value, "")
heap, = value["heaps"]
assert heap["used_bytes"] + heap["free_bytes"] == heap["heap_bytes"]
assert heap["uses"]["free"]["bytes"] == heap["free_bytes"]
assert sum(z["bytes"] for z in heap["zones"]) == heap["heap_bytes"]
assert 0 < heap["largest_free_bytes"] <= heap["free_bytes"]
assert len(heap["slabs"]) > 10, heap["slabs"]
page = heap["page_bytes"]
for zone in heap["zones"]:
    assert sum(zone["use_bytes"].values()) == zone["bytes"]
    blocks = zone["pageblocks"].values()
    assert sum(b["blocks"] for b in blocks) == zone["bytes"] >> 21
    assert zone["use_bytes"]["free"] == zone["free_bytes"]
    low = sum(n << i for i, n in enumerate(zone["free_runs"])) * page
    assert low <= zone["free_bytes"] < 2 * low
if "runs" in heap:
    for use, sums in heap["uses"].items():
        runs = [r["bytes"] for r in heap["runs"] if r["use"] == use]
        assert (sum(runs), len(runs)) == (sums["bytes"], sums["runs"]), use
    at = [(r["address"], r["address"] + r["bytes"]) for r in heap["runs"]]
    assert all(a[1] == b[0] for a, b in zip(at, at[1:]))
    assert {r["object_bytes"] for r in heap["runs"] if r["use"] == "slab"} \
        >= {s["object_bytes"] for s in heap["slabs"]}
END
}

# By the rules of the format, and the figures are those of stat --json.
metrics()
{
	ends 0 "$fixheap" stat --json "$pid" && cp "$dir/out" "$dir/one.json" &&
		ends 0 "$fixheap" stat --prometheus "$pid" &&
		"$python" - "$dir/one.json" "$dir/out" <<'END'
import json, re, sys
heap, = json.load(open(sys.argv[1]))["heaps"]
kinds, values, last = {}, {}, None
for line in open(sys.argv[2]):
    words = line.split(None, 3)
    if words[0] == "#":
        assert words[1] == ("HELP" if words[2] not in kinds else "TYPE"), line
        kinds[words[2]] = words[3].strip()
        last = words[2]
        continue
    match = re.fullmatch(r"(\w+)\{(.*)\} (\d+)\n", line)
    name, labels, value = match.groups()
    assert name == last, line
    labels = tuple(re.findall(r'(\w+)="([^"\\]*)"(?:,|$)', labels))
    assert (name, labels) not in values, line
    values[name, labels] = int(value)
assert {k for k, t in kinds.items() if t == "counter"} == \
    {k for k in kinds if k.endswith("_total")}, kinds
own = (("heap", heap["path"].split("/")[-1]), ("pid", str(heap["pid"])),
       ("program", heap["program"]))
def get(name, **labels):
    return values["fixheap_" + name, own + tuple(labels.items())]
for key in "heap_bytes", "used_bytes", "live_bytes", "largest_free_bytes":
    assert get(key) == heap[key], key
assert get("run_allocs_total") == heap["counters"]["run_allocs"]
assert get("running") == 1
for z, zone in enumerate(heap["zones"]):
    node = "-1" if zone["node"] is None else str(zone["node"])
    where = {"zone": str(z), "node": node}
    assert get("zone_bytes", **where) == zone["bytes"]
    assert get("zone_use_bytes", **where, use="small") == \
        zone["use_bytes"]["slab"]
    for order, nr in enumerate(zone["free_runs"]):
        assert get("zone_free_runs", **where, order=str(order)) == nr
END
}

refused()
{
	ends 1 "$fixheap" stat 4194999 && says err 'no such process' &&
		ends 1 "$fixheap" stat $$ && says err 'no heap to look at' &&
		ends 1 "$fixheap" stat python && says err 'no process number' &&
		ends 1 "$fixheap" stat /dev/null && says err 'plain file' &&
		ends 125 "$fixheap" stat 1 2 &&
		ends 125 "$fixheap" stat --map &&
		ends 125 "$fixheap" stat --json --prometheus &&
		ends 125 "$fixheap" map &&
		ends 125 "$fixheap" top -n 0 -b &&
		ends 125 "$fixheap" map -o "$dir/heap.gif" "$pid" &&
		chmod 640 "/dev/shm/fixheap.$pid.0" || return 1
	ends 1 "$fixheap" stat "$pid" && says err 'others than its user' &&
		chmod 600 "/dev/shm/fixheap.$pid.0"
}

other_user()
{
	cp "$fixheap" "$dir/" && chmod 755 "$dir" "$dir/fixheap" &&
		ends 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
			"$dir/fixheap" stat "$pid" &&
		says err 'Permission denied'
}

is_gone()	# is_gone PID: soon
{
	local i
	for i in {1..100}; do
		ends 1 "$fixheap" stat "$1" && return
		sleep 0.1
	done
	return 1
}

# Children made by fork are seen as themselves, each with what it has.
children()
{
	local parent child grandchild out p
	cat >"$dir/forks.py" <<'END'
import os, sys, time
blocks = [bytearray(10000) for i in range(500)]
number = [os.getpid()]
for generation in range(2):
    if not os.fork():
        number.append(os.getpid())
        blocks += [bytearray(10000) for i in range(1000)]
        continue
    break
if len(number) == 3:
    print(*number, flush=True)
time.sleep(600)
END
	mkfifo "$dir/forked" || return 1
	"$fixheap" run --share --heap 256M -- "$python" "$dir/forks.py" \
		>"$dir/forked" &
	read -r parent child grandchild <"$dir/forked"
	for p in "$parent" "$child" "$grandchild"; do
		ends 0 "$fixheap" stat "$p" && says out ", process $p, run" &&
			says out "$(case $p in
			"$parent") echo 'live [4-7]\.' ;;
			"$child") echo 'live 1[4-7]\.' ;;
			*) echo 'live 2[4-7]\.' ;;
			esac)" && ends 0 "$fixheap" map "$p" &&
			ends 0 "$fixheap" top -b -n 1 "$p" || break
	done && ends 0 "$fixheap" stat --json "$child" &&
		says out "\"path\": \"/proc/$child/fd/[0-9]+\"" &&
		ends 0 "$fixheap" stat && says out "^fixheap.$child.[0-9]+ " &&
		out=$(sed -n "s/^\(fixheap\.\)\($child\.[0-9]*\) .*/\2/p" \
			"$dir/out") && ends 0 "$fixheap" stat "$out" &&
		kill -9 "$child" && is_gone "$child"
	p=$?
	kill -9 "$parent" "$child" "$grandchild"
	wait "$parent"
	rm -f "/dev/shm/fixheap.$parent."*
	return $p
}

# ---- top --------------------------------------------------------------------

batch()
{
	ends 0 "$fixheap" top -b -n 2 -d 0.05 "$pid" &&
		[ "$(grep -c '^fixheap top - ' "$dir/out")" = 2 ] &&
		says out ' so far: ' && says out ' a second: 0 runs' &&
		says out '^ 0 any node +[.=AaSsLlCc]{64}$' &&
		says out '^  \. free  = largest free run  S small objects  L' &&
		ends 0 "$fixheap" top -b -n 1 && says out "^fixheap.$pid.0" &&
		ends 1 "$fixheap" top -b -n 1 4194999 &&
		ends 125 "$fixheap" top "$pid" && says err 'say -b'
}

# On a terminal: a key, or a signal, and the terminal is as it was.
screen()
{
	"$python" - "$fixheap" "$pid" <<'END'
import os, pty, select, signal, sys, termios
def run(act):
    pid, fd = pty.fork()
    if not pid:
        os.execv(sys.argv[1], ["fixheap", "top", "-d", "0.05", sys.argv[2]])
    text, before, done = b"", termios.tcgetattr(fd), False
    while True:
        assert select.select([fd], [], [], 20)[0], text[-200:]
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        text += more
        if not done and text.count(b"running") >= 2:
            assert b"= largest free run" in text, text
            assert not termios.tcgetattr(fd)[3] & termios.ICANON
            act(pid, fd)
            done = True
    status = os.waitpid(pid, 0)[1]
    assert text.startswith(b"\033[?1049h\033[?25l"), text[:20]
    assert text.endswith(b"\033[?25h\033[?1049l"), text[-20:]
    return status
assert run(lambda pid, fd: os.write(fd, b"xq")) == 0
assert run(lambda pid, fd: os.write(fd, b"\003")) == signal.SIGINT
assert run(lambda pid, fd: os.kill(pid, signal.SIGTERM)) == signal.SIGTERM
END
}

# ---- map --------------------------------------------------------------------

svg()
{
	local color
	for color in use placement tag age; do
		ends 0 "$fixheap" map -o "$dir/heap.svg" --color=$color \
			"$pid" &&
			"$python" - "$dir/heap.svg" <<'END' || return 1
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
name = "{http://www.w3.org/2000/svg}"
assert root.tag == name + "svg"
texts = [text.text for text in root.iter(name + "text")]
rects = list(root.iter(name + "rect"))
assert any(text.startswith("free: ") for text in texts), texts
assert any(text.startswith("largest free run: ") for text in texts), texts
assert "0 any node" in texts
# in the picture, and in the legend
assert sum(r.get("class") == "largest" for r in rects) >= 2
assert len({r.get("fill") for r in rects}) >= 4
width, height = int(root.get("width")), int(root.get("height"))
for r in rects:
    assert float(r.get("x")) + int(r.get("width")) <= width
    assert float(r.get("y")) + int(r.get("height")) <= height
END
	done
	! ls "$dir"/*.part 2>/dev/null
}

png()
{
	ends 0 "$fixheap" map --output="$dir/heap.png" "$pid" &&
		"$python" - "$dir/heap.png" <<'END'
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, names, pixels = 8, [], b""
while at < len(data):
    size, name = struct.unpack(">I4s", data[at:at + 8])
    body, crc = data[at + 8:at + 8 + size], data[at + 8 + size:at + 12 + size]
    assert struct.pack(">I", zlib.crc32(name + body)) == crc, name
    names.append(name)
    if name == b"IHDR":
        width, height, depth, kind = struct.unpack(">IIBB", body[:10])
    if name == b"IDAT":
        pixels += body
    at += 12 + size
assert names[0] == b"IHDR" and names[-1] == b"IEND", names
assert (depth, kind) == (8, 2) and width > 1024
assert len(zlib.decompress(pixels)) == height * (1 + 3 * width)
END
}

terminal()
{
	ends 0 "$fixheap" map "$pid" &&
		says out '^ 0 any node +[.=AaSsLlCc]{64}$' &&
		says out '^= largest free run [1-9]' &&
		! grep -qP '[^\x00-\x7f]|\033' "$dir/out" &&
		ends 0 "$fixheap" map --color-depth=256 -o - "$pid" &&
		grep -q "$(printf '\033')\[38;5;220m" "$dir/out" &&
		ends 0 "$fixheap" map --color-depth=24bit "$pid" &&
		grep -q "$(printf '\033')\[38;2;245;205;60m" "$dir/out"
}

# ---- and one that does not --------------------------------------------------

killed()
{
	kill -9 "$pid"
	wait "$pid"
	conforms dead.json &&
		sed 's/"running": false/"running": true/' "$dir/dead.json" |
		diff - "$dir/live.json" &&
		ends 0 "$fixheap" stat "$pid" && says out ', ended$' &&
		ends 0 "$fixheap" map "$pid" &&
		ends 0 "$fixheap" top -b -n1 "$pid"
}

# Cut short while it is read: see test_segment.c for the rest.
cut()
{
	local bytes
	for bytes in 500000 100000 4096 100 0; do
		truncate -s $bytes "/dev/shm/fixheap.$pid.0" &&
			ends 1 "$fixheap" stat "$pid" && says err 'cut short' &&
			ends 1 "$fixheap" map "$pid" || return 1
	done
}

cleaned()
{
	rm "/dev/shm/fixheap.$pid.0" || return 1
	"$fixheap" run --share --heap 64M -- sh -c 'kill -9 $$'
	ends 0 "$fixheap" stat && says out ' sh .* ended' &&
		ends 0 "$fixheap" stat --clean &&
		ends 0 "$fixheap" stat && ! says out ' sh .* ended'
}

# namespaced NAME: process 1 of a new PID namespace; it has said that it runs.
namespaced()
{
	mkfifo "$dir/$1" || return 1
	unshare -pf --kill-child "$fixheap" run --share --heap 64M -- \
		"$python" -c 'import time
print(1, flush=True)
time.sleep(60)' >"$dir/$1" &
	read -r _ <"$dir/$1"
}

# Of two processes with one number each keeps what is its own, until it ends.
namespaces()
{
	local first second
	namespaced first || return 1
	first=$!
	namespaced second && ends 0 "$fixheap" stat --clean &&
		ends 0 "$fixheap" stat 1.0 && says out 'process 1, running' &&
		ends 0 "$fixheap" stat 1.1 && says out 'process 1, running'
	p=$?
	second=$!
	kill -9 "$first" "$second"
	wait "$first" "$second"
	for _ in {1..100}; do
		"$fixheap" stat --clean
		[ -e /dev/shm/fixheap.1.0 ] || [ -e /dev/shm/fixheap.1.1 ] ||
			return $p
		sleep 0.1
	done
	return 1
}

# Programs that end leave nothing, however they do; nor does exec, nor a child.
leaves_nothing()
{
	local before
	before=$(ls /dev/shm)
	"$fixheap" run --share --heap 64M -- "$python" -c \
		'import os; os.fork() or os._exit(0)' &&
		"$fixheap" run --share --heap 64M -- sh -c 'exec true' &&
		"$fixheap" run --share --heap 64M -- sh -c '(exit 0); true' &&
		[ "$(ls /dev/shm)" = "$before" ]
}

check 'a program on a heap to look at' starts
check 'stat' runs
check 'stat --json' conforms live.json
check 'stat --json --map' conforms map.json --map
check 'stat --prometheus' metrics
check 'children made by fork' children
check 'what is refused' refused
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	check 'another user is refused' other_user
else
	number=$((number + 1))
	echo "ok $number - another user is refused # SKIP not root"
fi
check 'top -b' batch
check 'top on a terminal' screen
check 'map as SVG' svg
check 'map as PNG' png
check 'map in the terminal' terminal
check 'a program that was killed' killed
check 'a file that is cut short' cut
check 'stat --clean' cleaned
if unshare -pf --kill-child true 2>/dev/null; then
	check 'other PID namespaces' namespaces
else
	number=$((number + 1))
	echo "ok $number - other PID namespaces # SKIP not allowed"
fi
check 'programs that end leave nothing' leaves_nothing
pid=
echo "1..$number"
[ $failed = 0 ]
