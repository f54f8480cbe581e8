/* SPDX-License-Identifier: BSD-2-Clause */
/* fail_page_alloc.h: let page allocations fail on purpose; see
 * fail_page_alloc.c.  Without CONFIG_FAIL_PAGE_ALLOC none does. */
#ifndef MM_FAIL_PAGE_ALLOC_H
#define MM_FAIL_PAGE_ALLOC_H

#include "mmzone.h"

#if IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC)

/* Shall this allocation fail? */
bool fail_page_alloc(struct fixheap *heap);

#else

static inline bool fail_page_alloc(struct fixheap *heap)
{
	(void)heap;
	return false;
}

#endif

#endif
