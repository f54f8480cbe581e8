/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_policy.c: mm/policy.c, which nodes an array's pages shall be on: what
 * attributes mean, and what is remembered of an array.
 */
#include "nodes.h"

#include "policy.h"

#define SIZE .size = sizeof(struct fixheap_numa)
#define DEFAULT FIXHEAP_POLICY_DEFAULT
#define LOCAL FIXHEAP_POLICY_LOCAL
#define BIND FIXHEAP_POLICY_BIND
#define PREFERRED FIXHEAP_POLICY_PREFERRED
#define INTERLEAVE FIXHEAP_POLICY_INTERLEAVE
#define BLOCKED FIXHEAP_POLICY_BLOCKED

static const struct fixheap_nodemask mask_two = { { 2 } };
static const struct fixheap_nodemask mask_far = { { 2, 1 } };
static const struct fixheap_nodemask mask_last = { { 0, [15] = 1ull << 63 } };
static const unsigned char no_weights[64] = { 0 };
static const unsigned char weights[64] = { 1, 0, 3 };

#define A(...)                                                         \
	{                                                              \
		.size = sizeof(struct fixheap_array_attr), __VA_ARGS__ \
	}

/* An attribute, and what a request gets of it: bits of heap->node. */
static const struct {
	const char *machine;
	enum fixheap_policy heap_policy;
	struct fixheap_array_attr attr;
	int ret;
	enum fixheap_policy policy;
	u64 nodes;
} parses[] = {
	{ "4x1", DEFAULT, A(.policy = DEFAULT), 0, DEFAULT, 0 },
	{ "4x1", LOCAL, A(.policy = DEFAULT), 0, LOCAL, 0 },
	{ "4x1", DEFAULT, A(.policy = LOCAL, .nodes = 99), 0, LOCAL, 0 },
	{ "4x1", DEFAULT, A(.policy = BIND, .nodes = 6), 0, BIND, 6 },
	{ "4x1", DEFAULT, A(.policy = BIND, .nodes = 1ull << 63 | 1), 0, BIND,
	  1 },
	{ "64x1", DEFAULT, A(.policy = BIND, .nodes = 1ull << 63), 0, BIND,
	  1ull << 63 },
	{ "4x1", DEFAULT, A(.policy = BIND), -EINVAL, 0, 0 },
	{ "4x1", DEFAULT, A(.policy = BIND, .nodes = 16), -EINVAL, 0, 0 },
	{ "4x1", DEFAULT, A(.policy = PREFERRED, .nodes = 1), 0, PREFERRED, 1 },
	{ "4x1", DEFAULT, A(.policy = PREFERRED, .nodes = 16), -EINVAL, 0, 0 },
	/* the long mask, and then only that */
	{ "4x1", DEFAULT, A(.policy = BIND, .nodes = 1, .nodemask = &mask_two),
	  0, BIND, 2 },
	{ "4x1", DEFAULT, A(.policy = BIND, .nodemask = &mask_far), 0, BIND,
	  2 },
	{ "4x1", DEFAULT, A(.policy = BIND, .nodemask = &mask_last), -EINVAL, 0,
	  0 },
	/* bits of the heap's nodes, not of the machine's */
	{ "4x1:0,1G,0,1G", DEFAULT, A(.policy = BIND, .nodes = 8), 0, BIND, 2 },
	{ "4x1:0,1G,0,1G", DEFAULT, A(.policy = BIND, .nodes = 5), -EINVAL, 0,
	  0 },
	/* over all of them, or those given, of which none may be missing */
	{ "4x1", DEFAULT, A(.policy = BLOCKED), 0, BLOCKED, 15 },
	{ "4x1", DEFAULT, A(.policy = INTERLEAVE), 0, INTERLEAVE, 15 },
	{ "4x1", DEFAULT, A(.policy = BLOCKED, .nodes = 10), 0, BLOCKED, 10 },
	{ "4x1", DEFAULT, A(.policy = BLOCKED, .nodes = 18), -EINVAL, 0, 0 },
	{ "4x1", DEFAULT, A(.policy = INTERLEAVE, .nodemask = &mask_far),
	  -EINVAL, 0, 0 },
	{ "4x1:0,1G,0,1G", DEFAULT, A(.policy = INTERLEAVE), 0, INTERLEAVE, 3 },
	/* one node: bound to it */
	{ "4x1", DEFAULT, A(.policy = BLOCKED, .nodes = 4), 0, BIND, 4 },
	{ "4x1", DEFAULT, A(.policy = INTERLEAVE, .nodes = 4), 0, BIND, 4 },
	{ "1x1", DEFAULT, A(.policy = INTERLEAVE), 0, BIND, 1 },
	/* what the heap was made with */
	{ "4x1", BLOCKED, A(.policy = DEFAULT), 0, BLOCKED, 15 },
	{ "4x1", BLOCKED, A(.policy = DEFAULT, .nodes = 3), 0, BLOCKED, 3 },
	{ "4x1", BLOCKED, A(.policy = LOCAL), 0, LOCAL, 0 },
	/* weights */
	{ "4x1", DEFAULT, A(.policy = INTERLEAVE, .weights = weights), 0,
	  INTERLEAVE, 15 },
	{ "4x1", DEFAULT, A(.policy = INTERLEAVE, .weights = no_weights),
	  -EINVAL, 0, 0 },
	{ "4x1", DEFAULT, A(.policy = BLOCKED, .weights = no_weights), 0,
	  BLOCKED, 15 },
	/* who touches decides: not with nodes */
	{ "4x1", DEFAULT, A(.flags = FIXHEAP_FRESH), 0, DEFAULT, 0 },
	{ "4x1", DEFAULT, A(.policy = LOCAL, .flags = FIXHEAP_FRESH), 0, LOCAL,
	  0 },
	{ "4x1", DEFAULT, A(.policy = BIND, .nodes = 1, .flags = FIXHEAP_FRESH),
	  -EINVAL, 0, 0 },
	{ "4x1", DEFAULT, A(.policy = 6), -EINVAL, 0, 0 },
	{ "4x1", DEFAULT, A(.policy = ~0u), -EINVAL, 0, 0 },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parses); i++) {
		const struct node_spec spec = { .machine = parses[i].machine,
						.nr_pages = BLOCKS(64),
						.policy =
							parses[i].heap_policy };
		struct run_request req = { .kind = PAGE_ARRAY };
		struct test_heap t;

		nodes_make(&t, &spec);
		assert_int_equal(heap_attr(t.heap, &parses[i].attr, &req),
				 parses[i].ret);
		if (!parses[i].ret) {
			assert_int_equal(req.policy, parses[i].policy);
			assert_int_equal(req.nodes, parses[i].nodes);
		}
		heap_end(&t);
	}
}

