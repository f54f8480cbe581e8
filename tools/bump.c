/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bump.c: jemalloc on a fixed heap as runtimes make one today, and at its best
 *
 * jemalloc on extent hooks over one range: the alloc hook moves a pointer up
 * and never down (like sbrk), all that would give memory back refuse, split
 * and merge are allowed.  An arena is made first and its hooks are set then,
 * so that jemalloc keeps its own data elsewhere.
 *
 * The jemalloc is the distribution's own shared library, loaded in front of
 * this process by worker.c, with its default options.  It has nothing to do
 * with the private copy inside libfixheap.
 *
 * The second engine gives it memory from the system and takes it back, as long
 * as no more than the heap's size is out at a time: no address is in its way.
 * What it keeps for later is asked back before it may fail.
 *
 * 1. cursor never goes beyond heap_bytes.  bump: it only grows; jemalloc: it is
 *    what is out.
 * 2. Nothing here is freed: the process ends with the case.
 *
 * Locking: none; one thread.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "engine.h"

#define NR_ARRAYS 8
#define NR_OBJECTS 8192
#define BASE_ALIGN ((size_t)2 << 20)
#define NO_THREAD_CACHE 0x100			   /* MALLOCX_TCACHE_NONE */
#define IN_ARENA(index) ((int)((index) + 1) << 20) /* MALLOCX_ARENA */

/* jemalloc 5's interface, as its manual page gives it. */
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

/* What is live, for the map. */
struct block {
	size_t start;
	size_t bytes; /* 0: none */
};

static struct block arrays[NR_ARRAYS], objects[NR_OBJECTS];
static size_t nr_objects;

static char *base;
static size_t heap_bytes, cursor;
static int flags;
static char purge[48]; /* the control's name */
static void *(*je_mallocx)(size_t bytes, int flags);
static void *(*je_rallocx)(void *ptr, size_t bytes, int flags);
static size_t (*je_xallocx)(void *ptr, size_t bytes, size_t extra, int flags);
static void (*je_dallocx)(void *ptr, int flags);
static int (*je_mallctl)(const char *name, void *old, size_t *old_size,
			 void *new, size_t new_size);

/* --- hooks ---------------------------------------------------------- */

static void *bump_alloc(struct extent_hooks *hooks, void *new_addr, size_t size,
			size_t alignment, bool *zero, bool *commit,
			unsigned arena)
{
	size_t start = (cursor + alignment - 1) & ~(alignment - 1);

	(void)hooks;
	(void)arena;
	if (new_addr && new_addr != base + start)
		return NULL;
	if (start > heap_bytes || size > heap_bytes - start)
		return NULL;
	cursor = start + size;
	*zero = true; /* fresh from the system */
	*commit = true;
	return base + start;
}

static bool refuse_dalloc(struct extent_hooks *hooks, void *addr, size_t size,
			  bool committed, unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)committed, (void)arena;
	return true;
}

static void ignore_destroy(struct extent_hooks *hooks, void *addr, size_t size,
			   bool committed, unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)committed, (void)arena;
}

static bool refuse_part(struct extent_hooks *hooks, void *addr, size_t size,
			size_t offset, size_t length, unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)offset, (void)length;
	(void)arena;
	return true;
}

static bool allow_split(struct extent_hooks *hooks, void *addr, size_t size,
			size_t size_a, size_t size_b, bool committed,
			unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)size_a, (void)size_b;
	(void)committed, (void)arena;
	return false;
}

static bool allow_merge(struct extent_hooks *hooks, void *addr_a, size_t size_a,
			void *addr_b, size_t size_b, bool committed,
			unsigned arena)
{
	(void)hooks, (void)addr_a, (void)size_a, (void)addr_b, (void)size_b;
	(void)committed, (void)arena;
	return false;
}

static struct extent_hooks bump_hooks = {
	.alloc = bump_alloc,
	.dalloc = refuse_dalloc,
	.destroy = ignore_destroy,
	.commit = refuse_part,
	.decommit = refuse_part,
	.purge_lazy = refuse_part,
	.purge_forced = refuse_part,
	.split = allow_split,
	.merge = allow_merge,
};

static void *system_alloc(struct extent_hooks *hooks, void *new_addr,
			  size_t size, size_t alignment, bool *zero,
			  bool *commit, unsigned arena)
{
	char *start, *aligned;

	(void)hooks;
	(void)arena;
	if (new_addr || size > heap_bytes - cursor)
		return NULL;
	start = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	aligned = start + (-(uintptr_t)start & (alignment - 1));
	if (aligned != start)
		munmap(start, (size_t)(aligned - start));
	munmap(aligned + size, alignment - (size_t)(aligned - start));
	cursor += size;
	*zero = true;
	*commit = true;
	return aligned;
}

static bool system_dalloc(struct extent_hooks *hooks, void *addr, size_t size,
			  bool committed, unsigned arena)
{
	(void)hooks, (void)committed, (void)arena;
	munmap(addr, size);
	cursor -= size;
	return false;
}

static void system_destroy(struct extent_hooks *hooks, void *addr, size_t size,
			   bool committed, unsigned arena)
{
	system_dalloc(hooks, addr, size, committed, arena);
}

