/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * depot.c: free objects on their way from thread to thread.
 *
 * A thread whose magazine is full puts a packet of objects here, and one whose
 * magazine is empty takes one: the cost of a call is shared by up to 127
 * objects, and neither jemalloc's locks nor its slabs are touched.  That is
 * what makes batches fast that are larger than a magazine, and objects that
 * are freed by another thread than the one that allocates.
 *
 * For each class there is a stack of packets, and one of those that are empty.
 * A stack is a number with a count of its changes, exchanged as one word, so
 * that no lock is held by a thread that is not running, or not there after
 * fork.  Packets are never given back, so a stale number can be followed.
 *
 * Invariants
 *  1. All objects in a depot are free, marked and of its node.
 *  2. bytes is the sum of their sizes, once all calls have returned; it goes
 *     beyond the limit by no more than what threads put at the same moment.
 *
 * The limit is 1/64 of the heap, 8 MiB at most.  Who finds the depot full makes
 * room by taking a packet of another class, of each in turn, back to jemalloc
 * (thread_cache.c): so classes that nobody asks for do not stay for ever.
 *
 * Locking: none; only called between thread_enter and thread_leave, so that all
 * of it stands still while threads are stopped.  Cost: two to three atomic
 * exchanges and a copy of 1 KiB at most.
 */
#include "depot.h"

#include <errno.h>
#include <string.h>

#define DEPOT_PART 64
#define DEPOT_BYTES_MAX (8ull << 20)
#define DEPOT_PACKETS_MAX 4096u

int depot_init(struct depot *depot, struct fixheap *heap)
{
	u64 most = min_u64((heap->max_pages << PAGE_SHIFT) / DEPOT_PART,
			   DEPOT_BYTES_MAX);

	depot->heap = heap;
	depot->max_packets =
		(u32)min_u64(most / size_class[1].size / PACKET_SLOTS + 1,
			     DEPOT_PACKETS_MAX);
	depot->packet =
		host_reserve(depot->max_packets * sizeof(struct packet));
	return depot->packet ? 0 : -ENOMEM;
}

void depot_fini(struct depot *depot)
{
	if (depot->packet)
		host_release(depot->packet,
			     depot->max_packets * sizeof(struct packet));
}

static u64 head_make(u64 old, u32 number)
{
	return ((old >> 32) + 1) << 32 | number;
}

/* The first packet; NULL: there is none. */
static struct packet *pop(struct depot *depot, u32 class)
{
	u64 *head = &depot->stack[class].head;
	u64 old = __atomic_load_n(head, __ATOMIC_ACQUIRE);

	while ((u32)old) {
		struct packet *first = &depot->packet[(u32)old - 1];
		u32 next = __atomic_load_n(&first->next, __ATOMIC_RELAXED);

		/* acquire: pairs with push, what is in the packet */
		if (__atomic_compare_exchange_n(
			    head, &old, head_make(old, next), true,
			    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
			return first;
	}
	return NULL;
}

static void push(struct depot *depot, u32 class, struct packet *packet)
{
	u64 *head = &depot->stack[class].head;
	u64 old = __atomic_load_n(head, __ATOMIC_RELAXED);
	u32 number = (u32)(packet - depot->packet) + 1;

	do {
		__atomic_store_n(&packet->next, (u32)old, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(
		head, &old, head_make(old, number), true, __ATOMIC_RELEASE,
		__ATOMIC_RELAXED));
}

static struct packet *empty_packet(struct depot *depot)
{
	struct packet *packet = pop(depot, 0);
	u32 nr = __atomic_load_n(&depot->nr_packets, __ATOMIC_RELAXED);

	if (packet)
		return packet;
	while (nr < depot->max_packets) {
		if (__atomic_compare_exchange_n(&depot->nr_packets, &nr, nr + 1,
						true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return &depot->packet[nr];
	}
	return NULL;
}

u32 depot_get(struct depot *depot, u32 class, void **slot)
{
	struct packet *packet;
	u32 nr;

	if (!(u32)__atomic_load_n(&depot->stack[class].head, __ATOMIC_RELAXED))
		return 0;
	packet = pop(depot, class);
	if (!packet)
		return 0;
	nr = packet->nr;
	memcpy(slot, packet->slot, nr * sizeof(*slot));
	push(depot, 0, packet);
	__atomic_sub_fetch(&depot->bytes, (u64)nr * size_class[class].size,
			   __ATOMIC_RELAXED);
	return nr;
}

bool depot_put(struct depot *depot, u32 class, void *const *slot, u32 nr)
{
	u64 pages = __atomic_load_n(&depot->heap->nr_pages, __ATOMIC_RELAXED);
	u64 most = min_u64((pages << PAGE_SHIFT) / DEPOT_PART, DEPOT_BYTES_MAX);
	u64 bytes = (u64)nr * size_class[class].size;
	struct packet *packet;

	if (__atomic_load_n(&depot->bytes, __ATOMIC_RELAXED) + bytes > most)
		return false;
	packet = empty_packet(depot);
	if (!packet)
		return false;
	__atomic_add_fetch(&depot->bytes, bytes, __ATOMIC_RELAXED);
	packet->nr = nr;
	memcpy(packet->slot, slot, nr * sizeof(*slot));
	push(depot, class, packet);
	return true;
}

u32 depot_evict(struct depot *depot, void **slot, u32 *class)
{
	u32 hand = __atomic_load_n(&depot->hand, __ATOMIC_RELAXED), nr = 0;

	for (u32 i = 0; i < NR_SIZE_CLASSES && !nr; i++) {
		*class = 1 + ++hand % NR_SIZE_CLASSES;
		nr = depot_get(depot, *class, slot);
	}
	/* the next time behind it, whatever others do meanwhile */
	__atomic_store_n(&depot->hand, hand, __ATOMIC_RELAXED);
	return nr;
}
