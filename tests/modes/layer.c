/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layer.c: a comm layer over mmap that counts and checks every callback.
 *
 * What a callback may rely on is checked where it is relied on, by must():
 * these are defects of the library, and nothing later can be trusted then.
 *
 *  - alloc is asked for whole pages of the layer, of a node that can be;
 *  - touch and post_alloc, once, name exactly what alloc gave, in this order;
 *    *key is FIXHEAP_KEY_NONE, or that of the config of a fixed heap;
 *  - realloc names what there is; post_realloc what realloc made of it;
 *  - free names a piece, its length and its key, and does so once;
 *  - none but free while another one runs.
 *
 * Pieces are cut from mappings of their own, on pageblock borders and with
 * inaccessible pages around them, so that what is written beside one is seen.
 * A lock that is a word, not a mutex, can be set free in a child of fork.
 */
#include "layer.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "support.h"

#define PIECE_ALIGN (2 * MIB)

static void lock(struct layer *l)
{
	while (__atomic_exchange_n(&l->lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void unlock(struct layer *l)
{
	__atomic_store_n(&l->lock, 0, __ATOMIC_RELEASE);
}

/* With the lock held. */
static struct piece *find(struct layer *l, const void *ptr)
{
	for (unsigned i = 0; i < MAX_PIECES; i++) {
		struct piece *p = &l->piece[i];

		if (p->base && (uintptr_t)ptr - (uintptr_t)p->base < p->bytes)
			return p;
	}
	return NULL;
}

static struct piece *piece_of(struct layer *l, void *base, size_t bytes)
{
	struct piece *p;

	lock(l);
	p = find(l, base);
	unlock(l);
	must(p);
	must(p->base == base);
	must(p->bytes == bytes);
	return p;
}

struct piece *layer_piece(struct layer *l, const void *ptr)
{
	struct piece *p;

	lock(l);
	p = find(l, ptr);
	unlock(l);
	return p;
}

/* A place of its own, not yet in use. */
static struct piece map_piece(size_t bytes)
{
	struct piece p = { .bytes = bytes, .key = FIXHEAP_KEY_NONE };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	p.mapping_bytes = ((bytes + page - 1) & -page) + 2 * PIECE_ALIGN;
	p.mapping = mmap(NULL, p.mapping_bytes, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(p.mapping != MAP_FAILED);
	p.base = (char *)(((uintptr_t)p.mapping + PIECE_ALIGN) & -PIECE_ALIGN);
	must(!mprotect(p.base, bytes, PROT_READ | PROT_WRITE));
	return p;
}

static struct piece *put(struct layer *l, const struct piece *new)
{
	struct piece *p;
	unsigned i = 0;

	lock(l);
	while (i < MAX_PIECES && l->piece[i].base)
		i++;
	must(i < MAX_PIECES);
	p = &l->piece[i];
	*p = *new;
	l->nr_live++;
	l->live_bytes += p->bytes;
	unlock(l);
	return p;
}

static void take(struct layer *l, struct piece *p)
{
	struct piece gone;

	lock(l);
	gone = *p;
	p->base = NULL;
	l->nr_live--;
	l->live_bytes -= gone.bytes;
	if (gone.registered)
		l->registered_bytes -= gone.bytes;
	unlock(l);
	must(!munmap(gone.mapping, gone.mapping_bytes));
}

void *layer_map(struct layer *l, size_t bytes)
{
	struct piece p = map_piece(bytes);

	if (l->dirty)
		memset(p.base, 0xcc, bytes);
	return put(l, &p)->base;
}

bool layer_unmap(struct layer *l, void *base)
{
	struct piece *p = layer_piece(l, base);

	if (!p || p->base != base)
		return false;
	take(l, p);
	return true;
}

/* ---- the callbacks ------------------------------------------------------- */

/* Count a call; whether it shall succeed. */
static bool enter(struct layer *l, enum call call, void *base, size_t bytes)
{
	unsigned nr = __atomic_add_fetch(&l->nr[call], 1, __ATOMIC_RELAXED);
	unsigned from = l->fails_from[call];

	if (call != CALL_FREE) {
		must(!__atomic_exchange_n(&l->inside, 1, __ATOMIC_ACQUIRE));
		l->thread = pthread_self();
	}
	if (l->within)
		l->within(l, call, base, bytes);
	errno = 0;
	return !from || nr < from || nr - from >= l->fails_for[call];
}

static void leave(struct layer *l, enum call call, size_t bytes)
{
	__atomic_add_fetch(&l->bytes[call], bytes, __ATOMIC_RELAXED);
	if (call != CALL_FREE)
		__atomic_store_n(&l->inside, 0, __ATOMIC_RELEASE);
	errno = 12345; /* of no use to anybody */
}

static void *on_alloc(void *data, size_t bytes, int node)
{
	struct layer *l = data;
	size_t page = l->comm.page_size ? l->comm.page_size
					: fixheap_page_size();
	void *base = NULL;
	bool good = enter(l, CALL_ALLOC, NULL, bytes);

	must(bytes && bytes % page == 0);
	must(node >= -1 && node < 1024);
	if (good && l->gives) {
		base = l->gives;
		l->gives = NULL;
	} else if (good) {
		base = layer_map(l, bytes);
	}
	leave(l, CALL_ALLOC, base ? bytes : 0);
	return base;
}

static void on_touch(void *data, void *base, size_t bytes)
{
	struct layer *l = data;
	struct piece *p;

	enter(l, CALL_TOUCH, base, bytes);
	p = piece_of(l, base, bytes);
	must(!p->registered);
	p->touched = true;
	leave(l, CALL_TOUCH, bytes);
}

static int enrol(struct layer *l, struct piece *p, uint64_t *key, bool good)
{
	must(!p->registered);
	lock(l);
	p->key = *key;
	if (!good) {
		unlock(l);
		return -l->error;
	}
	p->registered = true;
	l->registered_bytes += p->bytes;
	*key = ++l->next_key;
	p->key = *key;
	unlock(l);
	return 0;
}

static int on_post_alloc(void *data, void *base, size_t bytes, uint64_t *key)
{
	struct layer *l = data;
	bool good = enter(l, CALL_POST_ALLOC, base, bytes);
	struct piece *p = piece_of(l, base, bytes);
	int err;

	must(*key == l->first_key);
	must(p->touched || !l->comm.touch);
	err = enrol(l, p, key, good);
	leave(l, CALL_POST_ALLOC, err ? 0 : bytes);
	return err;
}

static void *on_realloc(void *data, void *base, size_t old_bytes, size_t bytes)
{
	struct layer *l = data;
	bool good = enter(l, CALL_REALLOC, base, bytes);
	struct piece *old = piece_of(l, base, old_bytes);
	void *new = NULL;

	must(bytes && bytes != old_bytes);
	if (good) {
		new = layer_map(l, bytes);
		memcpy(new, base, bytes < old_bytes ? bytes : old_bytes);
		layer_piece(l, new)->key = old->key;
		take(l, old);
	}
	leave(l, CALL_REALLOC, new ? bytes : 0);
	return new;
}

static int on_post_realloc(void *data, void *old_base, size_t old_bytes,
			   void *base, size_t bytes, uint64_t *key)
{
	struct layer *l = data;
	bool good = enter(l, CALL_POST_REALLOC, base, bytes);
	int err;

	must(old_base && old_bytes);
	err = enrol(l, piece_of(l, base, bytes), key, good);
	leave(l, CALL_POST_REALLOC, err ? 0 : bytes);
	return err;
}

static bool on_free(void *data, void *base, size_t bytes, uint64_t key)
{
	struct layer *l = data;
	bool good = enter(l, CALL_FREE, base, bytes);
	struct piece *p = piece_of(l, base, bytes);

	must(p->key == key);
	if (good)
		take(l, p);
	leave(l, CALL_FREE, good ? bytes : 0);
	return good;
}

static void on_failed(void *data, const struct fixheap_comm_failure *failure)
{
	struct layer *l = data;

	__atomic_add_fetch(&l->nr[CALL_FAILED], 1, __ATOMIC_RELAXED);
	must(failure->size == sizeof(*failure));
	must(failure->call && *failure->call);
	must(failure->what && *failure->what);
	l->failure = *failure;
	snprintf(l->failed_call, sizeof(l->failed_call), "%s", failure->call);
	snprintf(l->failed_what, sizeof(l->failed_what), "%s", failure->what);
	l->failure.call = l->failed_call;
	l->failure.what = l->failed_what;
}

/* ---- the layer ----------------------------------------------------------- */

void layer_init(struct layer *l)
{
	memset(l, 0, sizeof(*l));
	l->comm = (struct fixheap_comm)FIXHEAP_COMM_INIT;
	l->comm.data = l;
	l->comm.region_alloc = on_alloc;
	l->comm.touch = on_touch;
	l->comm.post_alloc = on_post_alloc;
	l->comm.region_realloc = on_realloc;
	l->comm.post_realloc = on_post_realloc;
	l->comm.region_free = on_free;
	l->comm.failed = on_failed;
	l->error = EIO;
	l->first_key = FIXHEAP_KEY_NONE;
}

void layer_reset(struct layer *l)
{
	memset(l->fails_from, 0, sizeof(l->fails_from));
	memset(l->fails_for, 0, sizeof(l->fails_for));
	memset(l->nr, 0, sizeof(l->nr));
	memset(l->bytes, 0, sizeof(l->bytes));
	memset(&l->failure, 0, sizeof(l->failure));
	l->failed_call[0] = l->failed_what[0] = '\0';
}

void layer_in_child(struct layer *l)
{
	__atomic_store_n(&l->inside, 0, __ATOMIC_RELAXED);
	unlock(l);
}

void layer_fail(struct layer *l, enum call call, unsigned from, unsigned nr)
{
	l->fails_from[call] = from;
	l->fails_for[call] = nr;
}

bool layer_is_empty(const struct layer *l)
{
	return !l->nr_live && !l->live_bytes && !l->registered_bytes;
}
