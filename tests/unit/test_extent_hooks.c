/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_extent_hooks.c: the hooks of mm/extent_hooks.c under the real jemalloc,
 * and called directly with arguments that it would not produce.
 *
 * A spy stands in front of each hook.  It holds every call against a model of
 * the zone, a byte for each page that jemalloc has, before and after it passes
 * it on.  jemalloc keeps a pointer to the hooks, so replacing the members of
 * the structure is enough.
 */
#include "objects_test.h"

#include "extent_hooks.h"
#include "size_class.h"
#include "slab.h"
#include "thread_cache.h"

#define HEAP_BYTES (64 * MIB)

static struct {
	pthread_mutex_t lock;
	struct fixheap *heap;
	struct extent_hooks real;
	unsigned char owned[(HEAP_BYTES >> PAGE_SHIFT) + BLOCK_PAGES];
	u64 nr_alloc, nr_refused, nr_dalloc, nr_split, nr_merge;
	u64 nr_part, nr_several; /* freed: part of an alloc, several */
	u64 nr_others;
	const char *wrong;
} spy = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Threads of jemalloc's callers cannot fail a test: note it for later. */
static void check(bool right, const char *what)
{
	if (!right && !spy.wrong)
		spy.wrong = what;
}

/* Pages [addr, addr + size) are in the zone, and owned or not. */
static void check_owned(const char *addr, size_t size, unsigned char owned)
{
	u64 pfn = addr_to_pfn(spy.heap, addr);

	check(!((uintptr_t)addr % PAGE_BYTES) && !(size % PAGE_BYTES) && size,
	      "range of whole pages");
	for (u64 i = 0; i < size >> PAGE_SHIFT; i++) {
		check(pfn_valid(spy.heap, pfn + i), "range in the heap");
		check(!spy.owned[pfn + i] == !owned, "owned as expected");
	}
}

static void set_owned(const char *addr, size_t size, unsigned char owned)
{
	memset(&spy.owned[addr_to_pfn(spy.heap, addr)], owned,
	       size >> PAGE_SHIFT);
}

static void *spy_alloc(struct extent_hooks *hooks, void *new_addr, size_t size,
		       size_t alignment, bool *zero, bool *commit,
		       unsigned arena)
{
	static unsigned char number;
	bool grow = !*commit || new_addr;
	void *addr;

	addr = spy.real.alloc(hooks, new_addr, size, alignment, zero, commit,
			      arena);
	pthread_mutex_lock(&spy.lock);
	check(!grow || !addr, "requests to grow are refused");
	check(is_pow2(alignment) && alignment >= PAGE_BYTES, "alignment");
	if (!addr) {
		spy.nr_refused++;
	} else {
		spy.nr_alloc++;
		check(*commit, "committed");
		check(!((uintptr_t)addr % alignment), "aligned");
		check_owned(addr, size, 0);
		/* 1 to 255, to tell one allocation from the next. */
		number = number % 255 + 1;
		set_owned(addr, size, number);
	}
	pthread_mutex_unlock(&spy.lock);
	return addr;
}

/* What became of the bounds of allocations: parts, and ranges of several. */
static void count_shape(const char *addr, size_t size)
{
	u64 pfn = addr_to_pfn(spy.heap, addr), last;
	unsigned char number = spy.owned[pfn];

	last = pfn + (size >> PAGE_SHIFT) - 1;
	if ((pfn && spy.owned[pfn - 1] == number) ||
	    spy.owned[last + 1] == number)
		spy.nr_part++;
	for (; pfn <= last; pfn++) {
		if (spy.owned[pfn] == number)
			continue;
		spy.nr_several++;
		return;
	}
}

static bool spy_dalloc(struct extent_hooks *hooks, void *addr, size_t size,
		       bool committed, unsigned arena)
{
	bool failed;

	pthread_mutex_lock(&spy.lock);
	check(committed, "committed");
	check_owned(addr, size, 1);
	count_shape(addr, size);
	set_owned(addr, size, 0);
	spy.nr_dalloc++;
	pthread_mutex_unlock(&spy.lock);
	failed = spy.real.dalloc(hooks, addr, size, committed, arena);
	check(!failed, "dalloc succeeds");
	return failed;
}

static void spy_destroy(struct extent_hooks *hooks, void *addr, size_t size,
			bool committed, unsigned arena)
{
	spy.nr_others++;
	spy.real.destroy(hooks, addr, size, committed, arena);
}

