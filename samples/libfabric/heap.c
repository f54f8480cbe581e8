/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c: see heap.h.
 *
 * There is no region_realloc: a network's registration pins pages, so they
 * cannot move.  An array that cannot grow where it is gets another region.
 */
#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXTEND_BYTES ((size_t)8 << 20)

static int fails(const char *what)
{
	printf("# %s\n", what);
	return -1;
}

static void *map(size_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return base == MAP_FAILED ? NULL : base;
}

/* ---- what a dynamic heap asks for --------------------------------------- */

static void *comm_alloc(void *data, size_t bytes, int node)
{
	(void)data;
	(void)node;
	return map(bytes);
}

static int comm_post_alloc(void *data, void *base, size_t bytes, uint64_t *key)
{
	struct heap *heap = data;

	return net_register(&heap->net, base, bytes, key) ? -EIO : 0;
}

static bool comm_free(void *data, void *base, size_t bytes, uint64_t key)
{
	struct heap *heap = data;

	(void)key;
	/* An array that is freed before it was registered is not. */
	if (net_registration(&heap->net, base) &&
	    net_deregister(&heap->net, base, bytes))
		abort();
	munmap(base, bytes);
	return true;
}

static void comm_failed(void *data, const struct fixheap_comm_failure *failure)
{
	(void)data;
	printf("# %s: %s\n", failure->call, failure->what);
}

/* ---- making and ending it ----------------------------------------------- */

static int make_fixed(struct heap *heap, struct fixheap_config *config)
{
	heap->blob = map(heap->bytes);
	if (!heap->blob)
		return fails("no memory");
	if (net_register(&heap->net, heap->blob, heap->bytes, &config->key))
		return -1;
	config->base = heap->blob;
	config->length = heap->bytes;
	config->flags = FIXHEAP_PINNED | FIXHEAP_ZEROED;
	return 0;
}

static void make_dynamic(struct heap *heap, struct fixheap_config *config)
{
	struct fixheap_comm comm = FIXHEAP_COMM_INIT;

	comm.data = heap;
	comm.flags = FIXHEAP_COMM_ZEROED;
	comm.alloc_threshold = HEAP_OWN_BYTES;
	comm.region_alloc = comm_alloc;
	comm.post_alloc = comm_post_alloc;
	comm.region_free = comm_free;
	comm.failed = comm_failed;
	heap->comm = comm;
	config->mode = FIXHEAP_DYNAMIC;
	config->comm = &heap->comm;
	config->length = config->extend_bytes = EXTEND_BYTES;
	config->max_bytes = heap->bytes;
}

int heap_create(struct heap *heap, bool dynamic, size_t bytes)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	int error;

	heap->bytes = bytes;
	if (dynamic)
		make_dynamic(heap, &config);
	else if (make_fixed(heap, &config))
		return -1;
	error = fixheap_create(&config, &heap->heap);
	return error ? fails(strerror(-error)) : 0;
}

int heap_destroy(struct heap *heap)
{
	fixheap_destroy(heap->heap);
	if (heap->blob) {
		if (net_deregister(&heap->net, heap->blob, heap->bytes))
			return -1;
		munmap(heap->blob, heap->bytes);
	}
	return heap->net.nr_registered ? fails("still registered") : 0;
}

/* ---- looking at it ------------------------------------------------------ */

int heap_place(struct heap *heap, const void *ptr, struct net_place *place)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	if (fixheap_region_of(heap->heap, ptr, &region))
		return fails("memory of no region");
	*place = net_place(&heap->net, region.key, region.base, region.offset);
	return 0;
}

int heap_check(struct heap *heap)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	struct net_registration *r;
	size_t nr = 0, bytes = 0;

	for (unsigned id = 0; !fixheap_region_at(heap->heap, id, &region);
	     id = region.id + 1) {
		r = net_registration(&heap->net, region.base);
		if (!r || r->base != region.base || r->bytes != region.bytes ||
		    fi_mr_key(r->mr) != region.key)
			return fails("a region that is not registered so");
		bytes += region.bytes;
		nr++;
	}
	return nr == heap->net.nr_registered &&
			       bytes == heap->net.registered_bytes
		       ? 0
		       : fails("registered, but no region");
}
