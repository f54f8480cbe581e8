/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size_class.h: the sizes that small objects come in; see size_class.c.
 *
 * Class numbers start at 1, which is also what the page descriptor holds, so
 * that 0 there means "no class" and needs no test of its own.
 */
#ifndef MM_SIZE_CLASS_H
#define MM_SIZE_CLASS_H

#include "types.h"

#define SMALL_MAX ((size_t)14336) /* largest object that has a class */
#define NR_SIZE_CLASSES 35

struct size_class {
	u64 unit; /* 2^64 / size, rounded up; class 0: 0 */
	u32 size; /* bytes, odd << shift */
	u16 shift;
	u16 odd;
};

/* [0] is no class: no offset is a multiple of its size. */
extern const struct size_class size_class[NR_SIZE_CLASSES + 1]
	__attribute__((visibility("hidden")));
extern const u8 size_class_by_16[SMALL_MAX / 16 + 1]
	__attribute__((visibility("hidden")));

/*
 * Bytes of a slab, which its objects fill without a rest: the least common
 * multiple of their size and of jemalloc's page.
 */
static inline u32 size_class_slab(const struct size_class *class,
				  u32 page_shift)
{
	u32 shift = class->shift > page_shift ? class->shift : page_shift;

	return (u32) class->odd << shift;
}

/* Class of an object of this many bytes, 0 to SMALL_MAX. */
static inline u32 size_class_of(size_t bytes)
{
	return size_class_by_16[(bytes + 15) >> 4];
}

/* Whether the distance, below 2^32, is a multiple of the size that has this
 * unit. */
static inline bool unit_divides(u64 unit, u64 distance)
{
	return distance * unit < unit;
}

/*
 * Whether an object of the class starts `distance` bytes behind the start of
 * another one.
 */
static inline bool size_class_starts(const struct size_class *class,
				     u32 distance)
{
	return unit_divides(class->unit, distance);
}

#endif