static struct extent_hooks system_hooks = {
	.alloc = system_alloc,
	.dalloc = system_dalloc,
	.destroy = system_destroy,
	.commit = refuse_part,
	.decommit = refuse_part,
	.purge_lazy = refuse_part,
	.purge_forced = refuse_part,
	.split = allow_split,
	.merge = allow_merge,
};

/* --- the engines ---------------------------------------------------- */

static int find_jemalloc(void)
{
	*(void **)&je_mallocx = dlsym(RTLD_DEFAULT, "mallocx");
	*(void **)&je_rallocx = dlsym(RTLD_DEFAULT, "rallocx");
	*(void **)&je_xallocx = dlsym(RTLD_DEFAULT, "xallocx");
	*(void **)&je_dallocx = dlsym(RTLD_DEFAULT, "dallocx");
	*(void **)&je_mallctl = dlsym(RTLD_DEFAULT, "mallctl");
	return je_mallocx && je_rallocx && je_xallocx && je_dallocx &&
			       je_mallctl
		       ? 0
		       : -ENOENT;
}

/* An arena on these hooks. */
static int arena_create(struct extent_hooks *hooks)
{
	size_t size = sizeof(unsigned);
	unsigned arena;
	char name[48];
	int error;

	error = je_mallctl("arenas.create", &arena, &size, NULL, 0);
	if (error)
		return -error;
	snprintf(name, sizeof(name), "arena.%u.extent_hooks", arena);
	snprintf(purge, sizeof(purge), "arena.%u.purge", arena);
	error = je_mallctl(name, NULL, NULL, &hooks, sizeof(hooks));
	flags = IN_ARENA(arena) | NO_THREAD_CACHE;
	return -error;
}

static int bump_create(size_t bytes)
{
	int error = find_jemalloc();

	if (error)
		return error;
	base = mmap(NULL, bytes + BASE_ALIGN, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	base += -(uintptr_t)base & (BASE_ALIGN - 1);
	heap_bytes = bytes;
	return arena_create(&bump_hooks);
}

static int system_create(size_t bytes)
{
	int error = find_jemalloc();

	heap_bytes = bytes;
	return error ? error : arena_create(&system_hooks);
}

/* Of the process's malloc family; a second try without what it keeps. */
static void *family_alloc(size_t alignment, size_t bytes)
{
	int all = flags | (alignment ? __builtin_ctzl(alignment) : 0);
	void *ptr;

	bytes += !bytes;
	ptr = je_mallocx(bytes, all);
	if (ptr || je_mallctl(purge, NULL, NULL, NULL, 0))
		return ptr;
	return je_mallocx(bytes, all);
}

static void *family_move(void *ptr, size_t bytes)
{
	void *moved = je_rallocx(ptr, bytes, flags);

	if (moved || je_mallctl(purge, NULL, NULL, NULL, 0))
		return moved;
	return je_rallocx(ptr, bytes, flags);
}

static void family_release(void *ptr)
{
	je_dallocx(ptr, flags);
}

static void *note(struct block *blocks, size_t most, void *ptr, size_t bytes)
{
	size_t i;

	for (i = 0; i < most && blocks[i].bytes; i++)
		;
	if (ptr && i < most) {
		blocks[i].start = (size_t)((char *)ptr - base);
		blocks[i].bytes = bytes;
	}
	return ptr;
}

static struct block *find_array(const void *array)
{
	size_t i;

	for (i = 0; i < NR_ARRAYS; i++)
		if (arrays[i].bytes && base + arrays[i].start == array)
			return &arrays[i];
	return NULL;
}

static void *bump_array_alloc(size_t bytes)
{
	return note(arrays, NR_ARRAYS, je_mallocx(bytes, flags), bytes);
}

static void *bump_object_alloc(size_t bytes)
{
	void *ptr = je_mallocx(bytes, flags);

	if (ptr && nr_objects < NR_OBJECTS)
		note(&objects[nr_objects++], 1, ptr, bytes);
	return ptr;
}

static bool bump_array_resize(void *array, size_t bytes)
{
	struct block *block = find_array(array);

	if (je_xallocx(array, bytes, 0, flags) < bytes)
		return false;
	if (block)
		block->bytes = bytes;
	return true;
}

static void bump_array_free(void *array)
{
	struct block *block = find_array(array);

	if (block)
		block->bytes = 0;
	je_dallocx(array, flags);
}

/* Below the cursor everything was handed out; some of it is live. */
static void bump_draw(struct map *map)
{
	size_t i;

	map_add(map, 0, cursor, MAP_HELD);
	for (i = 0; i < NR_ARRAYS; i++)
		map_move(map, arrays[i].start, arrays[i].bytes, MAP_HELD,
			 MAP_ARRAY);
	for (i = 0; i < nr_objects; i++)
		map_move(map, objects[i].start, objects[i].bytes, MAP_HELD,
			 MAP_OBJECT);
}

const struct engine bump_engine = {
	.name = "bump",
	.create = bump_create,
	.array_alloc = bump_array_alloc,
	.array_resize = bump_array_resize,
	.array_free = bump_array_free,
	.object_alloc = bump_object_alloc,
	.draw = bump_draw,
	.alloc = family_alloc,
	.move = family_move,
	.release = family_release,
};

const struct engine jemalloc_engine = {
	.name = "jemalloc",
	.create = system_create,
	.alloc = family_alloc,
	.move = family_move,
	.release = family_release,
};