static bool spy_other(struct extent_hooks *hooks, void *addr, size_t size,
		      size_t offset, size_t length, unsigned arena)
{
	spy.nr_others++;
	return spy.real.commit(hooks, addr, size, offset, length, arena);
}

static bool spy_split(struct extent_hooks *hooks, void *addr, size_t size,
		      size_t size_a, size_t size_b, bool committed,
		      unsigned arena)
{
	bool failed;

	pthread_mutex_lock(&spy.lock);
	check(size_a && size_b && size_a + size_b == size, "split in two");
	check_owned(addr, size, 1);
	spy.nr_split++;
	pthread_mutex_unlock(&spy.lock);
	failed = spy.real.split(hooks, addr, size, size_a, size_b, committed,
				arena);
	check(!failed, "split succeeds");
	return failed;
}

static bool spy_merge(struct extent_hooks *hooks, void *addr_a, size_t size_a,
		      void *addr_b, size_t size_b, bool committed,
		      unsigned arena)
{
	bool failed;

	pthread_mutex_lock(&spy.lock);
	check((char *)addr_a + size_a == (char *)addr_b, "neighbours");
	check_owned(addr_a, size_a + size_b, 1);
	spy.nr_merge++;
	pthread_mutex_unlock(&spy.lock);
	failed = spy.real.merge(hooks, addr_a, size_a, addr_b, size_b,
				committed, arena);
	check(!failed, "merge succeeds");
	return failed;
}

static struct binding *start_spying(struct fixheap *heap)
{
	struct binding *binding = heap->objects->node[0];

	spy.heap = heap;
	spy.wrong = NULL;
	spy.nr_alloc = spy.nr_refused = spy.nr_dalloc = 0;
	spy.nr_split = spy.nr_merge = spy.nr_others = 0;
	spy.nr_part = spy.nr_several = 0;
	memset(spy.owned, 0, sizeof(spy.owned));
	spy.real = binding->hooks;
	binding->hooks = (struct extent_hooks){
		spy_alloc, spy_dalloc, spy_destroy, spy_other, spy_other,
		spy_other, spy_other,  spy_split,   spy_merge,
	};
	return binding;
}

static void stop_spying(struct binding *binding)
{
	if (spy.wrong)
		fail_msg("%s", spy.wrong);
	binding->hooks = spy.real;
}

static u64 owned_pages(void)
{
	u64 nr = 0;

	for (size_t i = 0; i < sizeof(spy.owned); i++)
		nr += !!spy.owned[i];
	return nr;
}

#define OBJECTS 4096
struct load {
	struct fixheap *heap;
	u64 seed, steps;
	void *object[OBJECTS];
};

/* Waves of objects of all small sizes: slabs come, go, and change class. */
static void *run_load(void *arg)
{
	struct load *load = arg;

	for (u64 i = 0; i < load->steps; i++) {
		u64 random = next_random(&load->seed);
		void **slot = &load->object[random % OBJECTS];
		size_t most = (i / 20000) % 3 == 0 ? SMALL_MAX : 2048;

		fixheap_free(load->heap, *slot);
		*slot = NULL;
		if (random >> 40 & 1)
			*slot = fixheap_malloc(load->heap,
					       (random >> 16) % most);
	}
	for (int i = 0; i < OBJECTS; i++)
		fixheap_free(load->heap, load->object[i]);
	memset(load->object, 0, sizeof(load->object));
	return NULL;
}

static void test_real_jemalloc_keeps_to_the_model(void **state)
{
	static struct load load[2] = { { .seed = 11, .steps = 300000 },
				       { .seed = 12, .steps = 300000 } };
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	struct binding *binding = start_spying(heap);
	pthread_t thread;

	(void)state;
	load[0].heap = load[1].heap = heap;
	thread = start_thread(run_load, &load[0]);
	run_load(&load[1]);
	join_thread(thread);
	assert_int_equal(owned_pages(), binding->nr_pages);
	fixheap_reclaim(heap);
	assert_int_equal(owned_pages(), 0);
	assert_int_equal(binding->nr_pages, 0);
	/* What the hooks have to be able to do did happen. */
	assert_true(spy.nr_alloc > 1000);
	assert_true(spy.nr_dalloc > 100);
	assert_true(spy.nr_split > 10);
	assert_true(spy.nr_merge > 100);
	assert_true(spy.nr_part > 10);
	assert_true(spy.nr_several > 10);
	assert_int_equal(spy.nr_others, 0);
	stop_spying(binding);
	end_empty_heap(heap);
}

