/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_thread_node.c: mm/thread_node.c, which node a thread's objects come
 * from: that of its CPU, the one that it wishes, the one that a call names.
 */
#include "threads_test.h"

#include "thread_cache.h"

#define HEAP_BYTES (64 * MIB)
/* A thread looks at its CPU every 16 times that a magazine does not serve. */
#define PERIOD (16u * 2 * PACKET_SLOTS)

static const size_t sizes[] = { 1, 8, 100, 1000, 5000, 14336, 14337, 300000 };

static struct fixheap *heap_on(const char *machine)
{
	assert_int_equal(host_sim_describe(machine), 0);
	return make_heap(HEAP_BYTES, NULL);
}

/* Of each size one, for so long as a period; all of them on this node. */
static void all_on(struct fixheap *heap, int node)
{
	for (u32 i = 0; i < 200; i++) {
		size_t bytes = sizes[i % ARRAY_LEN(sizes)];
		char *object = fixheap_malloc(heap, bytes);

		assert_non_null(object);
		object[0] = object[bytes - 1] = 1;
		assert_int_equal(fixheap_node_of(heap, object), node);
		/* and as the kernel says */
		assert_true(host_sim_on_node(object, 1, (u32)node) > 0);
		fixheap_free(heap, object);
	}
}

static void test_malloc_node(void **state)
{
	struct fixheap *heap = heap_on("4x1:1G,0,1G,1G");
	static const struct {
		int node, err;
	} table[] = {
		{ 0, 0 },	{ 2, 0 },	{ 3, 0 },
		{ 1, EINVAL },	{ 4, EINVAL },	{ -1, EINVAL },
		{ -2, EINVAL }, { 64, EINVAL }, { 1024, EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * ARRAY_LEN(sizes); i++) {
		size_t row = i / ARRAY_LEN(sizes);
		size_t bytes = sizes[i % ARRAY_LEN(sizes)];
		void *object;

		host_sim_set_cpu((u32)i);
		errno = 0;
		object = fixheap_malloc_node(heap, bytes, table[row].node);
		assert_int_equal(!object, table[row].err != 0);
		assert_int_equal(errno, table[row].err);
		if (!object)
			continue;
		assert_int_equal(fixheap_node_of(heap, object),
				 table[row].node);
		assert_true(fixheap_usable_size(heap, object) >= bytes);
		memset(object, 1, bytes);
		fixheap_free(heap, object);
	}
	end_empty_heap(heap);
}

/* From a full node nothing comes, and all that it has comes. */
static void test_node_is_full(void **state)
{
	static void *object[40000];

	(void)state;
	for (size_t s = 2; s < ARRAY_LEN(sizes); s++) {
		struct fixheap *heap = heap_on("2x1");
		u64 bytes = 0;
		u32 nr = 0;

		errno = 0;
		while ((object[nr] = fixheap_malloc_node(heap, sizes[s], 1))) {
			assert_int_equal(fixheap_node_of(heap, object[nr]), 1);
			bytes += sizes[s];
			if (++nr == ARRAY_LEN(object))
				break;
		}
		if (nr < ARRAY_LEN(object)) {
			assert_int_equal(errno, ENOMEM);
			assert_true(bytes > HEAP_BYTES / 2 * 8 / 10);
			/* the other node has all of its own */
			assert_non_null(fixheap_malloc_node(heap, sizes[s], 0));
		}
		assert_int_equal(fixheap_validate(heap), 0);
		fixheap_destroy(heap);
	}
}

/* ---- a wish -------------------------------------------------------------- */

static void test_wish(void **state)
{
	struct fixheap *heap = heap_on("4x2:1G,1G,0,1G");

	(void)state;
	host_sim_set_cpu(0);
	all_on(heap, 0);
	assert_int_equal(fixheap_bind_thread(heap, 3), 0);
	all_on(heap, 3);
	assert_int_equal(fixheap_bind_thread(heap, 2), -EINVAL);
	assert_int_equal(fixheap_bind_thread(heap, 4), -EINVAL);
	assert_int_equal(fixheap_bind_thread(heap, -2), -EINVAL);
	assert_int_equal(fixheap_bind_thread(heap, 1000), -EINVAL);
	all_on(heap, 3);
	/* wherever it goes */
	for (u32 cpu = 0; cpu < 8; cpu++) {
		host_sim_set_cpu(cpu);
		all_on(heap, 3);
	}
	host_sim_set_cpu(2);
	assert_int_equal(fixheap_bind_thread(heap, -1), 0);
	all_on(heap, 1);
	assert_int_equal(fixheap_bind_thread(heap, 0), 0);
	all_on(heap, 0);
	assert_int_equal(fixheap_bind_thread(heap, -1), 0);
	end_empty_heap(heap);
}

/* One wish, for the heap that was named last; to let go of another heap does
 * not touch it. */
static void test_wish_of_two(void **state)
{
	struct fixheap *a = heap_on("4x1"), *b;

	(void)state;
	b = make_heap(HEAP_BYTES, NULL);
	all_on(a, 0);
	all_on(b, 0);
	assert_int_equal(fixheap_bind_thread(b, 2), 0);
	all_on(a, 0);
	all_on(b, 2);
	assert_int_equal(fixheap_bind_thread(a, -1), 0);
	all_on(b, 2);
	all_on(a, 0);
	assert_int_equal(fixheap_bind_thread(a, 3), 0);
	all_on(a, 3);
	all_on(b, 0);
	assert_int_equal(fixheap_bind_thread(b, -1), 0);
	all_on(a, 3);
	end_empty_heap(a);
	/* a heap that is gone is no wish of another */
	all_on(b, 0);
	a = make_heap(HEAP_BYTES, NULL);
	all_on(a, 0);
	end_empty_heap(a);
	end_empty_heap(b);
}

/* Small ones come from elsewhere when the node has nothing left. */
static void test_wish_is_full(void **state)
{
	struct fixheap *heap = heap_on("2x1");
	const struct fixheap_array_attr bind = { .size = sizeof(bind),
						 .policy = FIXHEAP_POLICY_BIND,
						 .nodes = 2 };
	u32 away = 0, nr;
	void *object[1000];

	(void)state;
	while (fixheap_pages_alloc(heap, 1, 0, &bind))
		;
	assert_int_equal(fixheap_bind_thread(heap, 1), 0);
	for (nr = 0; nr < ARRAY_LEN(object); nr++) {
		object[nr] = fixheap_malloc(heap, nr % 20 ? 200 : 20000);
		assert_non_null(object[nr]);
		away += fixheap_node_of(heap, object[nr]) == 0;
	}
	assert_int_equal(away, ARRAY_LEN(object));
	while (nr--)
		fixheap_free(heap, object[nr]);
	assert_int_equal(fixheap_bind_thread(heap, -1), 0);
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

/* ---- threads that move --------------------------------------------------- */

/* The kernel moves the thread: within a period its objects follow. */
static void test_follow(void **state)
{
	static const u32 path[] = { 1, 3, 2, 0, 3 };
	struct fixheap *heap = heap_on("4x1");
	static void *object[5 * 4 * PERIOD];
	u32 nr = 0;

	(void)state;
	all_on(heap, 0);
	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		u32 late = 0;

		host_sim_set_cpu(path[i]);
		do {
			object[nr] = fixheap_malloc(heap, 64);
			late++;
		} while (fixheap_node_of(heap, object[nr++]) != (int)path[i]);
		assert_true(late <= 2 * PERIOD);
		for (u32 k = 0; k < PERIOD; k++) {
			object[nr] = fixheap_malloc(heap, 64);
			assert_int_equal(fixheap_node_of(heap, object[nr++]),
					 path[i]);
		}
	}
	/* all at once, whoever they came from */
	while (nr--)
		fixheap_free(heap, object[nr]);
	end_empty_heap(heap);
}

#define NR_OBJECTS 8000 /* half a node at most, dead ones included */
struct worker {
	struct fixheap *heap;
	u32 cpu;
	void **object; /* [NR_OBJECTS] */
	void **dead;   /* likewise, to be freed first */
	u64 seed;
};

/* Free what others have made, then make some: of the own node all. */
static void *run_worker(void *arg)
{
	struct worker *worker = arg;

	host_sim_set_cpu(worker->cpu);
	for (u32 i = 0; worker->dead && i < NR_OBJECTS; i++)
		fixheap_free(worker->heap, worker->dead[i]);
	for (u32 i = 0; worker->object && i < NR_OBJECTS; i++) {
		worker->object[i] = fixheap_malloc(worker->heap, 48 + i % 900);
		check(worker->object[i] != NULL);
		check(fixheap_node_of(worker->heap, worker->object[i]) ==
		      (int)worker->cpu);
	}
	return NULL;
}

static void work(struct worker *worker)
{
	join_thread(start_thread(run_worker, worker));
	assert_int_equal(wrong, 0);
}

/* What a thread of another node frees goes home: nobody gets a page of a node
 * that is not its own. */
static void test_frees_go_home(void **state)
{
	static void *object[4][NR_OBJECTS];
	struct fixheap *heap = heap_on("4x1");

	(void)state;
	for (u32 round = 0; round < 3; round++) {
		for (u32 n = 0; n < 4; n++)
			work(&(struct worker){ heap, n, object[n], NULL, 0 });
		/* each frees what its neighbour has made, and makes its own */
		for (u32 n = 0; n < 4; n++)
			work(&(struct worker){ heap, n, NULL,
					       object[(n + 1) % 4], 0 });
	}
	end_empty_heap(heap);
}

/* The same at once. */
static void test_frees_at_once(void **state)
{
	static void *object[4][2][NR_OBJECTS];
	struct fixheap *heap = heap_on("4x1");
	struct worker worker[4];
	pthread_t thread[4];

	(void)state;
	for (u32 round = 0; round < 4; round++) {
		for (u32 n = 0; n < 4; n++) {
			void **dead = object[(n + 1) % 4][(round + 1) % 2];

			worker[n] = (struct worker){ heap, n,
						     object[n][round % 2],
						     round ? dead : NULL, 0 };
			thread[n] = start_thread(run_worker, &worker[n]);
		}
		for (u32 n = 0; n < 4; n++)
			join_thread(thread[n]);
		assert_int_equal(wrong, 0);
		assert_int_equal(fixheap_validate(heap), 0);
	}
	for (u32 n = 0; n < 4; n++)
		work(&(struct worker){ heap, n, NULL, object[n][1], 0 });
	end_empty_heap(heap);
}

/* Threads that are moved at every look, wish for nodes, and name them. */
static void *run_rover(void *arg)
{
	struct worker *worker = arg;
	void *own[64] = { NULL };

	host_sim_set_cpu(HOST_SIM_ROVING);
	for (u32 i = 0; i < 20000; i++) {
		u64 random = next_random(&worker->seed);
		void **slot = &own[random % 64];
		int node = (int)(random >> 8 & 3);

		end_object(worker->heap, *slot);
		*slot = make_object(worker->heap, random_size(&worker->seed));
		if (random >> 20 & 63)
			continue;
		check(!fixheap_bind_thread(worker->heap,
					   random >> 30 & 1 ? node : -1));
		end_object(worker->heap, *slot);
		*slot = fixheap_malloc_node(worker->heap, 100, node);
		check(fixheap_node_of(worker->heap, *slot) == node);
		fixheap_free(worker->heap, *slot);
		*slot = NULL;
	}
	for (u32 i = 0; i < 64; i++)
		end_object(worker->heap, own[i]);
	return NULL;
}

static void test_rovers(void **state)
{
	struct fixheap *heap = heap_on("4x2");
	struct worker worker[4];
	pthread_t thread[4];

	(void)state;
	for (u32 n = 0; n < 4; n++) {
		worker[n] = (struct worker){ .heap = heap, .seed = n + 1 };
		thread[n] = start_thread(run_rover, &worker[n]);
	}
	for (u32 i = 0; i < 20; i++) {
		fixheap_reclaim(heap);
		assert_int_equal(fixheap_validate(heap), 0);
	}
	for (u32 n = 0; n < 4; n++)
		join_thread(thread[n]);
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREAD_TEST(malloc_node),   THREAD_TEST(node_is_full),
		THREAD_TEST(wish),	    THREAD_TEST(wish_of_two),
		THREAD_TEST(wish_is_full),  THREAD_TEST(follow),
		THREAD_TEST(frees_go_home), THREAD_TEST(frees_at_once),
		THREAD_TEST(rovers),
	};

	return cmocka_run_group_tests_name("thread_node", tests, NULL, NULL);
}
