/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * comm_test.h: a comm layer that keeps books of what it is asked for, and
 * fails when it is told to.
 *
 * Its memory is a window, handed out from the low end; what comes back is not
 * handed out again, so that a use of it later is seen.
 */
#ifndef TESTS_UNIT_COMM_TEST_H
#define TESTS_UNIT_COMM_TEST_H

#include <sched.h>

#include "regions_test.h"

enum comm_call {
	COMM_ALLOC,
	COMM_TOUCH,
	COMM_POST,
	COMM_REALLOC,
	COMM_POST_AGAIN,
	COMM_FREE,
	NR_COMM_CALLS
};

struct comm_region {
	char *base; /* NULL: not in use */
	size_t bytes;
	u64 key;
	bool registered, touched;
};

#define COMM_REGIONS 256
struct test_comm {
	struct fixheap_comm comm;
	struct fixheap_config config;
	struct test_heap t;
	size_t next, gap;  /* of the window: what comes next, and is left out */
	u64 key, key_step; /* given next, and how it goes on */
	bool no_key;	   /* the key is left as it is */
	bool stay;	   /* region_realloc does not move what shrinks */
	char *give;	   /* what comes next, out of turn */
	struct comm_region region[COMM_REGIONS];
	unsigned nr_calls[NR_COMM_CALLS];
	unsigned fail[NR_COMM_CALLS]; /* the n-th next call fails */
	int node;		      /* of the last alloc */
	unsigned nr_failed;	      /* so often told, and of what: */
	char call[40], what[80];
	void *base;
	size_t bytes;
	int error;
	unsigned nr_wrong; /* what a comm layer must not be asked */
};

/* The caller does not hold the heap's lock; another thread may, for a while. */
static inline bool comm_unlocked(struct fixheap *heap)
{
	for (u32 i = 0; i < 1000; i++) {
		if (spin_trylock(&heap->region.lock)) {
			spin_unlock(&heap->region.lock);
			return true;
		}
		sched_yield();
	}
	return false;
}

/* Count the call; whether it is to fail.  No lock of the heap is held. */
static inline bool comm_enter(struct test_comm *c, enum comm_call call)
{
	struct fixheap *heap = c->t.heap;

	c->nr_calls[call]++;
	if (heap && !comm_unlocked(heap))
		c->nr_wrong++;
	return c->fail[call] && !--c->fail[call];
}

static inline struct comm_region *comm_find(struct test_comm *c,
					    const void *base)
{
	for (u32 i = 0; i < COMM_REGIONS; i++) {
		if (c->region[i].base == base)
			return &c->region[i];
	}
	return NULL;
}

static inline u32 comm_held(const struct test_comm *c)
{
	u32 nr = 0;

	for (u32 i = 0; i < COMM_REGIONS; i++)
		nr += c->region[i].base != NULL;
	return nr;
}

static inline void *comm_region_alloc(void *data, size_t bytes, int node)
{
	struct test_comm *c = data;
	struct comm_region *region = comm_find(c, NULL);
	char *base = c->t.base + c->next + c->gap;

	c->node = node;
	if (comm_enter(c, COMM_ALLOC) || !region)
		return NULL;
	if (c->give) {
		base = c->give;
		c->give = NULL;
		return base;
	}
	if (c->next + c->gap + bytes > c->t.bytes - BLOCK_BYTES)
		return NULL;
	if (!bytes || (c->comm.page_size && bytes % c->comm.page_size))
		c->nr_wrong++;
	c->next += c->gap + bytes;
	*region = (struct comm_region){ .base = base, .bytes = bytes };
	return base;
}

static inline void comm_touch(void *data, void *base, size_t bytes)
{
	struct test_comm *c = data;
	struct comm_region *region = comm_find(c, base);

	comm_enter(c, COMM_TOUCH);
	if (!region || region->bytes != bytes || region->registered)
		c->nr_wrong++;
	else
		region->touched = true;
}

static inline int comm_register_it(struct test_comm *c, void *base,
				   size_t bytes, u64 *key)
{
	struct comm_region *region = comm_find(c, base);

	if (!region || region->bytes != bytes || region->registered) {
		c->nr_wrong++;
		return 0;
	}
	region->registered = true;
	if (!c->no_key) {
		*key = c->key;
		c->key += c->key_step;
	}
	region->key = *key;
	return 0;
}

static inline int comm_post_alloc(void *data, void *base, size_t bytes,
				  u64 *key)
{
	struct test_comm *c = data;

	if (comm_enter(c, COMM_POST))
		return -EREMOTEIO;
	return comm_register_it(c, base, bytes, key);
}