/* The heap is full all the time: refusals, reclaims, retries. */
static void test_real_jemalloc_in_a_full_heap(void **state)
{
	static struct load load = { .seed = 5, .steps = 200000 };
	struct fixheap *heap = make_heap(4 * MIB, NULL);
	struct binding *binding = start_spying(heap);

	(void)state;
	load.heap = heap;
	run_load(&load);
	assert_true(spy.nr_refused > 0);
	fixheap_reclaim(heap);
	assert_int_equal(owned_pages(), 0);
	stop_spying(binding);
	end_empty_heap(heap);
}

/* Arguments by hand; `zero` and `commit` are in and out. */
static void *ask(struct binding *binding, void *new_addr, size_t pages,
		 size_t alignment, unsigned flags)
{
	bool zero = flags & 1, commit = flags & 2;
	void *addr = binding->hooks.alloc(&binding->hooks, new_addr,
					  pages << PAGE_SHIFT, alignment, &zero,
					  &commit, binding->arena);

	if (addr)
		assert_true(commit);
	return addr;
}

#define ASK_ZERO 1u
#define ASK_COMMIT 2u

static void give(struct binding *binding, char *addr, size_t pages)
{
	assert_false(binding->hooks.dalloc(&binding->hooks, addr,
					   pages << PAGE_SHIFT, true,
					   binding->arena));
}

static void test_alloc_arguments(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	struct binding *binding = heap->objects->node[0];
	char *addr, *next;

	(void)state;
	/* A request to grow, and one for certain pages. */
	assert_null(ask(binding, NULL, 1, PAGE_BYTES, 0));
	assert_null(ask(binding, NULL, 512, PAGE_BYTES, ASK_ZERO));
	addr = ask(binding, NULL, 3, PAGE_BYTES, ASK_COMMIT);
	assert_non_null(addr);
	assert_null(
		ask(binding, addr + 3 * PAGE_BYTES, 1, PAGE_BYTES, ASK_COMMIT));
	assert_int_equal(binding->nr_pages, 3);
	give(binding, addr, 3);
	/* Alignment, from a page to the largest that the heap has room for. */
	for (size_t align = PAGE_BYTES; align <= 16 * MIB; align *= 2) {
		addr = ask(binding, NULL, 5, align, ASK_COMMIT);
		assert_non_null(addr);
		assert_int_equal((uintptr_t)addr % align, 0);
		give(binding, addr, 5);
	}
	/* More than there is. */
	assert_null(ask(binding, NULL, (HEAP_BYTES >> PAGE_SHIFT) + 1,
			PAGE_BYTES, ASK_COMMIT));
	/* Pages that were written to read as zero if that was asked for. */
	addr = ask(binding, NULL, 7, PAGE_BYTES, ASK_COMMIT);
	memset(addr, 0xee, 7 * PAGE_BYTES);
	give(binding, addr, 7);
	next = ask(binding, NULL, 7, PAGE_BYTES, ASK_COMMIT | ASK_ZERO);
	assert_ptr_equal(next, addr);
	for (size_t i = 0; i < 7 * PAGE_BYTES; i++)
		assert_int_equal(next[i], 0);
	give(binding, next, 7);
	end_empty_heap(heap);
}

static void test_any_part_can_be_given_back(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	struct binding *binding = heap->objects->node[0];
	char *a = ask(binding, NULL, 5, PAGE_BYTES, ASK_COMMIT);
	char *b = ask(binding, NULL, 7, PAGE_BYTES, ASK_COMMIT);

	(void)state;
	give(binding, a + PAGE_BYTES, 2);
	give(binding, a, 1);
	give(binding, a + 3 * PAGE_BYTES, 2);
	give(binding, b + 6 * PAGE_BYTES, 1);
	assert_int_equal(binding->nr_pages, 6);
	/* destroy is dalloc without a result */
	binding->hooks.destroy(&binding->hooks, b, 6 * PAGE_BYTES, true,
			       binding->arena);
	assert_int_equal(binding->nr_pages, 0);
	end_empty_heap(heap);
}

