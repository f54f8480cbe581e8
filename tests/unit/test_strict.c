/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_strict.c: strict arrays among everything else, for a long time.  Random
 * allocations and frees of all kinds on machines of 1, 2, 4 and 8 nodes; now
 * and then each page of each strict array must be where its policy says, and
 * what fixheap_largest_free says must be to be had.
 */
#include "nodes.h"

#define BIND FIXHEAP_POLICY_BIND
#define PREFERRED FIXHEAP_POLICY_PREFERRED
#define INTERLEAVE FIXHEAP_POLICY_INTERLEAVE
#define BLOCKED FIXHEAP_POLICY_BLOCKED

#define NR_STEPS TEST_STEPS(20000u)
#define NR_CHECKS (NR_STEPS < 100000 ? 8 : 20)
#define NR_BLOCKS 64
#define NR_ITEMS 400

struct item {
	char *start;
	u64 nr_pages;
	int is; /* 0: nothing, 1: array, 2: pages, 3: object */
	enum fixheap_policy policy;
	u64 nodes;
	u64 divided; /* pages that it was divided by */
	bool weighted;
};

struct play {
	struct test_heap t;
	u32 nr_nodes;
	u64 seed;
	struct item item[NR_ITEMS];
	u64 nr_strict, nr_refused;
};

static const unsigned char weights[8] = { 3, 1, 2, 1, 1, 4, 1, 1 };

/* The i-th node of a mask. */
static u32 nth(u64 nodes, u64 i)
{
	while (i--)
		nodes &= nodes - 1;
	return (u32)__builtin_ctzll(nodes);
}

/* Node of page p, as the policy was promised. */
static u32 wanted(const struct item *item, u64 p)
{
	u64 k = (u64)__builtin_popcountll(item->nodes), i = 0, turn, sum = 0;

	if (item->policy == BLOCKED) {
		while (item->divided * (i + 1) / k <= p && i + 1 < k)
			i++;
		return nth(item->nodes, i);
	}
	for (i = 0; i < k; i++)
		sum += item->weighted ? weights[i] : 1;
	turn = p / BLOCK_PAGES % sum;
	for (i = 0; turn >= (item->weighted ? weights[i] : 1); i++)
		turn -= item->weighted ? weights[i] : 1;
	return nth(item->nodes, i);
}

/* Each page of it, touched, is on its node. */
static void check_item(struct play *play, const struct item *item)
{
	struct fixheap *heap = play->t.heap;
	u64 p, next;

	if (item->is != 1)
		return;
	nodes_touch(item->start, BYTES(item->nr_pages));
	assert_int_equal(nodes_as_told(heap, item->start,
				       BYTES(item->nr_pages)),
			 BYTES(item->nr_pages));
	if (item->policy < BIND || item->policy == PREFERRED)
		return;
	play->nr_strict++;
	for (p = 0; p < item->nr_pages; p = next) {
		char *at = item->start + BYTES(p);
		int node = fixheap_node_of(heap, at);

		next = p + 1;
		assert_true(node >= 0 && item->nodes >> node & 1);
		if (item->policy == BIND) {
			host_sim_settle(at, PAGE_BYTES);
			continue;
		}
		while (next < item->nr_pages &&
		       wanted(item, next) == wanted(item, p))
			next++;
		nodes_on(at, BYTES(next - p), wanted(item, p));
	}
}

static u64 pick_nodes(struct play *play)
{
	u64 nodes = 0;

	while (!nodes)
		nodes = random_below(&play->seed, 1ull << play->nr_nodes);
	return nodes;
}

static struct fixheap_array_attr pick_attr(struct play *play)
{
	static const enum fixheap_policy policies[] = { FIXHEAP_POLICY_DEFAULT,
							BIND,
							BIND,
							PREFERRED,
							INTERLEAVE,
							INTERLEAVE,
							BLOCKED,
							FIXHEAP_POLICY_LOCAL };
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	attr.policy = policies[random_below(&play->seed, 8)];
	attr.nodes = pick_nodes(play);
	if (attr.policy == INTERLEAVE && random_below(&play->seed, 3) == 0)
		attr.weights = weights;
	if (random_below(&play->seed, 8) == 0)
		attr.flags = FIXHEAP_ZERO;
	return attr;
}

static void make_array(struct play *play, struct item *item)
{
	struct fixheap_array_attr attr = pick_attr(play);
	u64 nr = 1 + random_below(&play->seed,
				  random_below(&play->seed, 4) ? 700 : 5000);

	item->start = fixheap_array_alloc(play->t.heap, BYTES(nr), &attr);
	if (!item->start) {
		play->nr_refused++;
		return;
	}
	*item = (struct item){ .start = item->start,
			       .nr_pages = nr,
			       .is = 1,
			       .policy = attr.policy,
			       .nodes = attr.nodes,
			       .divided = nr,
			       .weighted = attr.weights != NULL };
	if (!(attr.nodes & (attr.nodes - 1)) && attr.policy > BIND &&
	    attr.policy != PREFERRED)
		item->policy = BIND;
	for (u64 p = 0; attr.flags && p < nr; p += 100)
		assert_int_equal(item->start[BYTES(p)], 0);
	item->start[0] = item->start[BYTES(nr) - 1] = 1;
}

