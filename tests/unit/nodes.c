/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nodes.c: heaps whose memory is bound to the nodes of the simulated machine.
 *
 * Where a page is, says the simulated kernel; where it shall be, says the test
 * or fixheap_node_of.  Nothing here looks into the heap's metadata.
 */
#include "nodes.h"

#include <sys/mman.h>
#include <time.h>

/* What the kernel has in one piece where it may. */
#define HUGE_BYTES ((uintptr_t)2 << 20)

void nodes_map(struct test_heap *t, const struct node_spec *spec)
{
	size_t align = BYTES(8 * BLOCK_PAGES);

	memset(t, 0, sizeof(*t));
	need(BYTES(spec->nr_pages) < 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no heap of this size");
	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe(spec->machine ?: "4x1"), 0);
	t->bytes = BYTES(spec->nr_pages) + 2 * align;
	t->memory = mmap(NULL, t->bytes,
			 spec->reserved ? PROT_NONE : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(t->memory != MAP_FAILED, "there is not so much address space");
	/* huge pages would be there without a touch */
	madvise(t->memory, t->bytes, MADV_NOHUGEPAGE);
	t->base = (char *)round_up((uintptr_t)t->memory, align) + spec->skew;
	t->base = (char *)round_up((uintptr_t)t->base, PAGE_BYTES);
	t->held = host_sim_held();
}

static void record(void *data, const struct fixheap_fault *fault)
{
	struct test_heap *t = data;

	t->nr_faults++;
	snprintf(t->api, sizeof(t->api), "%s", fault->api);
	snprintf(t->what, sizeof(t->what), "%s", fault->what);
	snprintf(t->message, sizeof(t->message), "%s", fault->message);
}

int nodes_create(struct test_heap *t, const struct node_spec *spec)
{
	size_t align = BYTES(8 * BLOCK_PAGES);
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	uintptr_t start = round_up((uintptr_t)t->memory, align) + spec->skew;
	int ret;

	config.base = (void *)start;
	config.length = (uintptr_t)t->base - start + BYTES(spec->nr_pages);
	config.flags = spec->flags;
	config.numa = spec->numa.size ? &spec->numa : NULL;
	config.policy = spec->policy;
	config.topology = spec->topology;
	config.fault = record;
	config.fault_data = t;
	ret = fixheap_create(&config, &t->heap);
	if (ret)
		return ret;
	t->region = &t->heap->region;
	t->zone = &t->heap->zone[0];
	return 0;
}

void nodes_make(struct test_heap *t, const struct node_spec *spec)
{
	nodes_map(t, spec);
	/* What the library keeps for heaps with so many nodes. */
	assert_int_equal(nodes_create(t, spec), 0);
	fixheap_destroy(t->heap);
	t->held = host_sim_held();
	assert_int_equal(nodes_create(t, spec), 0);
}

void nodes_make_spare(struct test_heap *t, const char *machine, u64 spare)
{
	struct node_spec spec = { .machine = machine };
	struct topology topo;

	nodes_map(t, &(struct node_spec){ .machine = machine, .nr_pages = 1 });
	assert_int_equal(host_topology(&topo), 0);
	nodes_unmap(t);
	spec.nr_pages = BLOCKS(4 * topo.nr_nodes);
	nodes_map(t, &spec);
	for (u32 n = 0; n < topo.nr_nodes; n++)
		host_sim_set_node_free(n, BYTES(BLOCKS(4 + spare)));
	/* the library keeps something for so many nodes */
	assert_int_equal(nodes_create(t, &spec), 0);
	fixheap_destroy(t->heap);
	t->held = host_sim_held();
	assert_int_equal(nodes_create(t, &spec), 0);
}

void nodes_check_away(struct test_heap *t, char *array, u64 nr)
{
	nodes_touch(array, BYTES(nr));
	assert_int_equal(nodes_as_told(t->heap, array, BYTES(nr)), BYTES(nr));
	assert_int_equal(host_sim_killed(), 0);
	nodes_verified(t->heap);
	heap_valid(t);
}

void nodes_refused(struct test_heap *t, const struct node_spec *spec, int ret)
{
	u64 held = host_sim_held();
	u64 resident = host_sim_resident(t->memory, t->bytes);
	int got = nodes_create(t, spec);

	if (got != ret)
		fail_msg("fixheap_create: %d, not %d", got, ret);
	assert_int_equal(host_sim_held(), held);
	assert_int_equal(host_sim_resident(t->memory, t->bytes), resident);
	nodes_unbound(t);
}

void nodes_result(struct test_heap *t, const struct node_spec *spec, int ret,
		  const char *zones)
{
	if (ret) {
		nodes_refused(t, spec, ret);
		return;
	}
	assert_int_equal(nodes_create(t, spec), 0);
	assert_string_equal(nodes_zones(t->heap), zones);
	fixheap_destroy(t->heap);
}

void nodes_unbound(const struct test_heap *t)
{
	const char *start = t->memory;

	for (size_t at = 0; at < t->bytes; at += BYTES(BLOCK_PAGES / 2)) {
		enum host_policy policy;
		struct nodemask nodes;

		if (!host_policy_of(start + at, &policy, &nodes))
			assert_int_equal(policy, HOST_POLICY_LOCAL);
	}
}

void nodes_unmap(struct test_heap *t)
{
	assert_int_equal(munmap(t->memory, t->bytes), 0);
}

/*
 * As if each page were touched alone, and mincore sees no difference.  But
 * the faults are most of the time of the tests of nodes, and the kernel has a
 * huge page ready in a third of the time that it takes for its 512 pages.
 */
void nodes_touch(void *start, size_t bytes)
{
	uintptr_t whole = round_up((uintptr_t)start, HUGE_BYTES);
	uintptr_t end = round_down((uintptr_t)start + bytes, HUGE_BYTES);
	char *byte = start;

	if (whole < end)
		madvise((void *)whole, end - whole, MADV_HUGEPAGE);
	for (size_t i = 0; i < bytes; i += PAGE_BYTES)
		byte[i] = 1;
	if (whole < end)
		madvise((void *)whole, end - whole, MADV_NOHUGEPAGE);
	host_sim_settle(start, bytes);
}

void nodes_on(const void *start, size_t bytes, u32 node)
{
	u64 there = host_sim_on_node(start, bytes, node);

	bytes = round_up(bytes, PAGE_BYTES);
	if (there != bytes)
		fail_msg("%zu pages from %p: %zu of them on node %u",
			 bytes / PAGE_BYTES, start, (size_t)there / PAGE_BYTES,
			 node);
}

size_t nodes_as_told(struct fixheap *heap, const void *start, size_t bytes)
{
	const char *page = start, *end = page + bytes, *next;
	size_t present = 0;

	for (; page < end; page = next) {
		int node = fixheap_node_of(heap, page);
		u64 resident, right;

		next = page + PAGE_BYTES;
		while (next < end && fixheap_node_of(heap, next) == node)
			next += PAGE_BYTES;
		resident = host_sim_touched(page, (size_t)(next - page));
		present += resident;
		if (node < 0)
			continue;
		right = host_sim_on_node(page, (size_t)(next - page),
					 (u32)node);
		if (right != resident)
			fail_msg("%zu pages from page %zu on: %zu touched, "
				 "%zu of them on node %d",
				 (size_t)(next - page) / PAGE_BYTES,
				 (size_t)addr_to_pfn(heap, page),
				 (size_t)resident / PAGE_BYTES,
				 (size_t)right / PAGE_BYTES, node);
	}
	return present;
}

void nodes_verified(struct fixheap *heap)
{
	struct fixheap_verification v = { .size = sizeof(v) };

	assert_int_equal(fixheap_verify_placement(heap, NULL, 0, &v), 0);
	assert_int_equal(v.right_bytes, v.present_bytes);
}

void *nodes_array(struct fixheap *heap, size_t bytes,
		  enum fixheap_policy policy, u64 nodes)
{
	struct fixheap_array_attr attr = ATTR(.policy = policy, .nodes = nodes);

	return fixheap_array_alloc(heap, bytes, &attr);
}

void nodes_largest(struct fixheap *heap, const struct fixheap_array_attr *attr)
{
	struct fixheap_array_attr wish = FIXHEAP_ARRAY_ATTR_INIT;
	size_t bytes = fixheap_largest_free(heap, attr);
	void *array;

	errno = 0;
	array = fixheap_array_alloc(heap, bytes + 1, attr);
	if (array)
		fail_msg("%zu pages are the largest, but there are more",
			 bytes / PAGE_BYTES);
	assert_int_equal(errno, ENOMEM);
	assert_false(fixheap_will_fit(heap, bytes + 1, attr));
	if (!bytes)
		return;
	assert_true(fixheap_will_fit(heap, bytes, attr));
	array = fixheap_array_alloc(heap, bytes, attr);
	if (!array)
		fail_msg("%zu pages are the largest, but refused",
			 bytes / PAGE_BYTES);
	fixheap_array_free(heap, array);
	/* the same in two steps */
	wish = attr ? *attr : wish;
	wish.ticket = fixheap_reserve(heap, bytes, attr);
	assert_true(wish.ticket);
	array = fixheap_array_alloc(heap, bytes, &wish);
	assert_non_null(array);
	fixheap_array_free(heap, array);
}

struct text {
	char *at, *end;
	const char *origin;
};

static int tell_zone(void *data, const struct fixheap_zone *zone)
{
	struct text *text = data;
	size_t first =
		((const char *)zone->start - text->origin) / BYTES(BLOCK_PAGES);
	size_t end = ((const char *)zone->start + zone->bytes - text->origin +
		      BYTES(BLOCK_PAGES) - 1) /
		     BYTES(BLOCK_PAGES);
	char node[16];

	assert_int_equal(zone->size, sizeof(*zone));
	snprintf(node, sizeof(node), "%d", zone->node);
	if (zone->node < 0)
		strcpy(node, zone->node == FIXHEAP_NODE_STRIPED ? "S" : "M");
	text->at += snprintf(text->at, (size_t)(text->end - text->at),
			     "%s:%zu-%zu ", node, first, end);
	assert_true(text->at < text->end);
	return 0;
}

const char *nodes_zones(struct fixheap *heap)
{
	static char buffer[8192];
	struct text text = { buffer, buffer + sizeof(buffer), heap->origin };

	assert_int_equal(fixheap_zones(heap, tell_zone, &text), 0);
	text.at[-1] = '\0';
	return buffer;
}

u64 nodes_seed(const char *test)
{
	const char *given = getenv("SEED");
	u64 seed = given ? strtoull(given, NULL, 0) : (u64)time(NULL);

	print_message("%s: seed %llu; again: SEED=%llu %s\n", test,
		      (unsigned long long)seed, (unsigned long long)seed, test);
	return seed * 0x9e3779b97f4a7c15ull | 1;
}

void nodes_home_note(struct nodes_home *home)
{
	home->policies = host_sim_policies();
	home->held = host_sim_held();
}

void nodes_home_check(const struct nodes_home *home, struct test_heap *t)
{
	const struct fixheap *heap = t->heap;

	heap_is_empty(t);
	assert_int_equal(host_sim_policies(), home->policies);
	assert_int_equal(heap->rehomed_pages, 0);
	for (u32 id = 0; id < NODES_MAX; id++)
		assert_int_equal(heap->beyond[id], 0);
	for (u32 b = heap->region.first_block; b < heap->region.end_block; b++)
		assert_int_equal(heap->region.block[b].nr_moved, 0);
	for (u32 i = 0; i < NODESETS_MAX; i++)
		assert_int_equal(heap->nodeset[i].refs, 0);
}
