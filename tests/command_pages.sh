#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# command_pages.sh: the part of command.sh about the pages of a heap, and why
# there are too few.

# More huge pages than any machine has: it is said what to set, by the command
# and by the library alone.
pool()
{
	local library advice
	advice='(pages of 2 MiB are free, 524288 needed: echo [0-9]+ >'
	advice+='|the system has no pages of 2 MiB: start it with)'
	ends 0 "$fixheap" run sh -c 'echo $LD_PRELOAD' || return 1
	library=$(cat "$dir/out")
	ends 125 "$fixheap" run --heap 1T --hugepages=2M true &&
		says err "^fixheap: cannot make a heap of 1.0 TiB: .*$advice" &&
		ends 125 env FIXHEAP_HUGEPAGES=2M FIXHEAP_HEAP=1T \
			LD_PRELOAD="$library" true &&
		says err "^fixheap: cannot make a heap of '1T': .*$advice" &&
		ends 125 "$fixheap" run --hugepages=3M true &&
		says err "^fixheap: bad page size '3M': not thp, 2M or 1G" &&
		ends 0 "$fixheap" run --heap 64M --hugepages=thp true
}

# The heap of the program is in memory before it starts, those of others are
# not; nothing is said unless on a terminal.
prefault()
{
	local how look='grep VmRSS /proc/$$/status /proc/self/status'
	for how in '' --report=/dev/null; do
		# shellcheck disable=SC2086
		ends 0 "$fixheap" run --heap 64M --prefault $how \
			sh -c "$look" || return 1
		awk '{ print ($(NF - 1) > 65536) }' "$dir/out" | tr -d '\n' |
			grep -qx 10 && ! [ -s "$dir/err" ] || return 1
	done
	ends 0 "$fixheap" run --heap 64M env FIXHEAP_PREFAULT=all \
		grep VmRSS /proc/self/status &&
		says out '^VmRSS:.* (6[5-9]|[7-9][0-9])[0-9]{3} kB' &&
		ends 0 script -qec "$fixheap run --heap 64M --prefault true" \
			/dev/null &&
		says out 'fixheap: touching 64.0 MiB \[ {40}\] +0%' &&
		says out 'fixheap: touching 64.0 MiB \[#{40}\] 100%' &&
		ends 125 "$fixheap" run --heap 1T --prefault true &&
		says err 'cannot touch a heap of .*: .* of memory are available'
}

# The first refusal is explained: pieces of 8 MiB, of which every other one is
# free, and something larger.
report_explains()
{
	ends 0 "$fixheap" run --heap 64M --report=file \
		"$python" -c '
pieces = [bytearray(8 << 20) for i in range(6)]
for i in range(0, 6, 2):
    pieces[i] = None
try:
    bytearray(40 << 20)
except MemoryError:
    pass' && cat file && { [ "$explain" = 0 ] ||
		grep -Eq 'first refused: 40.* (TOTAL|FRAGMENTED); ' file; }
}