/* ---- the plan of an array ------------------------------------------------ */

/* Pages [pfn, pfn + nr) of a machine with 4 nodes: which node has which part,
 * "0:100 1:100 ...", in pages. */
static const char *plan_text(const struct fixheap *heap,
			     const struct run_request *req)
{
	static char text[4096];
	const struct run run = { 700, req->nr_pages };
	u64 at = run.pfn, end, inner;
	size_t len = 0;

	text[0] = '\0';
	while (at < run.pfn + run.nr_pages) {
		int node = policy_plan(heap, &run, req, at, &end);

		assert_true(end > at);
		/* the same from within */
		assert_int_equal(policy_plan(heap, &run, req, end - 1, &inner),
				 node);
		assert_int_equal(inner, end);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%d:%lu", len ? " " : "", node,
					(unsigned long)(end - at));
		at = end;
	}
	assert_int_equal(at, run.pfn + run.nr_pages);
	return text;
}

static void test_plan(void **state)
{
	static const unsigned char one_two[] = { 1, 2 };
	static const unsigned char none_one[] = { 0, 1 };
	static const struct {
		enum fixheap_policy policy;
		u64 nodes, nr_pages;
		const unsigned char *weight;
		size_t mapping; /* pages */
		const char *text;
	} table[] = {
		{ BLOCKED, 15, 400, NULL, 1, "0:100 1:100 2:100 3:100" },
		{ BLOCKED, 15, 401, NULL, 1, "0:100 1:100 2:100 3:101" },
		{ BLOCKED, 15, 403, NULL, 1, "0:100 1:101 2:101 3:101" },
		{ BLOCKED, 10, 7, NULL, 1, "1:3 3:4" },
		{ BLOCKED, 15, 1, NULL, 1, "3:1" },
		{ BLOCKED, 15, 2, NULL, 1, "1:1 3:1" },
		{ BLOCKED, 15, 2048, NULL, 512, "0:512 1:512 2:512 3:512" },
		{ BLOCKED, 7, 2048, NULL, 512, "0:512 1:512 2:1024" },
		{ INTERLEAVE, 3, 2000, NULL, 1, "0:512 1:512 0:512 1:464" },
		{ INTERLEAVE, 3, 512, NULL, 1, "0:512" },
		{ INTERLEAVE, 12, 513, NULL, 1, "2:512 3:1" },
		{ INTERLEAVE, 3, 4096, NULL, 1024,
		  "0:1024 1:1024 0:1024 1:1024" },
		{ INTERLEAVE, 3, 2048, one_two, 1, "0:512 1:512 1:512 0:512" },
		{ INTERLEAVE, 3, 1024, none_one, 1, "1:512 1:512" },
		{ INTERLEAVE, 5, 1, none_one, 1, "2:1" },
	};
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .nr_pages = table[i].nr_pages,
						 .policy = table[i].policy,
						 .nodes = table[i].nodes,
						 .weight = table[i].weight };

		t.heap->mapping_page = BYTES(table[i].mapping);
		assert_string_equal(plan_text(t.heap, &req), table[i].text);
	}
	t.heap->mapping_page = PAGE_BYTES;
	heap_end(&t);
}

