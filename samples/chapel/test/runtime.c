/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime.c: what the memory layer calls of Chapel's runtime, besides the comm
 * layer: its memory tracking, which counts here, errors, and the environment.
 */
#include "comm.h"

#include "chpl-env.h"
#include "chpl-error.h"
#include "chpl-mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chapel's line numbers have 32 bits; in some of its versions, 64. */
typedef __typeof__(_Generic(chpl_memhook_check_post,
			    void (*)(void *, chpl_mem_descInt_t, int64_t,
				     int32_t)
			    : (int64_t)0, default
			    : (int32_t)0)) lineno_t;

/* On, so that all hooks are called. */
int chpl_memTrack = 1;

static long nr_tracked;
static const char *max_heap;

long test_tracked(void)
{
	return __atomic_load_n(&nr_tracked, __ATOMIC_RELAXED);
}

void test_set_max_heap(const char *text)
{
	max_heap = text;
}

void chpl_memhook_check_pre(size_t number, size_t size,
			    chpl_mem_descInt_t description, lineno_t lineno,
			    int32_t filename)
{
	(void)number;
	(void)size;
	(void)description;
	(void)lineno;
	(void)filename;
	if (!chpl_fixheap)
		chpl_internal_error("the heap is not there yet");
}

void chpl_memhook_check_post(void *memAlloc, chpl_mem_descInt_t description,
			     lineno_t lineno, int32_t filename)
{
	(void)description;
	(void)lineno;
	(void)filename;
	if (!memAlloc)
		chpl_internal_error("out of memory");
}

/* clang-format off */
void chpl_track_malloc(void *memAlloc, size_t number, size_t size,
		       chpl_mem_descInt_t description, lineno_t lineno,
		       int32_t filename)
/* clang-format on */
{
	(void)memAlloc;
	(void)number;
	(void)size;
	(void)description;
	(void)lineno;
	(void)filename;
	__atomic_add_fetch(&nr_tracked, 1, __ATOMIC_RELAXED);
}

void chpl_track_free(void *memAlloc, size_t approximateSize, lineno_t lineno,
		     int32_t filename)
{
	(void)approximateSize;
	(void)lineno;
	(void)filename;
	if (memAlloc)
		__atomic_sub_fetch(&nr_tracked, 1, __ATOMIC_RELAXED);
}

void chpl_track_realloc_pre(void *memAlloc, size_t size,
			    chpl_mem_descInt_t description, lineno_t lineno,
			    int32_t filename)
{
	(void)size;
	(void)description;
	chpl_track_free(memAlloc, 0, lineno, filename);
}

void chpl_track_realloc_post(void *newMemAlloc, intptr_t oldMemAlloc,
			     size_t size, chpl_mem_descInt_t description,
			     lineno_t lineno, int32_t filename)
{
	(void)oldMemAlloc;
	chpl_track_malloc(newMemAlloc, 1, size, description, lineno, filename);
}

void chpl_internal_error(const char *message)
{
	chpl_internal_error_v("%s", message);
}

void chpl_internal_error_v(const char *restrict format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("internal error: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

const char *chpl_env_rt_get(const char *ev, const char *dflt)
{
	return max_heap && !strcmp(ev, "MAX_HEAP_SIZE") ? max_heap : dflt;
}
