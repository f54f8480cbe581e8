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
	u32 inverse; /* of the odd part of size, modulo 2^32 */
	u32 starts;  /* objects that can start in one page; class 0: none */
	u32 size;    /* bytes, odd << shift */
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

/*
 * Whether an object of the class starts `distance` bytes behind the first one
 * that starts in the page.  A distance that wrapped below zero gives false.
 */
static inline bool size_class_starts(const struct size_class *class,
				     u32 distance)
{
	u32 turned = distance * class->inverse;

	turned = turned >> class->shift | turned << (-class->shift & 31);
	return turned < class->starts;
}

#endif
