/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * je_glue.c: starting the private jemalloc, and its control tree.
 *
 * jemalloc comes as a finished object file, so everything is settled from
 * outside: by the string fhje_malloc_conf, which it reads when it starts, and
 * by mallctl.  It must not be steered by the user's environment, which is
 * meant for the process's own malloc: the build redirects its secure_getenv
 * and readlink (of /etc/malloc.conf) to the two functions below; and what its
 * profiler has from other libraries to a third.
 *
 * Options, and why:
 *  retain:false       what the hooks are asked for is what is needed, and
 *                     nothing is held back for later
 *  narenas:1          arena 0 serves jemalloc itself; objects come from the
 *                     arenas that extent_hooks.c makes
 *  dirty_decay_ms     free slabs are kept for reuse this long; they are taken
 *                     back at once when memory runs out
 *  muzzy_decay_ms:0   there is no half-free state: nothing is unmapped
 *  oversize_threshold free slabs that merged to this size go back at once
 *  tcache_max         caches for the classes of size_class.c and no others
 *  tcache_nslots_...  fewer of the large ones: jemalloc's 20 of 14 KiB are
 *                     140 KiB for the first object that a thread asks for
 *  dss, thp, ...      jemalloc's own memory comes from mmap and nothing else
 *
 * Invariants:
 *  1. The order of fork handlers.  Prepare handlers run last registered
 *     first.  The heaps' locks are registered before jemalloc starts (it
 *     registers its own then), the list of threads after it.  So fork takes
 *     list, jemalloc, heaps: the order in which they nest, since the list's
 *     lock is held while jemalloc is called and hooks take the heaps' locks.
 *  2. The order of thread destructors.  They run in the order of the keys.
 *     Ours is made before jemalloc's, so that a thread has left the list
 *     before jemalloc ends its state.
 *  Both need code that runs before jemalloc's own constructor does: that is
 *  what the one constructor of this library is for.
 *  3. The classes are those that size_class.c was written for, and a page of
 *     jemalloc's is one or more of the heap's (some builds for arm64 have
 *     pages of 64 KiB).  Otherwise je_boot fails with -ENOTSUP.
 *
 * Locking: the control tree has locks of its own, which count as jemalloc's.
 * Cost: je_boot once, 0.2 ms; purge and reset: the slabs they give back.
 *
 * Not here: hooks and arenas as the heap sees them (extent_hooks.c), threads
 * (thread_cache.c).
 */
#include "je.h"

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

#include "fork.h"
#include "size_class.h"
#include "thread_cache.h"

/* Defined weak in je.o; this one wins. */
extern const char *fhje_malloc_conf;
const char *fhje_malloc_conf =
	"retain:false,narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0,"
	"oversize_threshold:65536,tcache_max:14336,background_thread:false,"
	"percpu_arena:disabled,metadata_thp:disabled,thp:never,dss:disabled,"
	"hpa:false,prof:false,abort:false,abort_conf:false,junk:false,"
	"zero:false,xmalloc:false,stats_print:false,tcache_nslots_small_min:8";

/* Where jemalloc writes; a pointer of its own that starts as NULL. */
extern void (*fhje_malloc_message)(void *data, const char *text);

char *fhje_no_getenv(const char *name);
ssize_t fhje_no_readlink(const char *path, char *buffer, size_t bytes);
int fhje_no_profile(void);

/* Of the profiler's, which is off (prof:false). */
#define NO_PROFILE(name) \
	int fhje_no_##name(void) __attribute__((alias("fhje_no_profile")))
NO_PROFILE(exp);
NO_PROFILE(log);
NO_PROFILE(round);
NO_PROFILE(_Unwind_Backtrace); /* some call it once to see that it works */
NO_PROFILE(_Unwind_GetIP);

u32 je_page_shift;
static pthread_once_t boot_once = PTHREAD_ONCE_INIT;
static int boot_error;

char *fhje_no_getenv(const char *name)
{
	(void)name;
	return NULL;
}

ssize_t fhje_no_readlink(const char *path, char *buffer, size_t bytes)
{
	(void)path;
	(void)buffer;
	(void)bytes;
	errno = ENOENT;
	return -1;
}

