/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_magazine.c: mm/magazine.c, what a magazine, the depot and jemalloc have
 * of the objects of a class.  The thread's magazines are filled and spilled by
 * hand, and are in order after each step.
 */
#include "objects_test.h"
#include "support.h"

#include "je.h"
#include "slab.h"
#include "thread_cache.h"

static struct thread *self; /* that of this thread */

/* A heap that is this thread's home. */
static void make(struct test_heap *t, const char *machine, u64 nr_pages)
{
	heap_warm_objects();
	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = nr_pages,
					  .unbound = 1 });
	self = &thread_self;
	assert_true(thread_bind(self, t->heap));
}

/* Nothing is held but what the heap's end gives back. */
static void end(struct test_heap *t)
{
	heap_is_empty(t);
	heap_end(t);
}

static u32 nr_in(u32 class)
{
	return (u32)(self->magazine[class].top - self->set->rest[class].base);
}

static u64 in_depot(const struct fixheap *heap, u32 class)
{
	return heap->objects->depot[self->home_node].bytes /
	       size_class[class].size;
}

/* The invariants of magazine.c: its ends, and marked objects between them. */
static void check(u32 class)
{
	const struct magazine_rest *rest = &self->set->rest[class];
	const struct magazine *magazine = &self->magazine[class];
	const struct fixheap *heap = self->home;

	assert_true(rest->base <= magazine->empty);
	assert_true(magazine->empty <= magazine->top);
	assert_true(magazine->top <= magazine->full);
	assert_true(magazine->full <= rest->base + 2 * rest->batch);
	for (void **slot = rest->base; slot < magazine->top; slot++) {
		u64 page = page_read(&heap->page[addr_to_pfn(heap, *slot)]);

		assert_int_equal(slab_class(page), class);
		assert_true(mark_is(*slot, mark_of(self->key, *slot)));
		for (void **other = rest->base; other < slot; other++)
			assert_ptr_not_equal(*other, *slot);
	}
}

static void fill_it(u32 class)
{
	thread_enter(self);
	magazine_fill(self, class);
	live_grant(self, class);
	thread_leave(self);
	check(class);
}

static void spill_it(u32 class)
{
	thread_enter(self);
	magazine_spill(self, class);
	live_grant(self, class);
	thread_leave(self);
	check(class);
}

static void flush_it(void)
{
	thread_enter(self);
	magazine_flush(self);
	thread_leave(self);
}

/* Take all that is in it; they stay marked, as nobody uses them. */
static u32 take_all(u32 class, void **object)
{
	u32 nr = nr_in(class);

	for (u32 i = 0; i < nr; i++)
		object[i] = *--self->magazine[class].top;
	live_grant(self, class);
	return nr;
}

static void put_all(u32 class, void *const *object, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		*self->magazine[class].top++ = object[i];
	live_grant(self, class);
	check(class);
}

/* Slots of a new set: two packets for each class, and no two the same. */
static void test_set(void **state)
{
	struct magazine_set *set;
	void **next;

	(void)state;
	host_sim_reset();
	host_sim_fail(HOST_SIM_RESERVE, 1);
	assert_null(magazine_set_create());
	set = magazine_set_create();
	assert_non_null(set);
	next = set->slot;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		const struct magazine_rest *rest = &set->rest[class];
		u32 bytes = size_class[class].size;

		assert_ptr_equal(rest->base, next);
		next += 2 * rest->batch;
		assert_int_equal(rest->batch, packet_objects(bytes));
		assert_in_range(rest->batch, 2, PACKET_SLOTS);
		assert_true(rest->batch == 2 ||
			    rest->batch * bytes <= PACKET_BYTES);
		assert_true(rest->grant >= 1);
		assert_true(rest->grant == 1 || rest->grant * bytes <= 4096);
		assert_true((rest->grant + 1) * bytes > 4096);
	}
	assert_true(host_sim_held() >= (size_t)((char *)next - (char *)set));
	host_sim_reset();
}

/* Objects that are taken from jemalloc at a time: a packet, 16 KiB, or two. */
static u32 most_of(u32 class)
{
	u64 fit = max_u64((16 << 10) / size_class[class].size, 2);

	return (u32)min_u64(self->set->rest[class].batch, fit);
}

/* A few at first, and twice as many each time, up to that. */
static void test_fill(void **state)
{
	static void *object[20 * PACKET_SLOTS];
	static const u32 classes[] = { 1, 8, 20, 27, 30, NR_SIZE_CLASSES };
	struct test_heap t;

	(void)state;
	make(&t, "1x1", BLOCKS(8));
	for (u32 i = 0; i < ARRAY_LEN(classes); i++) {
		u32 class = classes[i], total = 0, want = 4;
		u32 batch = self->set->rest[class].batch;

		for (u32 n = 0; n < 8; n++) {
			fill_it(class);
			want = (u32)min_u64(want, most_of(class));
			assert_int_equal(nr_in(class), want);
			total += take_all(class, object + total);
			want *= 2;
		}
		for (u32 n = 0; n < total; n += batch) {
			put_all(class, object + n,
				(u32)min_u64(batch, total - n));
			flush_it();
			assert_int_equal(nr_in(class), 0);
		}
		/* and that begins again */
		fill_it(class);
		assert_int_equal(nr_in(class), min_u64(4, most_of(class)));
	}
	end(&t);
}

