/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chpl-comm-impl.h: the comm layer of the test, in place of that of GASNet or
 * libfabric: chpl-comm.h includes the file of this name, and defines what it
 * does not.  The functions are in comm.c.
 */
#ifndef _chpl_comm_impl_h_
#define _chpl_comm_impl_h_

#include <stdbool.h>
#include <stddef.h>

void test_comm_heap_info(void **start, size_t *size);
size_t test_comm_page_size(void);
size_t test_comm_threshold(void);
void *test_comm_alloc(size_t size);
void test_comm_post_alloc(void *p, size_t size);
void *test_comm_realloc(void *p, size_t old_size, size_t new_size);
void test_comm_post_realloc(void *old_p, size_t old_size, void *new_p,
			    size_t new_size);
bool test_comm_free(void *p, size_t size);

#define CHPL_COMM_IMPL_REG_MEM_HEAP_INFO(start_p, size_p) \
	test_comm_heap_info(start_p, size_p)
#define CHPL_COMM_IMPL_REG_MEM_HEAP_PAGE_SIZE() test_comm_page_size()
#define CHPL_COMM_IMPL_REG_MEM_ALLOC_THRESHOLD() test_comm_threshold()
#define CHPL_COMM_IMPL_REG_MEM_ALLOC(size, desc, ln, fn) \
	((void)(desc), (void)(ln), (void)(fn), test_comm_alloc(size))
#define CHPL_COMM_IMPL_REG_MEM_POST_ALLOC(p, size) test_comm_post_alloc(p, size)
#define CHPL_COMM_IMPL_REG_MEM_REALLOC(p, old, size, desc, ln, fn) \
	((void)(desc), (void)(ln), (void)(fn), test_comm_realloc(p, old, size))
#define CHPL_COMM_IMPL_REG_MEM_POST_REALLOC(old_p, old, p, size) \
	test_comm_post_realloc(old_p, old, p, size)
#define CHPL_COMM_IMPL_REG_MEM_FREE(p, size) test_comm_free(p, size)

#endif