/* Stripes of huge arrays are larger, so that there are at most 1,024. */
static void test_plan_huge(void **state)
{
	static const struct {
		u64 nr_blocks, stripe;
	} table[] = {
		{ 1024, 1 },
		{ 1025, 2 },
		{ 2050, 4 },
		{ 1 << 20, 1024 },
	};
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .nr_pages = BLOCKS(
							 table[i].nr_blocks),
						 .policy = INTERLEAVE,
						 .nodes = 3 };
		const struct run run = { 5, req.nr_pages };
		u64 end;

		assert_int_equal(policy_plan(t.heap, &run, &req, 5, &end), 0);
		assert_int_equal(end, 5 + BLOCKS(table[i].stripe));
		assert_int_equal(policy_plan(t.heap, &run, &req, end, &end), 1);
	}
	heap_end(&t);
}

/* ---- sets of nodes ------------------------------------------------------- */

/* Each set once, however many arrays name it; the 1,025th is refused, and so
 * is only that. */
static void test_sets(void **state)
{
	static void *array[NODESETS_MAX + 8];
	struct nodes_home home;
	struct test_heap t;
	u32 nr = 0;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = "64x1",
					    .nr_pages = BLOCKS(128) });
	nodes_home_note(&home);
	for (; nr < NODESETS_MAX; nr++) {
		array[nr] = nodes_array(t.heap, 1, PREFERRED, nr + 1);
		assert_non_null(array[nr]);
	}
	errno = 0;
	assert_null(nodes_array(t.heap, 1, PREFERRED, nr + 1));
	assert_int_equal(errno, ENOMEM);
	assert_null(nodes_array(t.heap, 1, BIND, 1ull << 63));
	assert_int_equal(t.heap->used, NODESETS_MAX);
	heap_valid(&t);
	/* those that are known, and those that need none */
	for (u32 i = 0; i < 7; i++)
		array[nr++] = nodes_array(t.heap, 1, PREFERRED, i + 1);
	array[nr++] = fixheap_array_alloc(t.heap, 1, NULL);
	for (u32 i = 0; i < nr; i++) {
		assert_non_null(array[i]);
		fixheap_array_free(t.heap, array[i]);
	}
	array[0] = nodes_array(t.heap, 1, PREFERRED, 1ull << 63);
	assert_non_null(array[0]);
	fixheap_array_free(t.heap, array[0]);
	nodes_home_check(&home, &t);
	heap_end(&t);
}

/* Weights are part of a set. */
static void test_again(void **state)
{
	static const unsigned char one_two[] = { 1, 2 }, two_one[] = { 2, 1 };
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		const unsigned char *weights;
		unsigned flags;
	} table[] = {
		{ BIND, 2, NULL, 0 },
		{ BIND, 6, NULL, FIXHEAP_ZERO },
		{ PREFERRED, 6, NULL, 0 },
		{ BLOCKED, 6, NULL, FIXHEAP_ZERO },
		{ INTERLEAVE, 6, NULL, 0 },
		{ INTERLEAVE, 6, one_two, 0 },
		{ INTERLEAVE, 6, two_one, FIXHEAP_ZERO },
		{ LOCAL, 0, NULL, FIXHEAP_FRESH },
		{ LOCAL, 0, NULL, FIXHEAP_ZERO },
	};
	struct test_heap t;
	void *array[ARRAY_LEN(table)];
	u32 sets = 0;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(64) });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct fixheap_array_attr attr =
			ATTR(.policy = table[i].policy, .nodes = table[i].nodes,
			     .weights = table[i].weights,
			     .flags = table[i].flags);

		array[i] = fixheap_array_alloc(t.heap, BYTES(100), &attr);
		assert_non_null(array[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 pfn = addr_to_pfn(t.heap, array[i]);
		struct run_request req = { .nr_pages = 1 };

		policy_again(t.heap, pfn, page_read(&t.heap->page[pfn]), &req);
		assert_int_equal(req.policy, table[i].policy);
		assert_int_equal(req.nodes, table[i].nodes);
		assert_int_equal(req.fresh, table[i].flags == FIXHEAP_FRESH);
		assert_int_equal(req.zero, table[i].flags == FIXHEAP_ZERO);
		assert_int_equal(!req.weight, !table[i].weights);
		for (u32 n = 0; table[i].weights && n < 2; n++)
			assert_int_equal(req.weight[n], table[i].weights[n]);
	}
	for (u32 i = 0; i < NODESETS_MAX; i++)
		sets += t.heap->nodeset[i].refs != 0;
	assert_int_equal(sets, 4); /* 2, 6, two with weights */
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		fixheap_array_free(t.heap, array[i]);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	  cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_huge), cmocka_unit_test(test_sets),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
