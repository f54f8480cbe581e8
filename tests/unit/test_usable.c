/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_usable.c: mm/usable.c, which nodes a heap uses, and what fixheap_create
 * says of those that it cannot.  The order of fallback is in test_order.c.
 */
#include "nodes.h"

#define MASK(...)                       \
	{                               \
		.bits = { __VA_ARGS__ } \
	}
#define SIZE .size = sizeof(struct fixheap_numa)
#define NONE FIXHEAP_BINDING_NONE
#define STRICT FIXHEAP_BINDING_STRICT

static const unsigned one_three[] = { 1, 3 };
static const unsigned zeros[] = { 0, 0, 0, 0 };

/* A mask given, refused, refused with FIXHEAP_SHRINK, and the zones then. */
static const struct {
	const char *machine;
	struct fixheap_numa numa;
	u64 allowed; /* cpuset; 0: all */
	int ret, shrunk;
	const char *zones;
} refusals[] = {
	{ "4x1", { .size = 8 }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1", { SIZE, .binding = 4 }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1", { SIZE, .binding = ~0u }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1", { SIZE, .stripe_percent = 101 }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1", { SIZE, .nr_fallback = 1 }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1",
	  { SIZE, .fallback = (const unsigned[]){ 1, 0, 1 }, .nr_fallback = 3 },
	  0,
	  -EINVAL,
	  -EINVAL,
	  NULL },
	{ "4x1",
	  { SIZE, .fallback = (const unsigned[]){ 1024 }, .nr_fallback = 1 },
	  0,
	  -EINVAL,
	  -EINVAL,
	  NULL },
	{ "4x1", { SIZE, .small_reserve = 1001 }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1", { SIZE, .local_reserve = 1001 }, 0, -EINVAL, -EINVAL, NULL },
	{ "4x1",
	  { SIZE, .small_reserve = 600, .local_reserve = 401 },
	  0,
	  -EINVAL,
	  -EINVAL,
	  NULL },
	{ "4x1",
	  { SIZE, .local_reserve = ~0u, .small_reserve = 2 },
	  0,
	  -EINVAL,
	  -EINVAL,
	  NULL },
	{ "4x1", { SIZE, .share = one_three }, 0, -EINVAL, -EINVAL, NULL },
	/* nodes that are not there or have no memory */
	{ "4x1", { SIZE, .nodes = MASK(0x11) }, 0, -ENODEV, 0, "0:0-16" },
	{ "4x1", { SIZE, .nodes = MASK(0x10) }, 0, -ENODEV, -ENODEV, NULL },
	{ "4x1", { SIZE, .nodes = MASK(0, 1) }, 0, -ENODEV, -ENODEV, NULL },
	{ "4x1",
	  { SIZE, .nodes = MASK(2, [15] = 1ull << 63) },
	  0,
	  -ENODEV,
	  0,
	  "1:0-16" },
	{ "3x1:1G,0,1G", { SIZE, .nodes = MASK(3) }, 0, -ENODEV, 0, "0:0-16" },
	{ "4x1",
	  { SIZE, .share = zeros, .nr_share = 4 },
	  0,
	  -ENODEV,
	  -ENODEV,
	  NULL },
	{ "4x1",
	  { SIZE, .nodes = MASK(8), .share = one_three, .nr_share = 2 },
	  0,
	  -ENODEV,
	  -ENODEV,
	  NULL },
	/* stripes over what is not used */
	{ "4x1",
	  { SIZE, .nodes = MASK(3), .stripe_percent = 50,
	    .stripe_nodes = MASK(6) },
	  0,
	  -ENODEV,
	  -ENODEV,
	  NULL },
	{ "4x1",
	  { SIZE, .stripe_percent = 50, .stripe_nodes = MASK(0, 4) },
	  0,
	  -ENODEV,
	  -ENODEV,
	  NULL },
	/* outside of the cpuset */
	{ "4x1", { SIZE, .nodes = MASK(3) }, 1, -EACCES, 0, "0:0-16" },
	{ "4x1", { SIZE, .nodes = MASK(2) }, 1, -EACCES, -ENODEV, NULL },
	{ "4x1", { SIZE }, 5, 0, 0, "0:0-8 2:8-16" },
	{ "4x1", { SIZE, .binding = STRICT }, 8, 0, 0, "3:0-16" },
	/* who is not asked does not mind */
	{ "4x1",
	  { SIZE, .binding = NONE, .nodes = MASK(3) },
	  1,
	  0,
	  0,
	  "0:0-8 1:8-16" },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct node_spec spec = { .machine = refusals[i].machine,
					  .nr_pages = BLOCKS(16),
					  .numa = refusals[i].numa };
		struct nodemask nodes = nodemask_of_bits(refusals[i].allowed);
		struct test_heap t;

		nodes_map(&t, &spec);
		if (refusals[i].allowed)
			host_sim_set_allowed(&nodes);
		nodes_result(&t, &spec, refusals[i].ret, refusals[i].zones);
		spec.flags = FIXHEAP_SHRINK;
		nodes_result(&t, &spec, refusals[i].shrunk, refusals[i].zones);
		nodes_unmap(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("usable", tests, NULL, NULL);
}
