/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload.h: what the files of the preload library share.
 */
#ifndef TOOLS_PRELOAD_H
#define TOOLS_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fixheap/fixheap.h>

/* Nothing of this is for the program that runs in front of us. */
#pragma GCC visibility push(hidden)

enum thread_state {
	THREAD_NEW,	 /* all-zero: has not allocated yet */
	THREAD_ENTERING, /* being set up: its requests are early ones */
	THREAD_READY,
	THREAD_LEAVING /* its destructor ran; others may still free */
};

/* What the library keeps for each thread. */
struct thread {
	enum thread_state state;
	int inside;	    /* calls of ours that have not returned */
	long budget;	    /* bytes to go until the next publication */
	long step;	    /* bytes between two publications */
	uint64_t nr_allocs; /* since the thread was counted last */
	uint64_t nr_frees;
	uint64_t nr_fails;
	uint64_t moved;	     /* record.c: its realloc's BEGIN, plus 1 */
	struct thread *next; /* threads of the process; list lock */
	struct thread **link;
};

extern __thread struct thread self __attribute__((tls_model("initial-exec")));

/* The heap of the process; NULL before it is made. */
extern struct fixheap *the_heap;

/* preload_say.c: a line to standard error; one that ends the process; and what
 * the heap calls for a mistake of the program. */
void print_line(const char *line, size_t length);
void no_heap(const char *why, const char *text, const char *reason);
void on_fault(void *unused, const struct fixheap_fault *fault);

/* preload_prefault.c: touch the heap, if that was asked of this process. */
void prefault_begin(void);

/* early.c: memory for requests that come before the heap. */
#define EARLY_BYTES ((size_t)256 << 10)
extern char early_buffer[EARLY_BYTES];
void *early_alloc(size_t alignment, size_t bytes);
size_t early_size(const void *ptr);

static inline bool early_owns(const void *ptr)
{
	return (size_t)ptr - (size_t)early_buffer < EARLY_BYTES;
}

/* loader.c: what the dynamic loader made before there was a malloc. */
extern size_t loader_start, loader_bytes;
void loader_find(void);

static inline bool loader_owns(const void *ptr)
{
	return (size_t)ptr - loader_start < loader_bytes;
}

/* publish.c: figures for `fixheap run --report`. */
void publish_open(struct fixheap *heap);
void publish_thread_enter(void);
void publish_thread_leave(void);
void publish_now(void);
/* Nothing was to be had; why, if it is the first time.  errno is kept. */
void publish_failure(size_t bytes);
void publish_fork_child(void);
void publish_end(void);

#pragma GCC visibility pop

/* Not in the C library's headers, or no longer; programs call them. */
void cfree(void *ptr);
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *ptr, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *ptr);

#endif
