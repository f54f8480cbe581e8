/* SPDX-License-Identifier: BSD-2-Clause */
/* types.h: the words that every file of mm/ and arch/ uses. */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;
typedef unsigned __int128 u128;

#define PAGE_SHIFT CONFIG_PAGE_SHIFT
#define PAGE_BYTES ((size_t)1 << PAGE_SHIFT)

/* A pageblock is 512 pages: 2 MiB with pages of 4 KiB. */
#define BLOCK_SHIFT 9
#define BLOCK_PAGES (1u << BLOCK_SHIFT)
#define BLOCK_WORDS (BLOCK_PAGES / 64)
#define BLOCK_BYTES (PAGE_BYTES << BLOCK_SHIFT)

#define NODES_MAX 64  /* nodes that a topology describes */
#define NODE_IDS 1024 /* numbers that the kernel gives nodes */
#define ZONES_MAX 256
/* the nodes of a heap, and what is striped, and what is mixed */
#define PLACES_MAX (NODES_MAX + 2)
#define CPUS_MAX 4096

#define likely(x) __builtin_expect(!!(x), 1)
#define NOINLINE __attribute__((noinline))
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline bool is_pow2(u64 x)
{
	return x && !(x & (x - 1));
}

/* Round x up to a multiple of the power of two a. */
static inline u64 round_up(u64 x, u64 a)
{
	return (x + a - 1) & ~(a - 1);
}

static inline u64 round_down(u64 x, u64 a)
{
	return x & ~(a - 1);
}

#endif
