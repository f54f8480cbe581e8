/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork.c: a child of a program with threads can go on allocating.
 *
 * fork copies the memory as it is at one moment, and of all threads only the
 * caller goes on in the child.  A lock that another thread held then would
 * stay locked for ever, over half-done work.  So fork waits until it owns all
 * locks of this library, in the order in which they nest everywhere else:
 *
 *	1. the list of threads (thread_cache.c), held over calls of jemalloc
 *	2. jemalloc's locks: its own handlers
 *	3. per-CPU caches, then zones (heap_fork_prepare), taken by the hooks
 *
 * With 3 before 2, fork would hold a zone while it waits for jemalloc, and a
 * thread in a hook would hold jemalloc while it waits for the zone.
 *
 * pthread_atfork runs prepare handlers last registered first, and the others
 * first registered first.  So the order of registration is 3, 2, 1; the
 * functions below are called in je_boot, on both sides of starting jemalloc.
 * Without CONFIG_JEMALLOC only 3 exists.
 *
 * What the child loses: objects in the caches of threads that are gone, and
 * slabs that such a thread was just getting or giving back, stay taken in the
 * child until it destroys the heap.  Handing them back would write to all of
 * them in a child that, most often, is about to call exec.
 *
 * Cost: one uncontended lock each.  vfork and posix_spawn run no handlers and
 * need none: the parent's thread waits and the child allocates nothing.
 */
#include "fork.h"

#include <pthread.h>

#include "heap.h"

int fork_guard_heaps(void)
{
	return -pthread_atfork(heap_fork_prepare, heap_fork_parent,
			       heap_fork_child);
}
