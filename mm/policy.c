/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.c: which nodes an array's pages shall be on.
 *
 * An array that was asked for with nodes has a record, a word in a table by
 * page number, which is only touched for such arrays: so that it can grow,
 * move and be checked under the same policy.
 *
 *   bits 0-2   policy
 *   bit  3     FIXHEAP_FRESH
 *   bits 4-13  its set of nodes, in heap->nodeset
 *   bits 14-20 BIND, not at home: the node that it is bound to
 *   bits 21-53 pages that it had at first: BLOCKED divides these
 *   bit  54    there are no nodes, and no set
 *
 * Nodes are bits of heap->node, in the order of their numbers.
 *
 * Invariants
 *  1. A head has PAGE_POLICY_FLAG exactly if it has a record.
 *  2. refs of a set counts the records that name it.
 *
 * Locking: sets and records are changed under the region lock; a record belongs
 * to the owner of the array, others read it under the lock.  Cost: O(1), but
 * for a set that is not the last one that was asked for: O(NODESETS_MAX).
 */
#include "policy.h"

#include "binding.h"
#include "tag.h"

#include <errno.h>
#include <string.h>

#define SET_SHIFT 4
#define SET_MASK (NODESETS_MAX - 1)
#define FRESH_FLAG (1ull << 3)
#define TARGET_SHIFT 14
#define LENGTH_SHIFT 21
#define LENGTH_MASK 0x1ffffffffull
#define NO_SET_FLAG (1ull << 54)
#define MAX_STRIPES 1024

size_t policy_bytes(u64 nr_pages)
{
	return nr_pages * sizeof(u64);
}

static enum fixheap_policy record_policy(u64 record)
{
	return (enum fixheap_policy)(record & 7);
}

static const struct nodeset *record_set(const struct fixheap *heap, u64 record)
{
	return &heap->nodeset[record >> SET_SHIFT & SET_MASK];
}

static u32 count_nodes(u128 nodes)
{
	return (u32)__builtin_popcountll((u64)nodes) +
	       (u32)__builtin_popcountll((u64)(nodes >> 64));
}

/* --- from attributes ------------------------------------------------------ */

static u128 real_nodes(const struct fixheap *heap)
{
	u128 nodes = 0;

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		if (heap->node[n].kind == NODE_REAL)
			nodes |= (u128)1 << n;
	}
	return nodes;
}

/* The heap's bits of these nodes; *missing: some it does not have. */
static u128 find_nodes(const struct fixheap *heap, const struct nodemask *mask,
		       bool *missing)
{
	u128 nodes = 0;

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		if (heap->node[n].kind == NODE_REAL &&
		    nodemask_test(mask, heap->topo.number[heap->node[n].id]))
			nodes |= (u128)1 << n;
	}
	*missing = count_nodes(nodes) < nodemask_weight(mask);
	return nodes;
}

/* At least one node gets stripes. */
static bool weights_good(const struct run_request *req)
{
	u32 sum = 0;

	for (u32 i = 0; req->weight && i < count_nodes(req->nodes); i++)
		sum += req->weight[i];
	return !req->weight || sum;
}

/* Which nodes a policy names. */
static int parse_nodes(const struct fixheap *heap,
		       const struct fixheap_array_attr *attr,
		       struct run_request *req)
{
	struct nodemask mask = nodemask_of_bits(attr->nodes);
	bool missing;

	if (attr->nodemask)
		mask = nodemask_from(attr->nodemask);
	req->nodes = find_nodes(heap, &mask, &missing);
	if (req->policy == FIXHEAP_POLICY_INTERLEAVE ||
	    req->policy == FIXHEAP_POLICY_BLOCKED) {
		if (missing)
			return -EINVAL;
		if (!req->nodes)
			req->nodes = real_nodes(heap);
		req->weight = req->policy == FIXHEAP_POLICY_INTERLEAVE
				      ? attr->weights
				      : NULL;
	}
	if (!req->nodes || !weights_good(req))
		return -EINVAL;
	if (!(req->nodes & (req->nodes - 1)) &&
	    req->policy != FIXHEAP_POLICY_PREFERRED)
		req->policy = FIXHEAP_POLICY_BIND;
	return 0;
}

