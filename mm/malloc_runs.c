/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc_runs.c: fixheap_malloc without jemalloc (CONFIG_JEMALLOC off).
 *
 * Each object is a page run of its own.  That is right for a program that has
 * few and large objects, or brings its own malloc and takes page runs or
 * arrays; for small objects most of each page is lost.
 *
 * Locking and cost: as direct.c.  The rules for odd sizes, alignments and
 * mistakes are those of malloc.c.
 */
#include "direct.h"

#include <errno.h>
#include <pthread.h>

#include "fork.h"
#include "objects.h"
#include "page_owner.h"

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_error;

static void guard_fork_once(void)
{
	fork_error = fork_guard_heaps();
}

int objects_create(struct fixheap *heap)
{
	(void)heap;
	pthread_once(&fork_once, guard_fork_once);
	return fork_error;
}

void objects_destroy(struct fixheap *heap)
{
	(void)heap;
}

u32 objects_near(const struct fixheap *heap)
{
	(void)heap;
	return 0;
}

void objects_reclaim(struct fixheap *heap)
{
	(void)heap;
}

void objects_tell(struct fixheap *heap)
{
	(void)heap;
}

void objects_call_stopped(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap, void *data),
			  void *data)
{
	fn(heap, data);
}

void objects_call_flushed(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap, void *data),
			  void *data)
{
	fn(heap, data);
}

u64 objects_cached_pages(const struct fixheap *heap)
{
	(void)heap;
	return 0;
}

void objects_retire(struct fixheap *heap)
{
	(void)heap;
}

void objects_restore(struct fixheap *heap)
{
	(void)heap;
}

void *fixheap_malloc(struct fixheap *heap, size_t bytes)
{
	struct direct_request req = { .bytes = bytes, .caller = CALLER };

	return direct_alloc(heap, &req);
}

void *fixheap_malloc_node(struct fixheap *heap, size_t bytes, int node)
{
	struct direct_request req = { .bytes = bytes, .caller = CALLER };
	u32 n = heap_find_node(heap, node);

	if (n == PLACES_MAX) {
		errno = EINVAL;
		return NULL;
	}
	req.bind = (u128)1 << n;
	return direct_alloc(heap, &req);
}

/* Runs always come from the node of the CPU. */
int fixheap_bind_thread(struct fixheap *heap, int node)
{
	return node == -1 || heap_find_node(heap, node) != PLACES_MAX ? 0
								      : -EINVAL;
}

void *fixheap_calloc(struct fixheap *heap, size_t count, size_t bytes)
{
	struct direct_request req = { .zero = true, .caller = CALLER };

	if (__builtin_mul_overflow(count, bytes, &req.bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return direct_alloc(heap, &req);
}

void *fixheap_aligned_alloc(struct fixheap *heap, size_t alignment,
			    size_t bytes)
{
	struct direct_request req = { .bytes = bytes,
				      .alignment = alignment,
				      .caller = CALLER };

	if (!is_pow2(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	return direct_alloc(heap, &req);
}

void fixheap_free(struct fixheap *heap, void *ptr)
{
	static const char api[] = "fixheap_free";

	if (!ptr)
		return;
	if (direct_size(heap, ptr))
		heap_free_run(heap, api, ptr, PAGE_DIRECT, CALLER);
	else
		heap_fault(heap, api, direct_mistake(heap, ptr), ptr, 0);
}

/* Bytes of the object at ptr; 0: there is none, which was reported. */
static size_t object_size(struct fixheap *heap, const char *api,
			  const void *ptr)
{
	size_t bytes = direct_size(heap, ptr);

	if (!bytes)
		heap_fault(heap, api, direct_mistake(heap, ptr), ptr, 0);
	return bytes;
}

void fixheap_free_sized(struct fixheap *heap, void *ptr, size_t bytes)
{
	static const char api[] = "fixheap_free_sized";
	size_t size = ptr ? object_size(heap, api, ptr) : 0;

	if (size && size < bytes)
		heap_fault(heap, api, "wrong size", ptr, bytes);
	else if (size)
		fixheap_free(heap, ptr);
}

size_t fixheap_good_size(size_t bytes)
{
	return direct_good_size(bytes);
}

size_t fixheap_usable_size(struct fixheap *heap, const void *ptr)
{
	return ptr ? object_size(heap, "fixheap_usable_size", ptr) : 0;
}

void *fixheap_realloc(struct fixheap *heap, void *ptr, size_t bytes)
{
	if (!ptr)
		return fixheap_malloc(heap, bytes);
	if (!bytes) {
		fixheap_free(heap, ptr);
		return NULL;
	}
	if (!object_size(heap, "fixheap_realloc", ptr)) {
		errno = EINVAL;
		return NULL;
	}
	return direct_realloc(heap, ptr, bytes, CALLER);
}