/* They go out by address, as jemalloc gives them, from a slab that is new. */
static void test_order(void **state)
{
	static void *object[PACKET_SLOTS];
	struct test_heap t;
	u32 nr;

	(void)state;
	make(&t, "1x1", BLOCKS(8));
	fill_it(25);
	nr = take_all(25, object);
	assert_int_equal(nr, 4);
	for (u32 i = 1; i < nr; i++)
		assert_true(object[i] > object[i - 1]);
	put_all(25, object, nr);
	end(&t);
}

/* So many from jemalloc, while the depot has none. */
static void take(u32 class, void **object, u32 nr)
{
	static void *rest[PACKET_SLOTS];
	u32 more;

	while (nr) {
		fill_it(class);
		more = take_all(class, rest);
		for (u32 i = 0; i < more; i++) {
			if (nr)
				object[--nr] = rest[i];
			else
				fhje_free(rest[i]);
		}
	}
}

/* A packet goes to the depot: what came first; and comes back from there. */
static void test_spill(void **state)
{
	static void *object[2 * PACKET_SLOTS], *again[PACKET_SLOTS];
	static const u32 classes[] = { 1, 20, 30, NR_SIZE_CLASSES };
	struct test_heap t;

	(void)state;
	make(&t, "1x1", BLOCKS(64));
	for (u32 i = 0; i < ARRAY_LEN(classes); i++) {
		u32 class = classes[i];
		u32 batch = self->set->rest[class].batch;

		take(class, object, 2 * batch);
		put_all(class, object, 2 * batch);
		spill_it(class);
		assert_int_equal(in_depot(t.heap, class), batch);
		assert_int_equal(take_all(class, again), batch);
		for (u32 n = 0; n < batch; n++)
			assert_ptr_equal(again[n], object[2 * batch - 1 - n]);
		fill_it(class);
		assert_int_equal(in_depot(t.heap, class), 0);
		assert_int_equal(take_all(class, again), batch);
		for (u32 n = 0; n < batch; n++)
			assert_ptr_equal(again[n], object[n]);
		put_all(class, object, 2 * batch);
		flush_it();
	}
	end(&t);
}

/* A depot that is full of one class loses a packet of it, and takes one of
 * another class if it fits then; all else is jemalloc's again. */
static void test_full_depot(void **state)
{
	static const struct {
		u32 full, spilled;
		bool fits;
	} table[] = { { 2, 1, true },
		      { 1, 2, false },
		      { NR_SIZE_CLASSES, 30, true },
		      { 10, NR_SIZE_CLASSES, false } };
	static void *object[10000], *spilled[2 * PACKET_SLOTS];
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 full = table[i].full, class = table[i].spilled;
		u32 size = size_class[full].size;
		u32 packet = packet_objects(size), nr, batch;
		struct depot *depot;

		make(&t, "1x1", BLOCKS(4));
		depot = &t.heap->objects->depot[0];
		nr = (u32)(BYTES(BLOCKS(4)) / 64 / size / packet * packet);
		take(full, object, nr);
		batch = self->set->rest[class].batch;
		take(class, spilled, 2 * batch);
		put_all(class, spilled, 2 * batch);
		for (u32 n = 0; n < nr; n += packet)
			assert_true(depot_put(depot, full, object + n, packet));
		spill_it(class);
		assert_int_equal(nr_in(class), batch);
		assert_int_equal(depot->bytes,
				 (nr - packet) * size +
					 table[i].fits * batch *
						 size_class[class].size);
		end(&t);
	}
}

/* Of the magazines and the depots nothing is left. */
static void test_flush(void **state)
{
	static void *object[2 * PACKET_SLOTS];
	struct test_heap t;

	(void)state;
	make(&t, "2x1", BLOCKS(8));
	for (u32 node = 0; node < 2; node++) {
		assert_int_equal(fixheap_bind_thread(t.heap, (int)node), 0);
		for (u32 class = 1; class < 8; class ++) {
			u32 batch = self->set->rest[class].batch;

			take(class, object, 2 * batch);
			for (u32 i = 0; i < 2 * batch; i++)
				assert_int_equal(node_at(t.heap, object[i]),
						 node);
			put_all(class, object, 2 * batch);
			spill_it(class);
			assert_int_equal(in_depot(t.heap, class), batch);
			thread_enter(self);
			magazine_flush_depots(t.heap);
			thread_leave(self);
			assert_int_equal(in_depot(t.heap, class), 0);
		}
		flush_it();
		for (u32 class = 1; class < 8; class ++)
			assert_int_equal(nr_in(class), 0);
	}
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),	   cmocka_unit_test(test_fill),
		cmocka_unit_test(test_order),	   cmocka_unit_test(test_spill),
		cmocka_unit_test(test_full_depot), cmocka_unit_test(test_flush),
	};

	return cmocka_run_group_tests_name("magazine", tests, NULL, NULL);
}
