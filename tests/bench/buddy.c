/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buddy.c: the buddy allocator of the textbooks, to be held against.
 *
 * Free blocks of each order are on a doubly linked list, the last one freed
 * first; a descriptor for each unit has the links and the block's order.  An
 * allocation takes the first block of the smallest order that has one, and
 * halves it as often as needed; a free merges with the buddy as long as that
 * is free and of the same order.  The memory itself is not touched.
 *
 * A length that is no power of two is made of the largest aligned blocks that
 * fit.
 *
 * Locking: one spinlock (test, then test and set) around every call.
 * Cost: O(orders); 12 bytes of address space for each unit.
 */
#include "buddy.h"

#include <cpu.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NR_ORDERS 48
#define NONE UINT32_MAX

struct unit {
	uint32_t next, prev; /* on a free list */
	uint8_t order;
	bool free; /* the first unit of a free block */
};

struct buddy {
	int lock;
	uint32_t head[NR_ORDERS];
	struct unit *unit; /* [nr_units] */
	size_t nr_units, unit_bytes;
	unsigned unit_shift;
	char *base;
};

static void lock(struct buddy *buddy)
{
	while (__atomic_exchange_n(&buddy->lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&buddy->lock, __ATOMIC_RELAXED))
			cpu_relax();
}

static void unlock(struct buddy *buddy)
{
	__atomic_store_n(&buddy->lock, 0, __ATOMIC_RELEASE);
}

static void push(struct buddy *buddy, uint32_t at, unsigned order)
{
	struct unit *unit = &buddy->unit[at];

	unit->next = buddy->head[order];
	unit->prev = NONE;
	unit->order = (uint8_t)order;
	unit->free = true;
	if (unit->next != NONE)
		buddy->unit[unit->next].prev = at;
	buddy->head[order] = at;
}

static void take(struct buddy *buddy, uint32_t at)
{
	struct unit *unit = &buddy->unit[at];

	if (unit->next != NONE)
		buddy->unit[unit->next].prev = unit->prev;
	if (unit->prev != NONE)
		buddy->unit[unit->prev].next = unit->next;
	else
		buddy->head[unit->order] = unit->next;
	unit->free = false;
}

struct buddy *buddy_create(void *base, size_t bytes, size_t unit)
{
	struct buddy *buddy = calloc(1, sizeof(*buddy));
	size_t at = 0, nr = bytes / unit;

	if (!buddy)
		return NULL;
	buddy->base = base;
	buddy->unit_bytes = unit;
	buddy->unit_shift = (unsigned)__builtin_ctzl(unit);
	buddy->nr_units = nr;
	buddy->unit = mmap(NULL, nr * sizeof(*buddy->unit),
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (buddy->unit == MAP_FAILED) {
		free(buddy);
		return NULL;
	}
	for (unsigned order = 0; order < NR_ORDERS; order++)
		buddy->head[order] = NONE;
	while (at < nr) {
		unsigned order = at ? (unsigned)__builtin_ctzl(at) : 31;

		while (at + ((size_t)1 << order) > nr)
			order--;
		push(buddy, (uint32_t)at, order);
		at += (size_t)1 << order;
	}
	return buddy;
}

void buddy_destroy(struct buddy *buddy)
{
	if (!buddy)
		return;
	munmap(buddy->unit, buddy->nr_units * sizeof(*buddy->unit));
	free(buddy);
}

void *buddy_alloc(struct buddy *buddy, size_t bytes)
{
	size_t nr = (bytes + buddy->unit_bytes - 1) >> buddy->unit_shift;
	unsigned order = nr > 1 ? 64 - (unsigned)__builtin_clzl(nr - 1) : 0;
	unsigned found = order;
	uint32_t at;

	lock(buddy);
	while (found < NR_ORDERS && buddy->head[found] == NONE)
		found++;
	if (found >= NR_ORDERS) {
		unlock(buddy);
		return NULL;
	}
	at = buddy->head[found];
	take(buddy, at);
	while (found > order) {
		found--;
		push(buddy, at + (1u << found), found);
	}
	buddy->unit[at].order = (uint8_t)order;
	unlock(buddy);
	return buddy->base + ((size_t)at << buddy->unit_shift);
}

void buddy_free(struct buddy *buddy, void *block)
{
	size_t at = (size_t)((char *)block - buddy->base) >> buddy->unit_shift;
	unsigned order;

	lock(buddy);
	order = buddy->unit[at].order;
	for (;;) {
		size_t other = at ^ ((size_t)1 << order);

		if (other >= buddy->nr_units || !buddy->unit[other].free ||
		    buddy->unit[other].order != order)
			break;
		take(buddy, (uint32_t)other);
		at &= ~((size_t)1 << order);
		order++;
	}
	push(buddy, (uint32_t)at, order);
	unlock(buddy);
}