int policy_parse(const struct fixheap *heap,
		 const struct fixheap_array_attr *attr, struct run_request *req)
{
	req->policy = attr->policy;
	/* page runs are freed in parts: they are never divided unasked */
	if (attr->policy == FIXHEAP_POLICY_DEFAULT && req->kind == PAGE_ARRAY)
		req->policy = heap->policy;
	if ((int)req->policy < 0 || req->policy > FIXHEAP_POLICY_BLOCKED)
		return -EINVAL;
	if (req->policy == FIXHEAP_POLICY_DEFAULT ||
	    req->policy == FIXHEAP_POLICY_LOCAL)
		return 0;
	if (heap_is_deterministic(heap))
		return -ENOTSUP;
	return req->fresh ? -EINVAL : parse_nodes(heap, attr, req);
}

void policy_again(const struct fixheap *heap, u64 pfn, u64 page,
		  struct run_request *req)
{
	const struct nodeset *set;
	u64 record;

	req->policy = FIXHEAP_POLICY_DEFAULT;
	req->nodes = 0;
	req->weight = NULL;
	req->zero = page & PAGE_ZERO_FLAG ? FIXHEAP_ZERO : 0;
	req->tag = tag_of(heap, pfn);
	if (!(page & PAGE_POLICY_FLAG))
		return;
	record = heap->policy_of[pfn];
	req->policy = record_policy(record);
	req->fresh = record & FRESH_FLAG;
	if (record & NO_SET_FLAG)
		return;
	set = record_set(heap, record);
	req->nodes = set->nodes;
	req->weight = set->weighted ? set->weight : NULL;
}

bool policy_is_fresh(const struct fixheap *heap, u64 pfn, u64 page)
{
	return page_kind(page) == PAGE_ARRAY && page & PAGE_POLICY_FLAG &&
	       heap->policy_of[pfn] & FRESH_FLAG;
}

/* --- records -------------------------------------------------------------- */

static bool set_is(const struct nodeset *set, const struct run_request *req)
{
	if (set->nodes != req->nodes || set->weighted != (req->weight != NULL))
		return false;
	return !req->weight ||
	       !memcmp(set->weight, req->weight, count_nodes(req->nodes));
}

/* The set that the request names, or one that is not in use; NODESETS_MAX:
 * there is none. */
static u32 set_find_locked(const struct fixheap *heap,
			   const struct run_request *req)
{
	u32 idle = NODESETS_MAX;

	for (u32 i = 0; i < NODESETS_MAX; i++) {
		if (heap->nodeset[i].refs && set_is(&heap->nodeset[i], req))
			return i;
		if (!heap->nodeset[i].refs && idle == NODESETS_MAX)
			idle = i;
	}
	return idle;
}

/* The same, made if need be, and used once more. */
static u32 set_get_locked(struct fixheap *heap, const struct run_request *req)
{
	u32 idle = set_find_locked(heap, req);

	if (idle == NODESETS_MAX || heap->nodeset[idle].refs++)
		return idle;
	heap->nodeset[idle].nodes = req->nodes;
	heap->nodeset[idle].weighted = req->weight != NULL;
	if (req->weight)
		memcpy(heap->nodeset[idle].weight, req->weight,
		       count_nodes(req->nodes));
	return idle;
}

bool policy_has_set(struct fixheap *heap, const struct run_request *req)
{
	u32 set;

	if (!req->nodes)
		return true;
	spin_lock(&heap->region.lock);
	set = set_find_locked(heap, req);
	spin_unlock(&heap->region.lock);
	return set != NODESETS_MAX;
}