int fhje_no_profile(void)
{
	return 0;
}

static void je_silent(void *data, const char *text)
{
	(void)data;
	(void)text;
}

/* A number of jemalloc's control tree; 0 when it is not there. */
static size_t je_number(const char *name)
{
	size_t value = 0, size = sizeof(value);

	return fhje_mallctl(name, &value, &size, NULL, 0) ? 0 : value;
}

/* The same of bin i, where name is that of bin 0. */
static size_t je_bin_number(const char *name, u32 i)
{
	size_t mib[4], length = ARRAY_LEN(mib);
	size_t value = 0, size = sizeof(value);

	if (fhje_mallctlnametomib(name, mib, &length))
		return 0;
	mib[2] = i;
	return fhje_mallctlbymib(mib, length, &value, &size, NULL, 0) ? 0
								      : value;
}

static bool je_classes_match(void)
{
	size_t page = je_number("arenas.page");
	u32 nr_bins = 0;
	size_t size = sizeof(nr_bins);

	if (page < PAGE_BYTES || !is_pow2(page) ||
	    fhje_mallctl("arenas.nbins", &nr_bins, &size, NULL, 0) ||
	    nr_bins <= NR_SIZE_CLASSES)
		return false;
	je_page_shift = __builtin_ctzll(page);
	/* jemalloc's bin 0 has 8 bytes; from there on it counts as we do. */
	for (u32 i = 1; i <= NR_SIZE_CLASSES; i++) {
		const struct size_class *class = &size_class[i];

		if (je_bin_number("arenas.bin.0.size", i) != class->size ||
		    je_bin_number("arenas.bin.0.slab_size", i) !=
			    size_class_slab(class, je_page_shift))
			return false;
	}
	return true;
}

static void je_boot_once(void)
{
	fhje_malloc_message = je_silent;
	boot_error = fork_guard_heaps();
	if (!boot_error)
		boot_error = threads_boot();
	if (boot_error)
		return;
	/* The first call starts jemalloc, if its constructor did not. */
	if (!je_classes_match() || threads_key() > fhje_je_tsd_tsd)
		boot_error = -ENOTSUP;
	else
		boot_error = threads_guard_fork();
}

int je_boot(void)
{
	pthread_once(&boot_once, je_boot_once);
	return boot_error;
}

/* Before every constructor without a priority, jemalloc's among them. */
__attribute__((constructor(101))) static void je_construct(void)
{
	je_boot();
}

int je_arena_create(struct extent_hooks *hooks, u32 *arena)
{
	struct {
		struct extent_hooks *hooks;
		bool metadata_use_hooks;
	} config = { hooks, false };
	size_t mib[3], length = ARRAY_LEN(mib), size = sizeof(*arena);

	if (!fhje_mallctl("experimental.arenas_create_ext", arena, &size,
			  &config, sizeof(config)))
		return 0;
	/* Before jemalloc 5.3: hooks set before the arena's first use. */
	size = sizeof(*arena);
	if (fhje_mallctl("arenas.create", arena, &size, NULL, 0) ||
	    fhje_mallctlnametomib("arena.0.extent_hooks", mib, &length))
		return -EAGAIN;
	mib[1] = *arena;
	return -fhje_mallctlbymib(mib, length, NULL, NULL, &hooks,
				  sizeof(hooks));
}

int je_thread_arena(u32 arena)
{
	return -fhje_mallctl("thread.arena", NULL, NULL, &arena, sizeof(arena));
}

static void je_arena_ctl(const char *name, u32 arena)
{
	size_t mib[3], length = ARRAY_LEN(mib);

	if (fhje_mallctlnametomib(name, mib, &length))
		return;
	mib[1] = arena;
	fhje_mallctlbymib(mib, length, NULL, NULL, NULL, 0);
}

void je_arena_purge(u32 arena)
{
	je_arena_ctl("arena.0.purge", arena);
}

void je_arena_reset(u32 arena)
{
	je_arena_ctl("arena.0.reset", arena);
}
