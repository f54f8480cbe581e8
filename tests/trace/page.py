#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""page.py PAGE [PICTURE FRAME]: a timeline page, and a picture of it.

Without a picture: the data in the page make sense, and it asks for nothing
from elsewhere.  With one, of a browser 1100 points wide: each cell of the map
has the colour that the frame's data say, the chart its lines and its mark; the
margins are empty.  With FRAME "narrow": only that."""
import json
import re
import struct
import sys
import zlib

LETTERS = ('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
           '0123456789+/')
USES = 'free small large array pages other'.split()


def check(condition, what):
    if not condition:
        sys.exit(what)


def read_page(name):
    text = open(name).read()
    check(len(text) < 400000, 'the page is too long')
    check(not re.search(r'https?:|src=|@import|url\(|fetch|XMLHttp', text),
          'the page asks for something from elsewhere')
    data = json.loads(re.search(r'application/json">(.*?)</script>', text,
                                re.S).group(1))
    colors = {}
    # The first of each name: those of the light theme.
    for name, code in reversed(re.findall(r'--(\w+): #(\w+);', text)):
        if len(code) == 3:
            code = ''.join(2 * letter for letter in code)
        colors[name] = tuple(bytes.fromhex(code))
    return data, colors


def check_data(data):
    frames = data['frames']
    check(3 < len(frames) < 250, 'number of frames')
    check([f[0] for f in frames] == sorted({f[0] for f in frames}),
          'frames are not in order')
    check(set(frames[0][5]) == {'A'} and not frames[0][1], 'the first frame')
    for op, live, largest, at, used, cells in frames:
        check(len(cells) == data['cells'], 'cells')
        check(live <= data['peak'] and largest + used <= data['heap'] and
              at + largest <= data['heap'], 'bytes of call %d' % op)
        full = sum(LETTERS.index(c) % 10 for c in cells) / 9 / len(cells)
        cached = sum(LETTERS.index(c) // 10 == 5 for c in cells) / len(cells)
        check(full <= used / data['heap'] + cached + .02 and
              full >= used / data['heap'] - .1, 'map of call %d' % op)
    check(data['completes'] == (frames[-1][0] == data['ops']), 'its end')


def read_png(name):
    data = open(name, 'rb').read()
    at, body = 8, b''
    while at < len(data):
        size, kind = struct.unpack_from('>I4s', data, at)
        if kind == b'IHDR':
            width, height, depth, color = struct.unpack_from('>IIBB', data,
                                                             at + 8)
        elif kind == b'IDAT':
            body += data[at + 8:at + 8 + size]
        at += 12 + size
    check(depth == 8 and color in (2, 6), 'form of the picture')
    step = 3 if color == 2 else 4
    body = zlib.decompress(body)
    rows, before = [], bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        how, row = body[start], bytearray(
            body[start + 1:start + 1 + width * step])
        for x in range(len(row)):
            left = row[x - step] if x >= step else 0
            up, corner = before[x], before[x - step] if x >= step else 0
            if how == 1:
                row[x] = (row[x] + left) & 255
            elif how == 2:
                row[x] = (row[x] + up) & 255
            elif how == 3:
                row[x] = (row[x] + (left + up) // 2) & 255
            elif how == 4:
                guess = left + up - corner
                best = min((left, up, corner), key=lambda n: abs(guess - n))
                row[x] = (row[x] + best) & 255
        rows.append([tuple(row[x:x + 3]) for x in range(0, len(row), step)])
        before = row
    return rows


def near(one, other):
    return max(abs(a - b) for a, b in zip(one, other)) <= 8


def check_margins(rows, back):
    check(all(near(row[x], back) for row in rows
              for x in (*range(10), *range(len(row) - 10, len(row)))),
          'something is in the margins')


def check_picture(data, colors, rows, frame):
    left, wide, high = 27, 1046 / 64, 18

    def expected(cell):
        value = LETTERS.index(cell)
        if value < 10:
            return colors['free']
        part = .35 + .65 * (value % 10) / 9
        return tuple(part * a + (1 - part) * b for a, b in zip(
            colors[USES[value // 10]], colors['free']))

    wanted = [expected(cell) for cell in frame[5]]
    nr_rows = len(wanted) // 64
    best = max(range(100, len(rows) - 200 - nr_rows * high), key=lambda y: sum(
        near(rows[y + 9 + i // 64 * high][int(left + (i % 64 + .5) * wide)],
             color) for i, color in enumerate(wanted)) if near(
                 rows[y - 1][500], (212, 212, 218)) else 0)
    right = sum(near(rows[best + 9 + i // 64 * high]
                     [int(left + (i % 64 + .5) * wide)], color)
                for i, color in enumerate(wanted))
    print('%d of %d cells, at %d' % (right, len(wanted), best))
    check(right == len(wanted), 'the map is another')
    below = rows[best + nr_rows * high + 60:]
    for name in ('large', 'array'):
        count = sum(near(color, colors[name]) for row in below
                    for color in row[90:1080])
        print(name, count)
        check(count > 200, 'the chart has no line of ' + name)
    ticks = {x for row in below[:60] for x in range(90, 1080)
             if near(row[x], colors['bad'])}
    check(bool(ticks) == bool(data['refused']), 'calls that were refused')
    x = round(27 + 76 + frame[0] / data['ops'] * (1046 - 76 - 8))
    check(any(near(row[i], colors['mark']) for row in below[20:60]
              for i in (x - 1, x, x + 1)), 'no mark in the chart at %d' % x)


def main():
    data, colors = read_page(sys.argv[1])
    check_data(data)
    if len(sys.argv) > 2:
        rows = read_png(sys.argv[2])
        check_margins(rows, colors['back'])
        if sys.argv[3] != 'narrow':
            check_picture(data, colors, rows,
                          data['frames'][int(sys.argv[3])])


main()