bool policy_note(struct fixheap *heap, const struct run *run,
		 const struct run_request *req, u32 target)
{
	u64 *page = &heap->page[run->pfn];
	u32 set = 0;

	spin_lock(&heap->region.lock);
	if (req->nodes)
		set = set_get_locked(heap, req);
	if (req->fresh)
		__atomic_store_n(&heap->any_fresh, true, __ATOMIC_RELAXED);
	if (set != NODESETS_MAX) {
		heap->policy_of[run->pfn] =
			(u64)req->policy | (req->fresh ? FRESH_FLAG : 0) |
			(req->nodes ? 0 : NO_SET_FLAG) | (u64)set << SET_SHIFT |
			(u64)target << TARGET_SHIFT |
			run->nr_pages << LENGTH_SHIFT;
		page_write(page, page_read(page) | PAGE_POLICY_FLAG);
	}
	spin_unlock(&heap->region.lock);
	return set != NODESETS_MAX;
}

void policy_drop_locked(struct fixheap *heap, u64 pfn, u64 page)
{
	u64 record = heap->policy_of[pfn];

	if (page & PAGE_POLICY_FLAG && !(record & NO_SET_FLAG))
		heap->nodeset[record >> SET_SHIFT & SET_MASK].refs--;
}

void policy_drop(struct fixheap *heap, u64 pfn, u64 page)
{
	spin_lock(&heap->region.lock);
	policy_drop_locked(heap, pfn, page);
	spin_unlock(&heap->region.lock);
}

/* --- where pages shall be ------------------------------------------------- */

/* The i-th of the nodes. */
static int nth_node(const struct fixheap *heap, u128 nodes, u32 i)
{
	while (i--)
		nodes &= nodes - 1;
	i = (u64)nodes ? (u32)__builtin_ctzll((u64)nodes)
		       : 64 + (u32)__builtin_ctzll((u64)(nodes >> 64));
	return (int)heap->node[i].id;
}

/* Where part i of k begins in an array of nr pages. */
static u64 part_start(const struct fixheap *heap, u64 nr, u32 i, u32 k)
{
	u64 at = (u64)((u128)nr * i / k);

	return i == k ? nr : round_down(at, pages_of_mapping(heap));
}

/* The part that holds page at of an array of nr pages. */
static int blocked_node(const struct fixheap *heap, u128 nodes, u64 nr, u64 at,
			u64 *end)
{
	u32 k = count_nodes(nodes), i = 0;

	at = min_u64(at, nr - 1);
	while (part_start(heap, nr, i + 1, k) <= at)
		i++;
	*end = part_start(heap, nr, i + 1, k);
	return nth_node(heap, nodes, i);
}

static int striped_node(const struct fixheap *heap,
			const struct run_request *req, u64 at, u64 *end)
{
	u64 stripe = max_u64(BLOCK_PAGES, pages_of_mapping(heap));
	u32 k = count_nodes(req->nodes), sum = 0, turn;

	while (req->nr_pages / stripe > MAX_STRIPES)
		stripe *= 2;
	for (u32 i = 0; i < k; i++)
		sum += req->weight ? req->weight[i] : 1;
	turn = (u32)(at / stripe % sum);
	*end = (at / stripe + 1) * stripe;
	for (u32 i = 0;; i++) {
		u32 weight = req->weight ? req->weight[i] : 1;

		if (turn < weight)
			return nth_node(heap, req->nodes, i);
		turn -= weight;
	}
}

int policy_plan(const struct fixheap *heap, const struct run *run,
		const struct run_request *req, u64 at, u64 *end)
{
	u64 nr = req->nr_pages;
	int node;

	if (req->fresh) {
		*end = run->pfn + run->nr_pages;
		return FIXHEAP_NODE_MIXED;
	}
	if (req->policy == FIXHEAP_POLICY_BLOCKED)
		node = blocked_node(heap, req->nodes, nr, at - run->pfn, end);
	else
		node = striped_node(heap, req, at - run->pfn, end);
	*end = min_u64(run->pfn + *end, run->pfn + run->nr_pages);
	return node;
}

