#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""spoil.py SEED FILE: the file with some of its bits changed."""
import random
import sys

random.seed(int(sys.argv[1]))
data = bytearray(open(sys.argv[2], 'rb').read())
for _ in range(random.choice([1, 10, 200])):
    header = random.random() < 0.2
    at = random.randrange(12 if header else 4096, 400 if header else len(data))
    data[at] ^= 1 << random.randrange(8)
sys.stdout.buffer.write(data)
