/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spinlock.h: the lock of zones and caches.  In user space the holder can be
 * scheduled away, so this is the C library's mutex, which sleeps; all-zero is
 * an unlocked one, and sanitizers know it.
 */
#ifndef MM_SPINLOCK_H
#define MM_SPINLOCK_H

#include <pthread.h>
#include <stdbool.h>

typedef pthread_mutex_t spinlock_t;

static inline void spin_lock(spinlock_t *lock)
{
	pthread_mutex_lock(lock);
}

static inline bool spin_trylock(spinlock_t *lock)
{
	return pthread_mutex_trylock(lock) == 0;
}

static inline void spin_unlock(spinlock_t *lock)
{
	pthread_mutex_unlock(lock);
}

#endif
