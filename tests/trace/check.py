#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""check.py FILE: a trace, read by the manual page; prints what is in it.

The status is 1 where the order is wrong: a place given twice, or given back
while it is not there."""
import os
import struct
import sys


def words_of(name):
    data = open(name, 'rb').read(4096)
    assert data[:8] == b'fxtrace\n', 'no trace'
    version, at = struct.unpack_from('<II', data, 8)
    assert version == 1 and at == 4096
    begun, room, heap = struct.unpack_from('<QQQ', data, 24)
    before, = struct.unpack_from('<Q', data, 72)
    parent = data[80:336].split(b'\0')[0].decode()
    nr = min(begun, room, (os.path.getsize(name) - at) // 8)
    words = []
    if before:
        words = words_of(os.path.join(os.path.dirname(name), parent))
        words = words[:before]
    with open(name, 'rb') as file:
        file.seek(at)
        for i, word in enumerate(struct.unpack('<%dQ' % nr,
                                               file.read(8 * nr))):
            words.append((i, word))
    return words


def main():
    live, limbo, count = {}, {}, dict.fromkeys(
        'alloc free move fail hole odd'.split(), 0)
    peak = bytes_live = 0
    old = more = None
    for index, word in words_of(sys.argv[1]):
        kind, place = word & 7, word >> 3 & (1 << 41) - 1
        if kind == 0:
            count['hole'] += 1
        elif kind == 1:
            size = more if more is not None else word >> 44
            count['odd'] += place in live
            if old is not None:
                bytes_live -= limbo.pop(old)[1]
            live[place] = size
            bytes_live += size
            count['alloc' if old is None else 'move'] += 1
        elif kind == 2:
            count['odd'] += place not in live
            bytes_live -= live.pop(place, 0)
            count['free'] += 1
        elif kind == 3:
            count['odd'] += place not in live
            limbo[index] = place, live.pop(place, 0)
        elif kind == 6:
            count['fail'] += 1
            if old is not None:
                place, size = limbo.pop(old)
                live[place] = size
        peak = max(peak, bytes_live)
        old = word >> 3 if kind == 4 else old if kind == 5 else None
        more = word >> 9 if kind == 5 else None
    print(*('%s %d' % pair for pair in count.items()), 'peak', peak)
    return count['odd'] != 0


sys.exit(main())
