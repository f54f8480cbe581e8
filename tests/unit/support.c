/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * support.c: heaps on the simulated host for the unit tests.
 *
 * A test that looks into one layer gets a heap whose zone has given nothing
 * out or everything; it may then take and give pages below the books.  Such a
 * heap is dropped instead of ended, as fixheap_validate would rightly complain.
 */
#include "support.h"

#include <sys/mman.h>

#include "page_alloc.h"

/*
 * What ThreadSanitizer asks a program.  Its deadlock detector ends the program
 * when a thread holds more than 64 locks, and fixheap_validate holds one for
 * each zone and one for each of its CPUs.
 */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "detect_deadlocks=0";
}

void need(bool there, const char *why)
{
	if (there)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

static void record(void *data, const struct fixheap_fault *fault)
{
	struct test_heap *t = data;

	t->nr_faults++;
	t->fault = *fault;
	snprintf(t->api, sizeof(t->api), "%s", fault->api);
	snprintf(t->what, sizeof(t->what), "%s", fault->what);
	snprintf(t->state, sizeof(t->state), "%s", fault->state);
	snprintf(t->message, sizeof(t->message), "%s", fault->message);
}

void heap_make(struct test_heap *t, const struct heap_spec *spec)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	size_t align = BYTES(8 * BLOCK_PAGES);
	uintptr_t start;

	memset(t, 0, sizeof(*t));
	need(BYTES(spec->nr_pages) <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no heap of this size");
	host_sim_reset();
	assert_int_equal(host_sim_describe(spec->machine ?: "1x1"), 0);
	t->bytes = BYTES(spec->nr_pages) + 2 * align;
	t->memory = mmap(NULL, t->bytes,
			 spec->reserved ? PROT_NONE : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(t->memory != MAP_FAILED, "there is not so much address space");
	start = round_up((uintptr_t)t->memory, align) + spec->skew;
	config.base = (void *)start;
	config.length =
		round_up(start, PAGE_BYTES) - start + BYTES(spec->nr_pages);
	need(config.length <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no heap of this size");
	config.flags = spec->flags;
	config.fault = record;
	config.fault_data = t;
	/* What the library keeps for the next heap is there after the first. */
	assert_int_equal(fixheap_create(&config, &t->heap), 0);
	fixheap_destroy(t->heap);
	t->held = host_sim_held();
	assert_int_equal(fixheap_create(&config, &t->heap), 0);
	t->zone = &t->heap->zone[0];
	t->base = (char *)round_up(start, PAGE_BYTES);
}

void heap_drop(struct test_heap *t)
{
	fixheap_destroy(t->heap);
	assert_int_equal(host_sim_held(), t->held);
	assert_int_equal(munmap(t->memory, t->bytes), 0);
}

void heap_warm_objects(void)
{
	struct test_heap t;

	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	fixheap_free(t.heap, fixheap_malloc(t.heap, 1));
	fixheap_destroy(t.heap);
	assert_int_equal(munmap(t.memory, t.bytes), 0);
}

void heap_valid(struct test_heap *t)
{
	if (fixheap_validate(t->heap))
		fail_msg("%s", host_sim_output());
}

void heap_end(struct test_heap *t)
{
	heap_valid(t);
	if (t->nr_faults)
		fail_msg("%s", t->message);
	heap_drop(t);
}

void heap_faulted(struct test_heap *t, const char *api, const char *what)
{
	assert_int_equal(t->nr_faults, 1);
	assert_string_equal(t->api, api);
	assert_string_equal(t->what, what);
	t->nr_faults = 0;
}

void heap_is_empty(struct test_heap *t)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_reclaim(t->heap);
	assert_int_equal(fixheap_stats(t->heap, &stats), 0);
	assert_int_equal(stats.used_bytes, 0);
	assert_int_equal(stats.cached_bytes, 0);
}

void zone_make(struct test_heap *t, u32 nr_blocks)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = BLOCKS(nr_blocks) });
	contig_take(t->zone, 0, BLOCKS(nr_blocks), PLACE_ARRAY);
}

void zone_give(struct test_heap *t, u32 b, u32 i, u32 nr,
	       enum placement placement)
{
	contig_give(t->zone, BLOCKS(b) + i, nr, placement, false);
}

void zone_draw(struct test_heap *t, const char *picture)
{
	for (u32 b = 0; picture[b]; b++) {
		char c = picture[b];

		if (c == '.')
			zone_give(t, b, 0, BLOCK_PAGES, PLACE_SMALL);
		if (c == '<' || c == 'x')
			zone_give(t, b, 0, 100, PLACE_SMALL);
		if (c == '>' || c == 'x')
			zone_give(t, b, BLOCK_PAGES - 100, 100, PLACE_SMALL);
		if (c == 'o')
			zone_give(t, b, 200, 100, PLACE_SMALL);
	}
}

const char *zone_spans(const struct zone *zone)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (u32 b = zone->first_block; b < zone->end_block; b++) {
		u64 i = b - zone->first_block;
		u32 blocks = maxtree_get(&zone->span_blocks, i);
		u32 pages = maxtree_get(&zone->span_pages, i);
		char name[24];

		assert_int_equal(zone->block[b].span_end,
				 blocks ? b + blocks : 0);
		if (blocks)
			assert_int_equal(zone->block[b + blocks - 1].span_first,
					 b + 1);
		if (!pages && !blocks)
			continue;
		snprintf(name, sizeof(name), blocks ? "%u-%u" : "%u|", b,
			 b + blocks);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s%s%u", len ? " " : "", name,
					blocks ? ":" : "", pages);
		assert_true(len < sizeof(text));
	}
	return text;
}

void picture_make(struct picture *picture, const struct test_heap *t)
{
	const struct fixheap *heap = t->heap;

	picture->nr_pages = heap->end_pfn;
	picture->origin = (uintptr_t)heap->origin >> PAGE_SHIFT;
	picture->free = test_calloc(heap->end_pfn, 1);
	picture_mark(picture, heap->start_pfn, heap->end_pfn - heap->start_pfn,
		     1);
}

void picture_end(struct picture *picture)
{
	test_free(picture->free);
}

void picture_mark(struct picture *picture, u64 pfn, u64 nr, int free)
{
	memset(picture->free + pfn, free, nr);
}

u64 picture_free_from(const struct picture *picture, u64 pfn)
{
	u64 end = pfn;

	while (end < picture->nr_pages && picture->free[end])
		end++;
	return end - pfn;
}

u64 picture_largest(const struct picture *picture, u64 align)
{
	u64 largest = 0;

	for (u64 pfn = 0; pfn < picture->nr_pages; pfn++) {
		u64 nr = picture_free_from(picture, pfn);
		u64 start = round_up(picture->origin + pfn, align) -
			    picture->origin;

		if (start < pfn + nr)
			largest = max_u64(largest, pfn + nr - start);
		pfn += nr;
	}
	return largest;
}

u64 random_below(u64 *seed, u64 below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed * 0x2545f4914f6cdd1dull >> 16) % below;
}