int policy_node(const struct fixheap *heap, const struct run *run, u64 page,
		u64 at, u64 *end)
{
	struct run_request req = { .nr_pages = run->nr_pages };
	u64 record;
	int node;

	if (!page_is_moved(page)) {
		node = home_node(heap, at, end);
		*end = min_u64(*end, run->pfn + run->nr_pages);
		return node;
	}
	record = heap->policy_of[run->pfn];
	policy_again(heap, run->pfn, page, &req);
	req.nr_pages = record >> LENGTH_SHIFT & LENGTH_MASK;
	if (req.policy != FIXHEAP_POLICY_BIND || req.fresh)
		return policy_plan(heap, run, &req, at, end);
	*end = run->pfn + run->nr_pages;
	return (int)(record >> TARGET_SHIFT & 0x7f);
}

/* Bits of the nodes of the striped zone; 0: there is none. */
static u128 stripe_nodes(const struct fixheap *heap)
{
	u128 nodes = 0;

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		for (u32 i = 0; i < heap->nr_stripe; i++) {
			if (heap->node[n].kind == NODE_REAL &&
			    heap->node[n].id == heap->stripe[i])
				nodes |= (u128)1 << n;
		}
	}
	return nodes;
}

u128 policy_striped_place(const struct fixheap *heap)
{
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		if (heap->node[n].kind == NODE_STRIPED)
			return (u128)1 << n;
	}
	return 0;
}

u128 policy_places(const struct fixheap *heap, u128 nodes)
{
	u128 stripes = stripe_nodes(heap);

	return stripes && !(stripes & ~nodes)
		       ? nodes | policy_striped_place(heap)
		       : nodes;
}

u64 policy_limit(const struct fixheap *heap, u64 pfn, u64 page)
{
	const struct zone *zone = zone_of(heap, pfn);
	u64 record, limit = pfn;
	u128 nodes;

	if (heap_is_deterministic(heap))
		return zone->end_pfn;
	if (!(page & PAGE_POLICY_FLAG))
		return heap->end_pfn;
	record = heap->policy_of[pfn];
	if (page & PAGE_MOVED_FLAG || record & FRESH_FLAG)
		return limit;
	if (!policy_is_strict(record_policy(record)))
		return heap->end_pfn;
	if (record_policy(record) == FIXHEAP_POLICY_BLOCKED)
		return limit;
	if (record_policy(record) == FIXHEAP_POLICY_INTERLEAVE)
		return zone->end_pfn;
	nodes = policy_places(heap, record_set(heap, record)->nodes);
	for (; nodes >> zone->node & 1; zone++) {
		limit = zone->end_pfn;
		if (zone->index + 1 == heap->nr_zones)
			break;
	}
	return limit;
}

u32 policy_nr_nodes(const struct run_request *req)
{
	return count_nodes(req->nodes);
}

/* --- what zones fit ------------------------------------------------------- */

bool policy_striped(const struct fixheap *heap, const struct run_request *req)
{
	u128 nodes = stripe_nodes(heap);

	return nodes && !req->weight && nodes == req->nodes;
}

bool policy_blocked_at(const struct fixheap *heap,
		       const struct run_request *req, u32 z, struct bounds *in)
{
	u32 k = count_nodes(req->nodes);
	u64 low = 0, high = ~0ull;

	for (u32 i = 0; i < k; i++) {
		const struct zone *zone = &heap->zone[z + i];
		u64 start = part_start(heap, req->nr_pages, i, k);
		u64 end = part_start(heap, req->nr_pages, i + 1, k);

		if (start == end)
			continue;
		if (z + i >= heap->nr_zones ||
		    heap->node[zone->node].kind != NODE_REAL ||
		    (int)heap->node[zone->node].id !=
			    nth_node(heap, req->nodes, i) ||
		    zone->end_pfn < end)
			return false;
		if (zone->start_pfn > start)
			low = max_u64(low, zone->start_pfn - start);
		high = min_u64(high, zone->end_pfn - end);
	}
	in->pfn = max_u64(low, heap->start_pfn);
	in->end = high + req->nr_pages;
	return in->pfn <= high;
}

bool policy_blocked(const struct fixheap *heap, const struct run_request *req,
		    u32 *from, struct bounds *in)
{
	while (*from < heap->nr_zones) {
		if (policy_blocked_at(heap, req, (*from)++, in))
			return true;
	}
	return false;
}
