/* SPDX-License-Identifier: BSD-2-Clause */
/* chpl-mem.h: the memory layer and its tracking; see chpltypes.h. */
#ifndef TEST_CHPL_MEM_H
#define TEST_CHPL_MEM_H

#include "chpltypes.h"

#include "chpl-mem-impl.h"

/* What memory is for, of which the layer names two. */
enum {
	CHPL_RT_MD_ARRAY_ELEMENTS = 2,
	CHPL_RT_MD_MEM_HEAP_SPACE = 16
};

void chpl_mem_layerInit(void);
void chpl_mem_layerExit(void);

/* clang-format off */
void chpl_memhook_check_pre(size_t number, size_t size,
			    chpl_mem_descInt_t description, int32_t lineno,
			    int32_t filename);
void chpl_memhook_check_post(void *memAlloc, chpl_mem_descInt_t description,
			     int32_t lineno, int32_t filename);
void chpl_track_malloc(void *memAlloc, size_t number, size_t size,
		       chpl_mem_descInt_t description, int32_t lineno,
		       int32_t filename);
void chpl_track_free(void *memAlloc, size_t approximateSize, int32_t lineno,
		     int32_t filename);
void chpl_track_realloc_pre(void *memAlloc, size_t size,
			    chpl_mem_descInt_t description, int32_t lineno,
			    int32_t filename);
void chpl_track_realloc_post(void *newMemAlloc, intptr_t oldMemAlloc,
			     size_t size, chpl_mem_descInt_t description,
			     int32_t lineno, int32_t filename);

/* The hooks around each allocation, with tracking on. */
#define chpl_memhook_malloc_pre(number, size, desc, ln, fn) \
	chpl_memhook_check_pre(number, size, desc, ln, fn)
#define chpl_memhook_malloc_post(p, number, size, desc, ln, fn) \
	(chpl_memhook_check_post(p, desc, ln, fn), \
	 chpl_track_malloc(p, number, size, desc, ln, fn))
#define chpl_memhook_free_pre(p, size, ln, fn) chpl_track_free(p, size, ln, fn)
#define chpl_memhook_realloc_pre(p, size, desc, ln, fn) \
	chpl_track_realloc_pre(p, size, desc, ln, fn)
#define chpl_memhook_realloc_post(newp, oldp, size, desc, ln, fn) \
	(chpl_memhook_check_post(newp, desc, ln, fn), \
	 chpl_track_realloc_post(newp, oldp, size, desc, ln, fn))
/* clang-format on */

#endif
