/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * je.h: the private jemalloc, as this library calls it.
 *
 * The object file je.o is the distribution's jemalloc with `fhje_` in front of
 * every name, so that it and the process's own malloc know nothing of each
 * other.  What is declared here is jemalloc's interface; its header is not
 * included, because it declares the names without the prefix.
 */
#ifndef MM_JE_H
#define MM_JE_H

#include <pthread.h>

#include "types.h"

/*
 * The nine hooks; jemalloc's convention: a bool result is true on failure.
 * The order of the members is jemalloc's.
 */
struct extent_hooks {
	void *(*alloc)(struct extent_hooks *hooks, void *new_addr, size_t size,
		       size_t alignment, bool *zero, bool *commit,
		       unsigned arena);
	bool (*dalloc)(struct extent_hooks *hooks, void *addr, size_t size,
		       bool committed, unsigned arena);
	void (*destroy)(struct extent_hooks *hooks, void *addr, size_t size,
			bool committed, unsigned arena);
	bool (*commit)(struct extent_hooks *hooks, void *addr, size_t size,
		       size_t offset, size_t length, unsigned arena);
	bool (*decommit)(struct extent_hooks *hooks, void *addr, size_t size,
			 size_t offset, size_t length, unsigned arena);
	bool (*purge_lazy)(struct extent_hooks *hooks, void *addr, size_t size,
			   size_t offset, size_t length, unsigned arena);
	bool (*purge_forced)(struct extent_hooks *hooks, void *addr,
			     size_t size, size_t offset, size_t length,
			     unsigned arena);
	bool (*split)(struct extent_hooks *hooks, void *addr, size_t size,
		      size_t size_a, size_t size_b, bool committed,
		      unsigned arena);
	bool (*merge)(struct extent_hooks *hooks, void *addr_a, size_t size_a,
		      void *addr_b, size_t size_b, bool committed,
		      unsigned arena);
};

/* Flags of mallocx and dallocx: fields, not bits. */
#define JE_ARENA(arena) ((int)(((arena) + 1u) << 20))
#define JE_TCACHE_NONE 0x100

#pragma GCC visibility push(hidden)

void *fhje_malloc(size_t bytes);
void *fhje_mallocx(size_t bytes, int flags);
void fhje_free(void *ptr);
void fhje_dallocx(void *ptr, int flags);
void fhje_sdallocx(void *ptr, size_t bytes, int flags);
int fhje_mallctl(const char *name, void *old, size_t *old_size, void *value,
		 size_t value_size);
int fhje_mallctlnametomib(const char *name, size_t *mib, size_t *length);
int fhje_mallctlbymib(const size_t *mib, size_t length, void *old,
		      size_t *old_size, void *value, size_t value_size);

/*
 * Not part of jemalloc's interface.  The first is the thread's whole state,
 * the second empties the cache of the thread whose state it is given; that
 * thread must not be inside jemalloc.
 */
extern __thread char fhje_je_tsd_tls[]
	__attribute__((tls_model("initial-exec")));
void fhje_je_tcache_flush(void *tsd);
/* jemalloc's thread-specific key: its destructor ends the state above. */
extern pthread_key_t fhje_je_tsd_tsd;

#pragma GCC visibility pop

/* je_glue.c */

/* jemalloc's own page, at least as large as ours.  Constant after je_boot. */
extern u32 je_page_shift;

/* Make jemalloc ready, once in the process.  0 or -errno, always the same. */
int je_boot(void);
/* A new arena with these hooks: 0 or -EAGAIN when there are too many. */
int je_arena_create(struct extent_hooks *hooks, u32 *arena);
/* Let the calling thread use this arena.  0 or -errno. */
int je_thread_arena(u32 arena);
/* Give all free slabs of the arena back through its hooks. */
void je_arena_purge(u32 arena);
/* End all objects of the arena.  None may be in a thread's cache. */
void je_arena_reset(u32 arena);

#endif
