/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chpl-mem-impl.h: fixheap as Chapel's memory layer, the part that each file of
 * the runtime and of the generated code sees.  It belongs into Chapel's
 * runtime/include/mem/fixheap; see README.
 *
 * chpl-mem.h wants these functions, with the C library's rules and without
 * checks of their own: what is out of memory, it says itself.
 */
#ifndef _chpl_mem_impl_H_
#define _chpl_mem_impl_H_

#include <stddef.h>

#include <fixheap/fixheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The locale's heap, from chpl_mem_layerInit on. */
extern struct fixheap *chpl_fixheap;

static inline void *chpl_calloc(size_t n, size_t size)
{
	return fixheap_calloc(chpl_fixheap, n, size);
}

static inline void *chpl_malloc(size_t size)
{
	return fixheap_malloc(chpl_fixheap, size);
}

static inline void *chpl_memalign(size_t boundary, size_t size)
{
	return fixheap_aligned_alloc(chpl_fixheap, boundary, size);
}

static inline void *chpl_realloc(void *ptr, size_t size)
{
	return fixheap_realloc(chpl_fixheap, ptr, size);
}

static inline void chpl_free(void *ptr)
{
	fixheap_free(chpl_fixheap, ptr);
}

static inline size_t chpl_good_alloc_size(size_t minSize)
{
	return minSize ? fixheap_good_size(minSize) : 0;
}

static inline size_t chpl_real_alloc_size(void *ptr)
{
	return fixheap_usable_size(chpl_fixheap, ptr);
}

#ifdef __cplusplus
}
#endif

/* chpl-mem-array.h: take the array functions from chpl-mem-array-impl.h. */
#define CHPL_MEM_IMPL_ARRAYS 1

#endif
