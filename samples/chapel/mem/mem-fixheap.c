/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem-fixheap.c: fixheap as Chapel's memory layer, CHPL_MEM=fixheap.  It
 * belongs into runtime/src/mem/fixheap; see README.
 *
 * Which heap a locale has, its comm layer decides:
 *
 *	chpl_comm_regMemHeapInfo gives one	FIXHEAP_FIXED, over just that
 *	chpl_comm_regMemAllocThreshold does	FIXHEAP_DYNAMIC: regions from
 *						chpl_comm_regMemAlloc
 *	neither					FIXHEAP_SIMPLE
 *
 * Arrays that are no small objects are fixheap's arrays, exact to the page.
 * Whether one is, its size tells: Chapel hands it to all its array functions.
 * With FIXHEAP_DYNAMIC one of the threshold or more has a region of its own,
 * which the comm layer registers after the program has touched it; other
 * regions are touched here before that, by the thread that needs them.
 *
 * Invariant: an array of is_array(bytes) comes from fixheap_array_alloc, any
 * other from fixheap_malloc.
 */
#include <stdint.h>
#include <string.h>

#include "chpl-comm.h"
#include "chpl-env.h"
#include "chpl-linefile-support.h"
#include "chpl-mem.h"
#include "chpl-mem-array.h"
#include "chpl-error.h"

/* The largest object that shares its pages with others. */
#define SMALL_BYTES 14336

struct fixheap *chpl_fixheap;
static struct fixheap_comm layer = FIXHEAP_COMM_INIT;

/* ---- regions from the comm layer ---------------------------------------- */

static void *comm_alloc(void *data, size_t bytes, int node)
{
	(void)data;
	(void)node;
	return chpl_comm_regMemAlloc(bytes, CHPL_RT_MD_MEM_HEAP_SPACE, 0,
				     CHPL_FILE_IDX_INTERNAL);
}

/* So the pages of small things are near the thread that asked first.  Contents
 * are kept. */
static void comm_touch(void *data, void *base, size_t bytes)
{
	(void)data;
	for (size_t i = 0; i < bytes; i += layer.page_size)
		__atomic_fetch_or((char *)base + i, 0, __ATOMIC_RELAXED);
}

/* Peers find memory by its address: there is no key. */
static int comm_post_alloc(void *data, void *base, size_t bytes, uint64_t *key)
{
	(void)data;
	(void)key;
	chpl_comm_regMemPostAlloc(base, bytes);
	return 0;
}

static void *comm_realloc(void *data, void *base, size_t old_bytes,
			  size_t bytes)
{
	(void)data;
	return chpl_comm_regMemRealloc(base, old_bytes, bytes,
				       CHPL_RT_MD_ARRAY_ELEMENTS, 0,
				       CHPL_FILE_IDX_INTERNAL);
}

static int comm_post_realloc(void *data, void *old_base, size_t old_bytes,
			     void *base, size_t bytes, uint64_t *key)
{
	(void)data;
	(void)key;
	chpl_comm_regMemPostRealloc(old_base, old_bytes, base, bytes);
	return 0;
}

static bool comm_free(void *data, void *base, size_t bytes, uint64_t key)
{
	(void)data;
	(void)key;
	return chpl_comm_regMemFree(base, bytes);
}

static void layer_init(void)
{
	size_t threshold = chpl_comm_regMemAllocThreshold();

	layer.page_size = chpl_comm_regMemHeapPageSize();
	if (threshold < 2 * layer.page_size)
		threshold = 2 * layer.page_size;
	if (threshold <= SMALL_BYTES)
		threshold = SMALL_BYTES + 1;
	layer.alloc_threshold = threshold;
	layer.max_heap = chpl_env_rt_get("MAX_HEAP_SIZE", NULL);
	layer.region_alloc = comm_alloc;
	layer.touch = comm_touch;
	layer.post_alloc = comm_post_alloc;
	layer.region_realloc = comm_realloc;
	layer.post_realloc = comm_post_realloc;
	layer.region_free = comm_free;
}

/* ---- the layer ---------------------------------------------------------- */

void chpl_mem_layerInit(void)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	int error;

	chpl_comm_regMemHeapInfo(&config.base, &config.length);
	if (config.base) {
		config.flags = FIXHEAP_PINNED;
	} else if (chpl_comm_regMemAllocThreshold() < SIZE_MAX) {
		layer_init();
		config.mode = FIXHEAP_DYNAMIC;
		config.comm = &layer;
		config.length = 0;
	} else {
		config.mode = FIXHEAP_SIMPLE;
		config.length = 0;
	}
	error = fixheap_create(&config, &chpl_fixheap);
	if (error)
		chpl_internal_error_v("cannot make the heap: %s",
				      strerror(-error));
}

/* Tasks may still free; the heap ends with the process. */
void chpl_mem_layerExit(void)
{
}

/* ---- arrays ------------------------------------------------------------- */

static bool is_array(size_t bytes)
{
	return bytes > SMALL_BYTES;
}

/* Whether an array waits for its registration. */
static bool is_pending(void *p)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	return layer.alloc_threshold &&
	       !fixheap_region_of(chpl_fixheap, p, &region) &&
	       (region.flags & FIXHEAP_REGION_PENDING);
}

void *chpl_fixheap_array_alloc(size_t bytes, chpl_bool *callPostAlloc)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	void *p;

	if (!is_array(bytes))
		return fixheap_malloc(chpl_fixheap, bytes);
	attr.flags = FIXHEAP_POST_ALLOC;
	p = fixheap_array_alloc(chpl_fixheap, bytes, &attr);
	*callPostAlloc = p && is_pending(p);
	return p;
}

/* From an object to an array, or back. */
static void *cross(void *p, size_t old_bytes, size_t bytes,
		   chpl_bool *callPostAlloc)
{
	void *newp = chpl_fixheap_array_alloc(bytes, callPostAlloc);

	if (newp && p) {
		memcpy(newp, p, old_bytes < bytes ? old_bytes : bytes);
		chpl_fixheap_array_free(p, old_bytes);
	}
	return newp;
}

void *chpl_fixheap_array_realloc(void *p, size_t oldBytes, size_t bytes,
				 chpl_bool *callPostAlloc)
{
	void *newp;

	if (!p || is_array(oldBytes) != is_array(bytes))
		return cross(p, oldBytes, bytes, callPostAlloc);
	if (!is_array(bytes))
		return fixheap_realloc(chpl_fixheap, p, bytes ? bytes : 1);
	newp = fixheap_array_realloc(chpl_fixheap, p, bytes);
	*callPostAlloc = newp && is_pending(newp);
	return newp;
}

/* Whether realloc would leave it on its side of the comm layer's threshold. */
chpl_bool chpl_fixheap_array_stays(void *p, size_t oldBytes, size_t bytes)
{
	if (p && is_array(oldBytes) && is_array(bytes))
		return fixheap_array_can_realloc(chpl_fixheap, p, bytes);
	return !layer.alloc_threshold || bytes < layer.alloc_threshold;
}

void chpl_fixheap_array_register(void *p, size_t bytes)
{
	int error;

	if (!p || !is_array(bytes))
		return;
	error = fixheap_array_post_alloc(chpl_fixheap, p);
	if (error)
		chpl_internal_error_v("cannot register an array: %s",
				      strerror(-error));
}

void chpl_fixheap_array_free(void *p, size_t bytes)
{
	if (is_array(bytes))
		fixheap_array_free(chpl_fixheap, p);
	else
		fixheap_free(chpl_fixheap, p);
}
