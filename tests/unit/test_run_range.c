/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_run_range.c: mm/run_range.c, any range of pages is freed, whatever
 * calls produced it: runs before, a range, runs after, as text.
 *
 * "R10+5 E20+3" is a run of RAW pages 10 to 14 and EXTENT pages 20 to 22.
 */
#include "support.h"

#include "runmap.h"

static const char letters[] = " EDAR"; /* by kind */

static void place(struct test_heap *t, char letter, struct run run)
{
	enum page_kind kind =
		(enum page_kind)(strchr(letters, letter) - letters);

	region_take_locked(t->region, &run, PLACE_MEDIUM);
	runmap_set(t->region, &run,
		   page_make(kind, PLACE_MEDIUM,
			     zone_of(t->heap, run.pfn)->node));
}

static void furnish(struct test_heap *t, const char *runs)
{
	struct run run;
	char letter;
	int n;

	for (; sscanf(runs, " %c%lu+%lu%n", &letter, &run.pfn, &run.nr_pages,
		      &n) == 3;
	     runs += n)
		place(t, letter, run);
	heap_valid(t);
}

/* All runs as text; pages of EXTENTs that follow each other as one. */
static const char *runs_of(struct test_heap *t)
{
	static char text[512];
	size_t len = 0;
	u64 pfn = 0, nr, page, next;

	text[0] = '\0';
	for (; pfn < t->heap->end_pfn; pfn += nr) {
		page = page_read(&t->heap->page[pfn]);
		nr = page_len(page) ?: 1;
		next = page;
		while (page_kind(page) == PAGE_EXTENT &&
		       page_kind(next) == PAGE_EXTENT)
			next = page_read(&t->heap->page[pfn + nr++]);
		nr -= page_kind(page) == PAGE_EXTENT && nr > 1;
		if (page)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%c%lu+%lu", len ? " " : "",
						letters[page_kind(page)],
						(unsigned long)pfn,
						(unsigned long)nr);
	}
	return text;
}

#define GONE "double free, or never allocated"
#define OTHER "memory of another kind"
#define PARTLY "part of the range is free, or of another kind"

struct row {
	const char *before;
	u64 pfn, nr;
	const char *what, *after;
};

static void check(const char *machine, const struct row *row)
{
	struct run run = { row->pfn, row->nr };
	const char *what;
	struct test_heap t;
	u64 used, nr_frees = 0;

	heap_make(&t, &(struct heap_spec){ .machine = machine,
					   .nr_pages = BLOCKS(8) });
	furnish(&t, row->before);
	used = t.heap->used;
	what = run_free_range(t.heap, &run,
			      row->before[0] == 'E' ? PAGE_EXTENT : PAGE_RAW);
	if (row->what) {
		assert_non_null(what);
		assert_string_equal(what, row->what);
		assert_string_equal(runs_of(&t), row->before);
	} else {
		assert_null(what);
		assert_string_equal(runs_of(&t), row->after);
		used -= row->nr;
		nr_frees++;
	}
	/* in one go, however many runs and zones they were */
	if (IS_ENABLED(CONFIG_VMSTAT))
		assert_int_equal(t.region->nr_frees, nr_frees);
	assert_int_equal(t.heap->used, used);
	heap_end(&t);
}

