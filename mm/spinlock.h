/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spinlock.h: the lock of zones and caches.  In user space the holder can be
 * scheduled away, so this is the C library's mutex, which sleeps; all-zero is
 * an unlocked one, and sanitizers know it.  A lock is held for less time than
 * it takes to sleep and be woken, so it is tried for some 50 microseconds
 * before that.  The pauses between are long: that who had the lock gets it
 * again, several times, with all that it guards in its cache, costs less than
 * to hand both over each time.
 */
#ifndef MM_SPINLOCK_H
#define MM_SPINLOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "cpu.h"

typedef pthread_mutex_t spinlock_t;

#define SPIN_TURNS 14
#define SPIN_FIRST 16 /* pauses in the first turn; twice as many in each next */
#define SPIN_MOST 256 /* about 5 microseconds */

static inline bool spin_trylock(spinlock_t *lock)
{
	return pthread_mutex_trylock(lock) == 0;
}

static inline void spin_lock(spinlock_t *lock)
{
	int pauses = SPIN_FIRST;

	for (int turn = 0; turn < SPIN_TURNS; turn++) {
		if (spin_trylock(lock))
			return;
		for (int i = 0; i < pauses; i++)
			cpu_relax();
		if (pauses < SPIN_MOST)
			pauses *= 2;
	}
	pthread_mutex_lock(lock);
}

static inline void spin_unlock(spinlock_t *lock)
{
	pthread_mutex_unlock(lock);
}

#endif