static inline void *comm_region_realloc(void *data, void *base,
					size_t old_bytes, size_t bytes)
{
	struct test_comm *c = data;
	struct comm_region *region = comm_find(c, base);
	char *moved = c->t.base + c->next + c->gap;

	if (comm_enter(c, COMM_REALLOC) ||
	    c->next + c->gap + bytes > c->t.bytes - BLOCK_BYTES)
		return NULL;
	if (!region || region->bytes != old_bytes) {
		c->nr_wrong++;
		return NULL;
	}
	region->registered = false;
	region->bytes = bytes;
	if (c->stay && bytes < old_bytes)
		return base;
	c->next += c->gap + bytes;
	memcpy(moved, base, min_u64(old_bytes, bytes));
	memset(base, 0xdb, old_bytes);
	region->base = moved;
	return moved;
}

static inline int comm_post_realloc(void *data, void *old_base,
				    size_t old_bytes, void *base, size_t bytes,
				    u64 *key)
{
	struct test_comm *c = data;

	if (comm_enter(c, COMM_POST_AGAIN))
		return -EREMOTEIO;
	if (!old_base || !old_bytes)
		c->nr_wrong++;
	return comm_register_it(c, base, bytes, key);
}

static inline bool comm_region_free(void *data, void *base, size_t bytes,
				    u64 key)
{
	struct test_comm *c = data;
	struct comm_region *region = comm_find(c, base);

	if (comm_enter(c, COMM_FREE))
		return false;
	if (!base || !region || region->bytes != bytes ||
	    (region->registered && region->key != key)) {
		c->nr_wrong++;
		return false;
	}
	region->base = NULL;
	return true;
}

static inline void comm_note(void *data, const struct fixheap_comm_failure *f)
{
	struct test_comm *c = data;

	if (f->size != sizeof(*f))
		c->nr_wrong++;
	c->nr_failed++;
	snprintf(c->call, sizeof(c->call), "%s", f->call);
	snprintf(c->what, sizeof(c->what), "%s", f->what);
	c->base = f->base;
	c->bytes = f->bytes;
	c->error = f->error;
}

/* A comm layer with all there is, on this machine, and a config for it. */
static inline void comm_make(struct test_comm *c, const char *machine,
			     u64 nr_blocks)
{
	memset(c, 0, sizeof(*c));
	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe(machine ?: "1x1"), 0);
	regions_map(&c->t, nr_blocks, 0);
	c->comm = (struct fixheap_comm){ .size = sizeof(c->comm),
					 .data = c,
					 .region_alloc = comm_region_alloc,
					 .touch = comm_touch,
					 .post_alloc = comm_post_alloc,
					 .region_realloc = comm_region_realloc,
					 .post_realloc = comm_post_realloc,
					 .region_free = comm_region_free,
					 .failed = comm_note };
	c->config = (struct fixheap_config)FIXHEAP_CONFIG_INIT;
	c->config.mode = FIXHEAP_DYNAMIC;
	c->config.comm = &c->comm;
	c->config.length = c->config.extend_bytes = 4 * BLOCK_BYTES;
	c->config.max_bytes = (nr_blocks + 1) * BLOCK_BYTES;
	c->key = 100;
	c->key_step = 1;
}

static inline void comm_start(struct test_comm *c)
{
	/* what the library keeps for the next heap is there after the first */
	regions_create(&c->t, &c->config);
	memset(c->nr_calls, 0, sizeof(c->nr_calls));
	assert_int_equal(c->nr_wrong, 0);
	assert_int_equal(comm_held(c), c->config.mode == FIXHEAP_DYNAMIC);
}

/* One failure since the last time, of this call. */
static inline void comm_told(struct test_comm *c, const char *call,
			     const char *what, int error)
{
	assert_int_equal(c->nr_failed, 1);
	assert_string_equal(c->call, call);
	assert_string_equal(c->what, what);
	assert_int_equal(c->error, error);
	c->nr_failed = 0;
}

static inline void comm_end(struct test_comm *c)
{
	assert_int_equal(c->nr_failed, 0);
	heap_end(&c->t);
	assert_int_equal(comm_held(c), 0);
	assert_int_equal(c->nr_wrong, 0);
}

/* --- arrays with a region of their own ------------------------------------ */

#define OWN_PAGES 800 /* from which on an array has one */

static inline void own_make(struct test_comm *c)
{
	comm_make(c, NULL, 200);
	c->comm.alloc_threshold = BYTES(OWN_PAGES);
	/* regions that share no pageblock */
	c->gap = 2 * BLOCK_BYTES;
	comm_start(c);
}

static inline void *array_of(struct test_comm *c, u64 nr, unsigned flags)
{
	struct fixheap_array_attr attr = ATTR(.flags = flags);

	return fixheap_array_alloc(c->t.heap, BYTES(nr), &attr);
}

static inline struct fixheap_region region_at(struct test_comm *c,
					      const void *ptr)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	assert_int_equal(fixheap_region_of(c->t.heap, ptr, &region), 0);
	return region;
}

#endif