static void make_item(struct play *play, struct item *item)
{
	u64 what = random_below(&play->seed, 8);

	if (what == 0) {
		make_array(play, item);
		return;
	}
	item->is = what < 4 ? 2 : 3;
	item->nr_pages = 1 + random_below(&play->seed, what < 2 ? 300 : 5);
	item->start =
		what < 4 ? fixheap_pages_alloc(play->t.heap, item->nr_pages, 0,
					       NULL)
			 : fixheap_malloc(play->t.heap,
					  1 + random_below(&play->seed, 9000));
	if (!item->start)
		item->is = 0;
	else
		item->start[0] = 1;
}

static void end_item(struct play *play, struct item *item)
{
	if (item->is == 1 && random_below(&play->seed, 4))
		fixheap_array_free(play->t.heap, item->start);
	else if (item->is == 1 || item->is == 2)
		fixheap_pages_free(play->t.heap, item->start, item->nr_pages);
	if (item->is == 3)
		fixheap_free(play->t.heap, item->start);
	item->is = 0;
}

/* In place or not: larger or smaller. */
static void change_item(struct play *play, struct item *item)
{
	u64 nr = 1 + random_below(&play->seed, 2 * item->nr_pages);
	char *start;

	if (item->is != 1)
		return;
	if (random_below(&play->seed, 2)) {
		if (!fixheap_array_resize(play->t.heap, item->start, BYTES(nr)))
			item->nr_pages = nr;
		return;
	}
	start = fixheap_array_realloc(play->t.heap, item->start, BYTES(nr));
	if (!start)
		return;
	assert_int_equal(start[0], 1);
	if (start != item->start)
		item->divided = nr;
	item->start = start;
	item->nr_pages = nr;
}

static void check_all(struct play *play)
{
	for (u32 i = 0; i < NR_ITEMS; i++)
		check_item(play, &play->item[i]);
	assert_int_equal(host_sim_killed(), 0);
	nodes_verified(play->t.heap);
	heap_valid(&play->t);
}

static void step(struct play *play)
{
	struct item *item = &play->item[random_below(&play->seed, NR_ITEMS)];

	host_sim_set_cpu((u32)random_below(&play->seed, play->nr_nodes));
	if (!item->is)
		make_item(play, item);
	else if (random_below(&play->seed, 4) == 0)
		change_item(play, item);
	else
		end_item(play, item);
}

static void run_play(const char *machine, u32 nr_nodes, u64 seed)
{
	static struct play play;
	const struct node_spec spec = { .machine = machine,
					.nr_pages = BLOCKS(NR_BLOCKS) };
	struct nodes_home home;

	memset(&play, 0, sizeof(play));
	play.nr_nodes = nr_nodes;
	play.seed = seed;
	nodes_map(&play.t, &spec);
	for (u32 n = 0; n < nr_nodes; n++)
		host_sim_set_node_free(
			n, BYTES(BLOCKS(NR_BLOCKS / nr_nodes + 4 * n)));
	assert_int_equal(nodes_create(&play.t, &spec), 0);
	fixheap_destroy(play.t.heap);
	play.t.held = host_sim_held();
	assert_int_equal(nodes_create(&play.t, &spec), 0);
	nodes_home_note(&home);
	for (u32 i = 1; i <= NR_STEPS; i++) {
		struct fixheap_array_attr attr;

		step(&play);
		if (i % 500 == 0) {
			attr = pick_attr(&play);
			nodes_largest(play.t.heap, &attr);
		}
		if (i % (NR_STEPS / NR_CHECKS) == 0)
			check_all(&play);
	}
	assert_true(nr_nodes == 1 || play.nr_strict > 20);
	print_message("%s: %lu strict arrays, %lu refused, %lu moved away\n",
		      machine, (unsigned long)play.nr_strict,
		      (unsigned long)play.nr_refused,
		      (unsigned long)play.t.heap->nr_rehomed);
	for (u32 i = 0; i < NR_ITEMS; i++)
		end_item(&play, &play.item[i]);
	nodes_home_check(&home, &play.t);
	nodes_touch(play.t.base, BYTES(spec.nr_pages));
	nodes_as_told(play.t.heap, play.t.base, BYTES(spec.nr_pages));
	assert_int_equal(host_sim_killed(), 0);
	heap_end(&play.t);
}

static void test_one(void **state)
{
	(void)state;
	run_play("1x1", 1, nodes_seed("test_strict"));
}

static void test_two(void **state)
{
	(void)state;
	run_play("2x1", 2, nodes_seed("test_strict"));
}

static void test_four(void **state)
{
	(void)state;
	run_play("4x1", 4, nodes_seed("test_strict"));
}

static void test_eight(void **state)
{
	(void)state;
	run_play("8x1", 8, nodes_seed("test_strict"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_four),
		cmocka_unit_test(test_eight),
	};

	return cmocka_run_group_tests_name("strict", tests, NULL, NULL);
}
