/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size_class.c: the size classes of small objects, as constants.
 *
 * jemalloc decides which sizes there are; the table repeats them, because the
 * paths of malloc and free want them without a load from jemalloc's side and
 * want more about them than jemalloc tells.  je_boot compares every line with
 * what jemalloc says and refuses to start on any difference.
 *
 * A size is odd << shift with odd in {1, 3, 5, 7}.  Two things follow:
 *
 *  1. Whether n is a multiple of the size takes no division: multiply by unit,
 *     2^64 / size rounded up.  For n = q * size + r the product modulo 2^64 is
 *     r * unit and q times what it was rounded up by: for all n below 2^32 that
 *     is less than a unit for r = 0 and for nothing else.
 *  2. The least slab without waste is lcm(size, page): odd pages, more for the
 *     sizes with a shift above the page's.  An offset within a page belongs to
 *     exactly one place in it.
 *
 * jemalloc has a class of 8 bytes too.  It is left out: 16 bytes leave room
 * for the mark that finds double frees, and keep every object aligned to 16.
 *
 * Cost: 1.5 kB of constants, two or three cache lines of which are in use.
 */
#include "size_class.h"

#include "direct.h"

/* LINE(number, size of the class below, odd part, shift) */
#define SIZE_CLASSES(LINE)     \
	LINE(1, -16, 1, 4)     \
	LINE(2, 16, 1, 5)      \
	LINE(3, 32, 3, 4)      \
	LINE(4, 48, 1, 6)      \
	LINE(5, 64, 5, 4)      \
	LINE(6, 80, 3, 5)      \
	LINE(7, 96, 7, 4)      \
	LINE(8, 112, 1, 7)     \
	LINE(9, 128, 5, 5)     \
	LINE(10, 160, 3, 6)    \
	LINE(11, 192, 7, 5)    \
	LINE(12, 224, 1, 8)    \
	LINE(13, 256, 5, 6)    \
	LINE(14, 320, 3, 7)    \
	LINE(15, 384, 7, 6)    \
	LINE(16, 448, 1, 9)    \
	LINE(17, 512, 5, 7)    \
	LINE(18, 640, 3, 8)    \
	LINE(19, 768, 7, 7)    \
	LINE(20, 896, 1, 10)   \
	LINE(21, 1024, 5, 8)   \
	LINE(22, 1280, 3, 9)   \
	LINE(23, 1536, 7, 8)   \
	LINE(24, 1792, 1, 11)  \
	LINE(25, 2048, 5, 9)   \
	LINE(26, 2560, 3, 10)  \
	LINE(27, 3072, 7, 9)   \
	LINE(28, 3584, 1, 12)  \
	LINE(29, 4096, 5, 10)  \
	LINE(30, 5120, 3, 11)  \
	LINE(31, 6144, 7, 10)  \
	LINE(32, 7168, 1, 13)  \
	LINE(33, 8192, 5, 11)  \
	LINE(34, 10240, 3, 12) \
	LINE(35, 12288, 7, 11)

#define CLASS_LINE(number, below, m, bits)                \
	[number] = {                                      \
		.unit = ~0ull / ((u64)(m) << (bits)) + 1, \
		.size = (m) << (bits),                    \
		.shift = (bits),                          \
		.odd = (m),                               \
	},
#define LOOKUP_LINE(number, below, m, bits) \
	[(below) / 16 + 1 ...((m) << (bits)) / 16] = (number),

const struct size_class size_class[NR_SIZE_CLASSES + 1] = { SIZE_CLASSES(
	CLASS_LINE) };

const u8 size_class_by_16[SMALL_MAX / 16 + 1] = { SIZE_CLASSES(LOOKUP_LINE) };

size_t fixheap_good_size(size_t bytes)
{
	return bytes <= SMALL_MAX ? size_class[size_class_of(bytes)].size
				  : direct_good_size(bytes);
}
