/* SPDX-License-Identifier: BSD-2-Clause */
/* depot.h: free objects on their way from thread to thread; see depot.c. */
#ifndef MM_DEPOT_H
#define MM_DEPOT_H

#include "mmzone.h"
#include "size_class.h"

/* Free objects of one class.  512 bytes. */
#define PACKET_SLOTS 127
struct packet {
	u32 next; /* (A) in its stack: number + 1 */
	u32 nr;
	void *slot[PACKET_SLOTS];
};
_Static_assert(sizeof(struct packet) == 1024, "sixteen cache lines");

/* Objects of a class that travel together: 2 to PACKET_SLOTS of them. */
#define PACKET_BYTES (128u << 10)
static inline u32 packet_objects(u32 bytes)
{
	u64 nr = min_u64(PACKET_BYTES / bytes, PACKET_SLOTS);

	return (u32)max_u64(nr, 2);
}

/* A last-in-first-out list; any thread writes it, so it has a line. */
struct packet_stack {
	u64 head; /* (A) number of its first packet + 1, times it changed */
} __attribute__((aligned(64)));

/* Of one node of one heap: [0] has the packets that are empty. */
struct depot {
	struct packet_stack stack[NR_SIZE_CLASSES + 1];
	/* written with each packet that comes or goes */
	u64 bytes __attribute__((aligned(64))); /* (A) of objects in it */
	u32 hand;				/* (A) class to evict next */
	u32 nr_packets;				/* (A) ever used */
	/* only read */
	struct fixheap *heap __attribute__((aligned(64))); /* (C) */
	struct packet *packet;				   /* (C) */
	u32 max_packets;				   /* (C) */
};

/* 0 or -ENOMEM; all-zero is one without packets. */
int depot_init(struct depot *depot, struct fixheap *heap);
void depot_fini(struct depot *depot);

/* Free objects of the class, PACKET_SLOTS at most; their number, or 0. */
u32 depot_get(struct depot *depot, u32 class, void **slot);
/* Keep these; false: it is full. */
bool depot_put(struct depot *depot, u32 class, void *const *slot, u32 nr);
/* Objects of some class, of each in turn; 0: it is empty. */
u32 depot_evict(struct depot *depot, void **slot, u32 *class);

#endif