static void test_one_zone(void **state)
{
	static const struct row table[] = {
		/* all of a run, and parts of it */
		{ "R10+5", 10, 5, NULL, "" },
		{ "R10+5", 10, 1, NULL, "R11+4" },
		{ "R10+5", 14, 1, NULL, "R10+4" },
		{ "R10+5", 12, 1, NULL, "R10+2 R13+2" },
		{ "R10+5", 11, 3, NULL, "R10+1 R14+1" },
		{ "R0+4096", 1000, 2000, NULL, "R0+1000 R3000+1096" },
		{ "R0+4096", 0, 4096, NULL, "" },
		{ "R500+100", 512, 1, NULL, "R500+12 R513+87" },
		{ "R500+1100", 511, 1025, NULL, "R500+11 R1536+64" },
		/* several runs at once */
		{ "R10+5 R15+5", 10, 10, NULL, "" },
		{ "R10+5 R15+5", 12, 6, NULL, "R10+2 R18+2" },
		{ "R10+5 R15+5 R20+600", 14, 506, NULL, "R10+4 R520+100" },
		{ "R1+1 R2+1 R3+1 R4+1", 2, 2, NULL, "R1+1 R4+1" },
		/* slabs, page by page */
		{ "E10+7", 10, 7, NULL, "" },
		{ "E10+7", 12, 2, NULL, "E10+2 E14+3" },
		{ "E508+8", 511, 2, NULL, "E508+3 E513+3" },
		/* nothing is freed of a range that is partly free */
		{ "R10+5 R16+5", 10, 11, PARTLY, NULL },
		{ "R10+5", 10, 6, PARTLY, NULL },
		{ "R10+5", 9, 6, GONE, NULL },
		{ "R10+5", 15, 1, GONE, NULL },
		{ "R10+5", 3000, 900, GONE, NULL },
		{ "R500+100 R601+100", 550, 100, PARTLY, NULL },
		/* or of another kind */
		{ "R10+5 A15+5", 10, 10, PARTLY, NULL },
		{ "R10+5 E15+5 R20+1", 12, 9, PARTLY, NULL },
		{ "R10+5 A15+5", 15, 5, OTHER, NULL },
		{ "R10+5 D15+5", 17, 1, OTHER, NULL },
		{ "E10+5 R15+5", 14, 2, PARTLY, NULL },
		{ "E10+5 R15+5", 16, 2, OTHER, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check("1x1", &table[i]);
}

/* Four zones of two blocks: borders at 1024, 2048, 3072. */
static void test_zones(void **state)
{
	static const struct row table[] = {
		{ "R1000+24 R1024+100", 1000, 124, NULL, "" },
		{ "R1000+24 R1024+100", 1010, 20, NULL, "R1000+10 R1030+94" },
		{ "R0+1024 R1024+1024 R2048+1024 R3072+1024", 0, 4096, NULL,
		  "" },
		{ "R0+1024 R1024+1024 R2048+1024 R3072+1024", 1023, 2050, NULL,
		  "R0+1023 R3073+1023" },
		{ "E1020+4 E1024+6", 1022, 4, NULL, "E1020+2 E1026+4" },
		/* runs that lie over a border, or over all of them */
		{ "R1000+124", 1000, 124, NULL, "" },
		{ "R1000+124", 1000, 24, NULL, "R1024+100" },
		{ "R1000+124", 1024, 100, NULL, "R1000+24" },
		{ "R1000+124", 1010, 20, NULL, "R1000+10 R1030+94" },
		{ "R0+4096", 1024, 2048, NULL, "R0+1024 R3072+1024" },
		{ "R0+4096", 1023, 2050, NULL, "R0+1023 R3073+1023" },
		{ "R100+1500 R1600+1000 R2600+1000", 1500, 1200, NULL,
		  "R100+1400 R2700+900" },
		/* nothing is freed, in whichever zone the gap is */
		{ "R1000+24 R1025+100", 1000, 125, PARTLY, NULL },
		{ "R1000+23 R1024+100", 1000, 124, PARTLY, NULL },
		{ "R0+1024 R1024+1000 R2048+1024", 0, 3072, PARTLY, NULL },
		{ "R0+1024 A1024+1024 R2048+1024", 0, 3072, PARTLY, NULL },
		{ "R0+3000 R3001+1000", 0, 4001, PARTLY, NULL },
		{ "R500+3000", 500, 3001, PARTLY, NULL },
		{ "R500+3000 A3500+1", 500, 3001, PARTLY, NULL },
		{ "R1000+24", 1024, 100, GONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check("4x1", &table[i]);
}

/* Random runs and ranges, compared with an owner for each page. */
static void test_random(void **state)
{
	static unsigned char used[4096];
	struct test_heap t;
	u64 seed = 8;

	(void)state;
	heap_make(&t,
		  &(struct heap_spec){ .machine = "2x1", .nr_pages = 4096 });
	memset(used, 0, sizeof(used));
	for (u32 n = 0; n < 4000; n++) {
		u64 pfn = random_below(&seed, 4096);
		u64 nr = 1 + random_below(&seed, n % 5 ? 50 : 1500);
		u64 free = 0, taken = 0;
		struct run run = { pfn, min_u64(nr, 4096 - pfn) };

		while (pfn + free < 4096 && !used[pfn + free])
			free++;
		if (free && n % 2) {
			run.nr_pages = min_u64(nr, free);
			place(&t, 'R', run);
			memset(used + pfn, 1, run.nr_pages);
			continue;
		}
		while (taken < run.nr_pages && used[pfn + taken])
			taken++;
		assert_int_equal(!run_free_range(t.heap, &run, PAGE_RAW),
				 taken == run.nr_pages);
		if (taken == run.nr_pages)
			memset(used + pfn, 0, taken);
		if (n % 20 == 0)
			heap_valid(&t);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_zone),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("run_range", tests, NULL, NULL);
}