static void test_what_is_never_done(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	struct binding *b = heap->objects->node[0];
	struct extent_hooks *h = &b->hooks;
	char *addr = ask(b, NULL, 2, PAGE_BYTES, ASK_COMMIT);
	size_t size = 2 * PAGE_BYTES;

	(void)state;
	assert_true(h->commit(h, addr, size, 0, size, b->arena));
	assert_true(h->decommit(h, addr, size, 0, size, b->arena));
	assert_true(h->purge_lazy(h, addr, size, 0, size, b->arena));
	assert_true(h->purge_forced(h, addr, size, 0, size, b->arena));
	give(b, addr, 2);
	end_empty_heap(heap);
}

static u32 class_at(struct fixheap *heap, const char *addr)
{
	return slab_class(page_read(&heap->page[addr_to_pfn(heap, addr)]));
}

/* One side at least no longer says what it once held: the smaller one. */
static void test_merge_wipes_the_smaller_side(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	struct binding *b = heap->objects->node[0];
	struct extent_hooks *h = &b->hooks;
	char *addr = ask(b, NULL, 8, PAGE_BYTES, ASK_COMMIT);
	char *mid = addr + 3 * PAGE_BYTES, *end = addr + 8 * PAGE_BYTES;

	(void)state;
	for (char *p = addr; p < end; p += PAGE_BYTES)
		slab_describe(heap, p, 4);
	assert_false(h->split(h, addr, 8 * PAGE_BYTES, 3 * PAGE_BYTES,
			      5 * PAGE_BYTES, true, b->arena));
	assert_int_equal(class_at(heap, addr), 4);
	assert_int_equal(class_at(heap, mid), 4);
	assert_false(h->merge(h, addr, 3 * PAGE_BYTES, mid, 5 * PAGE_BYTES,
			      true, b->arena));
	for (char *p = addr; p < mid; p += PAGE_BYTES)
		assert_int_equal(class_at(heap, p), 0);
	for (char *p = mid; p < end; p += PAGE_BYTES)
		assert_int_equal(class_at(heap, p), 4);
	give(b, addr, 8);
	end_empty_heap(heap);
}

struct bad_give {
	struct binding *binding;
	char *addr;
};

static void give_twice(void *data)
{
	struct bad_give *bad = data;

	give(bad->binding, bad->addr, 1);
	give(bad->binding, bad->addr, 1);
}

static void test_foreign_pages_from_jemalloc_are_a_bug(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	struct bad_give bad = { heap->objects->node[0], NULL };

	(void)state;
	bad.addr = ask(bad.binding, NULL, 1, PAGE_BYTES, ASK_COMMIT);
	assert_true(host_sim_aborts(give_twice, &bad));
	end_empty_heap(heap);
}

/* Arenas are few: those of ended heaps serve the next ones. */
static void test_bindings_are_used_again(void **state)
{
	u32 first = 0, arena;

	(void)state;
	for (int i = 0; i < TEST_STEPS(6000); i++) {
		struct fixheap *heap = make_heap(4 * MIB, NULL);
		struct binding *binding = heap->objects->node[0];

		arena = binding->arena;
		if (!i)
			first = arena;
		assert_int_equal(arena, first);
		if (i % 100 == 0)
			assert_non_null(fixheap_malloc(heap, 100));
		fixheap_destroy(heap);
		assert_null(binding->node);
		assert_int_equal(binding->nr_pages, 0);
		/* Nobody gets pages from it now, and it takes none back. */
		assert_null(ask(binding, NULL, 1, PAGE_BYTES, ASK_COMMIT));
	}
}

static void test_no_memory_for_bindings(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap[100];
	int nr = 0, failed = 0, ret;

	(void)state;
	config.length = 4 * MIB;
	/* Many at a time, so that a new chunk of bindings is needed. */
	while (nr < 100) {
		host_sim_fail(HOST_SIM_RESERVE, 3);
		ret = fixheap_create(&config, &heap[nr]);
		host_sim_fail(HOST_SIM_RESERVE, 0);
		if (!ret) {
			nr++;
			continue;
		}
		assert_int_equal(ret, -ENOMEM);
		failed++;
		assert_int_equal(fixheap_create(&config, &heap[nr++]), 0);
	}
	assert_true(failed > 0);
	while (nr)
		end_empty_heap(heap[--nr]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(real_jemalloc_keeps_to_the_model),
		TEST(real_jemalloc_in_a_full_heap),
		TEST(alloc_arguments),
		TEST(any_part_can_be_given_back),
		TEST(what_is_never_done),
		TEST(merge_wipes_the_smaller_side),
		TEST(foreign_pages_from_jemalloc_are_a_bug),
		TEST(bindings_are_used_again),
		TEST(no_memory_for_bindings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
