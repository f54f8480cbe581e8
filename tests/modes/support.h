/* SPDX-License-Identifier: BSD-2-Clause */
/* support.h: heaps in each mode, through the public interface; see
 * support.c. */
#ifndef TESTS_MODES_SUPPORT_H
#define TESTS_MODES_SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <fixheap/fixheap.h>

#include "layer.h"

#include "../steps.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* Modes of the suite when none is named: for races, those that differ most. */
#ifdef __SANITIZE_THREAD__
#define SUITE_MODES 2
#else
#define SUITE_MODES nr_modes
#endif

/* The heaps of the suite: all of it, and how it grows where it does. */
#define HEAP_BYTES (64 * MIB)
#define EXTEND_BYTES (8 * MIB)
#define OWN_BYTES (4 * MIB) /* arrays from here on have their own region */

/* What differs from mode to mode; nothing else does. */
struct mode {
	const char *name;
	enum fixheap_mode mode;
	unsigned flags;
	bool blob;     /* the memory is the test's, mapped once */
	bool filtered; /* calls that change its mapping kill */
	bool grows;    /* regions come when they are needed */
	/* pages of HEAP_BYTES that may be lost where regions touch */
	unsigned lost_pages;
	/* what a second free of an array of OWN_BYTES is */
	const char *freed_twice;
};
extern const struct mode modes[];
extern const unsigned nr_modes;

struct test_heap {
	const struct mode *mode; /* NULL: made by hand */
	struct fixheap_config config;
	struct layer layer;
	struct fixheap *heap;
	unsigned nr_faults; /* reported since the last heap_faulted */
	char api[48], what[96];
};

/* Abort with the place, unless it is so; for threads and children. */
#define must(condition) \
	((condition) ? (void)0 : must_not(#condition, __FILE__, __LINE__))
void must_not(const char *what, const char *file, int line);

/* Skip this test, saying why, unless `there` is true. */
void need(bool there, const char *why);

/* The configuration of a mode; it may be changed before heap_open. */
void heap_prepare(struct test_heap *t, const struct mode *mode);
/* The same for FIXHEAP_DYNAMIC: nothing to begin with but `length`. */
void heap_prepare_dynamic(struct test_heap *t, size_t length);
void heap_open(struct test_heap *t);
/* Valid, empty, no fault that was not looked at; then it is destroyed, and the
 * layer got everything back. */
void heap_close(struct test_heap *t);
/* The same, with what is still allocated. */
void heap_drop(struct test_heap *t);

void heap_valid(struct test_heap *t);
/* Pages in use, in bytes, once caches were taken back. */
size_t heap_used(struct test_heap *t);
/* One fault since the last time, of this api and what. */
void heap_faulted(struct test_heap *t, const char *api, const char *what);
/* Regions of the heap, counted by fixheap_region_at; also of these flags. */
unsigned heap_regions(struct test_heap *t, unsigned flags);
/* The region of ptr, which it must have. */
struct fixheap_region region_of(struct test_heap *t, const void *ptr);

/* In bytes, up to whole pages. */
size_t in_pages(size_t bytes);
void *array_make(struct test_heap *t, size_t bytes, unsigned flags);

/* Each byte depends on the seed and on where it is. */
void fill(void *start, size_t bytes, uint64_t seed);
bool is_filled(const void *start, size_t bytes, uint64_t seed);
bool is_byte(const void *start, size_t bytes, unsigned char value);

/* Bytes that this process has mapped with read and write permission, and the
 * number of its mappings. */
struct mapped {
	size_t bytes;
	unsigned nr;
};
struct mapped mapped_now(void);

/* Numbers from a seed, the same each time. */
uint64_t random_below(uint64_t *seed, uint64_t below);

/* fn in a child: its status, as of waitpid.  A child that hangs is killed by
 * SIGALRM.  What it writes to stderr is in text, if that is not NULL. */
int in_child(int (*fn)(void *data), void *data, char *text, size_t bytes);

#endif
