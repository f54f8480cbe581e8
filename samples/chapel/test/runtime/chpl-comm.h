/* SPDX-License-Identifier: BSD-2-Clause */
/* chpl-comm.h: registered memory; see chpltypes.h. */
#ifndef TEST_CHPL_COMM_H
#define TEST_CHPL_COMM_H

#include "chpltypes.h"

#include "chpl-comm-impl.h"

/* clang-format off */
static inline void chpl_comm_regMemHeapInfo(void **start_p, size_t *size_p)
{
	CHPL_COMM_IMPL_REG_MEM_HEAP_INFO(start_p, size_p);
}

static inline size_t chpl_comm_regMemHeapPageSize(void)
{
	return CHPL_COMM_IMPL_REG_MEM_HEAP_PAGE_SIZE();
}

static inline size_t chpl_comm_regMemAllocThreshold(void)
{
	return CHPL_COMM_IMPL_REG_MEM_ALLOC_THRESHOLD();
}

static inline void *chpl_comm_regMemAlloc(size_t size, chpl_mem_descInt_t desc,
					  int32_t ln, int32_t fn)
{
	return CHPL_COMM_IMPL_REG_MEM_ALLOC(size, desc, ln, fn);
}

static inline void chpl_comm_regMemPostAlloc(void *p, size_t size)
{
	CHPL_COMM_IMPL_REG_MEM_POST_ALLOC(p, size);
}

static inline void *chpl_comm_regMemRealloc(void *p, size_t oldSize,
					    size_t newSize,
					    chpl_mem_descInt_t desc, int32_t ln,
					    int32_t fn)
{
	return CHPL_COMM_IMPL_REG_MEM_REALLOC(p, oldSize, newSize, desc, ln,
					      fn);
}

static inline void chpl_comm_regMemPostRealloc(void *oldp, size_t oldSize,
					       void *newp, size_t newSize)
{
	CHPL_COMM_IMPL_REG_MEM_POST_REALLOC(oldp, oldSize, newp, newSize);
}

static inline chpl_bool chpl_comm_regMemFree(void *p, size_t size)
{
	return CHPL_COMM_IMPL_REG_MEM_FREE(p, size);
}
/* clang-format on */

#endif
