/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture.c: what lies where in a heap that one looks at
 *
 * Zones follow each other, each with as many lines as it needs, and all lines
 * have the same number of pages.  Page numbers of no range are left out.  A
 * line is cut in cells, in which all that is in use is added up, by class.
 *
 * 1. A cell with a page in use never looks free.
 * 2. Small objects count OBJECT_WEIGHT times when a cell's class is chosen, as
 *    in map.c: they are what is in the way of arrays.
 *
 * Cost: O(runs + cells), and 16 numbers for each cell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "picture.h"

#define TRIES 20
#define OBJECT_WEIGHT 8
#define CELLS_MOST ((size_t)1 << 20)
#define TAGS_SHOWN 10
#define CLASS_NONE 1 /* by tag and by age: what has none */
#define FIRST 2

/* Tell apart by most eyes; of terminals with 256 and with 8 colors, too. */
static const struct picture_class palette[PICTURE_CLASSES] = {
	{ "", 0, 0xe4e4e4, 240, 90, 0 }, { "", 0, 0xf5cd3c, 220, 33, 0 },
	{ "", 0, 0xe08214, 172, 93, 0 }, { "", 0, 0x3884ff, 33, 34, 0 },
	{ "", 0, 0x4dac26, 70, 32, 0 },	 { "", 0, 0x80cdc1, 116, 36, 0 },
	{ "", 0, 0xd63a30, 160, 31, 0 }, { "", 0, 0x7b3294, 91, 35, 0 },
	{ "", 0, 0x8c510a, 94, 33, 0 },	 { "", 0, 0xf1b6da, 218, 95, 0 },
	{ "", 0, 0x01665e, 23, 36, 0 },	 { "", 0, 0x2c3e80, 18, 94, 0 },
	{ "", 0, 0x969696, 246, 37, 0 }, { "", 0, 0x969696, 246, 37, 0 },
	{ "", 0, 0x969696, 246, 37, 0 }, { "", 0, 0x969696, 246, 37, 0 },
};

/* From young to old. */
static const struct {
	unsigned most;
	const char *name;
	uint32_t rgb;
	unsigned color_256, color_8;
} ages[] = {
	{ 0, "the last array", 0x08306b, 17, 34 },
	{ 3, "1 to 3 arrays ago", 0x2171b5, 25, 94 },
	{ 15, "4 to 15", 0x6baed6, 74, 36 },
	{ 63, "16 to 63", 0x74c476, 114, 32 },
	{ 255, "64 to 255", 0xfdae6b, 215, 33 },
	{ 1023, "256 or more", 0xd94801, 166, 31 },
};

static const struct {
	const char *name;
	char letter;
} uses[FIGURES_KINDS] = {
	{ "free", '.' },
	{ "small objects", 'S' },
	{ "large objects", 'L' },
	{ "arrays", 'A' },
	{ "page runs", 'R' },
	{ "caches of CPUs", 'C' },
	{ "about to be free", 'F' },
	{ "tickets", 'T' },
};

/* --- classes -------------------------------------------------------- */

static void add_class(struct picture *p, const char *name, char letter)
{
	struct picture_class *class = &p->class[p->nr_classes];

	*class = palette[p->nr_classes++];
	snprintf(class->name, sizeof(class->name), "%s", name);
	class->letter = letter;
}

static int by_live(const void *left, const void *right)
{
	const struct figures_tag *a = left, *b = right;

	if (a->live_bytes != b->live_bytes)
		return a->live_bytes < b->live_bytes ? 1 : -1;
	return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static void tag_classes(struct picture *p)
{
	struct figures *f = &p->figures;
	char name[40];

	add_class(p, "no tag", 'O');
	qsort(f->tag, f->nr_tags, sizeof(*f->tag), by_live);
	for (size_t i = 0; i < f->nr_tags && i < TAGS_SHOWN; i++) {
		snprintf(name, sizeof(name), "tag %u", f->tag[i].tag);
		add_class(p, name, (char)('0' + i));
	}
	if (f->nr_tags > TAGS_SHOWN)
		add_class(p, "other tags", 'X');
}

static void age_classes(struct picture *p)
{
	add_class(p, "no array", 'O');
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		struct picture_class *class = &p->class[p->nr_classes];

		add_class(p, ages[i].name, (char)('0' + i));
		class->rgb = ages[i].rgb;
		class->color_256 = ages[i].color_256;
		class->color_8 = ages[i].color_8;
	}
}

static void placement_classes(struct picture *p)
{
	add_class(p, "placement small", 'S');
	add_class(p, "placement medium", 'M');
	add_class(p, "placement array", 'A');
}

static void make_classes(struct picture *p)
{
	p->nr_classes = 0;
	add_class(p, "free", '.');
	if (p->by == PICTURE_BY_TAG)
		tag_classes(p);
	else if (p->by == PICTURE_BY_AGE)
		age_classes(p);
	else if (p->by == PICTURE_BY_PLACEMENT)
		placement_classes(p);
	else
		for (unsigned i = 1; i < FIGURES_KINDS; i++)
			add_class(p, uses[i].name, uses[i].letter);
}

static const char *tag_class(const struct picture *p,
			     const struct segment *segment,
			     const struct segment_run *run, unsigned *class)
{
	const struct figures *f = &p->figures;
	uint64_t tag = 0;
	const char *wrong;
	size_t i = 0;

	*class = CLASS_NONE;
	if (!f->nr_tags || run->kind == FIXHEAP_SEGMENT_SLAB ||
	    run->kind == FIXHEAP_SEGMENT_CACHED)
		return NULL;
	wrong = segment_numbers(segment, FIXHEAP_SEGMENT_TAG_OF, run->pfn, 1,
				&tag);
	while (i < f->nr_tags && i < TAGS_SHOWN && f->tag[i].tag != tag)
		i++;
	/* a tag so new that it was not counted yet is one of the others */
	if (tag && FIRST + i < p->nr_classes)
		*class = FIRST + (unsigned)i;
	return wrong;
}

static unsigned age_class(const struct picture *p,
			  const struct segment_run *run)
{
	unsigned age, i = 0;

	if (run->kind != FIXHEAP_SEGMENT_ARRAY || run->placement != 2)
		return CLASS_NONE;
	age = (unsigned)(p->figures.nr_arrays - run->stamp) & 1023;
	while (ages[i].most < age)
		i++;
	return FIRST + i;
}

static const char *class_of(const struct picture *p,
			    const struct segment *segment,
			    const struct segment_run *run, unsigned *class)
{
	*class = 0;
	if (run->kind == FIXHEAP_SEGMENT_NONE)
		return NULL;
	if (p->by == PICTURE_BY_TAG)
		return tag_class(p, segment, run, class);
	if (p->by == PICTURE_BY_AGE)
		*class = age_class(p, run);
	else if (p->by == PICTURE_BY_PLACEMENT)
		*class = 1 + run->placement;
	else
		*class = (unsigned)run->kind;
	return NULL;
}

/* --- lines ---------------------------------------------------------- */

static uint64_t overlap(const struct figures_zone *zone,
			const struct segment_range *range)
{
	uint64_t from = zone->start > range->start ? zone->start : range->start;
	uint64_t to = zone->end < range->end ? zone->end : range->end;

	return from < to ? to - from : 0;
}

static const char *make_lines(struct picture *p, const struct segment *segment)
{
	const struct figures *f = &p->figures;
	uint64_t all = 0;

	p->zone = calloc(f->nr_zones, sizeof(*p->zone));
	if (!p->zone)
		return strerror(ENOMEM);
	for (size_t z = 0; z < f->nr_zones; z++) {
		p->zone[z].node = f->zone[z].node;
		for (size_t i = 0; i < segment->nr_ranges; i++)
			p->zone[z].nr_pages +=
				overlap(&f->zone[z], &segment->range[i]);
		all += p->zone[z].nr_pages;
	}
	p->line_pages = (all + p->want_lines - 1) / p->want_lines;
	p->line_pages += !p->line_pages;
	for (size_t z = 0; z < f->nr_zones; z++) {
		p->zone[z].first_line = p->nr_lines;
		p->zone[z].nr_lines =
			(size_t)((p->zone[z].nr_pages + p->line_pages - 1) /
				 p->line_pages);
		p->nr_lines += p->zone[z].nr_lines;
	}
	if (p->nr_lines > CELLS_MOST / p->width)
		return "its picture would be too large";
	p->cell = calloc(p->nr_lines * p->width + 1, sizeof(*p->cell));
	return p->cell ? NULL : strerror(ENOMEM);
}

size_t picture_line_width(const struct picture *p,
			  const struct picture_zone *zone, size_t line)
{
	uint64_t pages = zone->nr_pages - line * p->line_pages;

	if (pages >= p->line_pages)
		return p->width;
	return (size_t)((pages * p->width + p->line_pages - 1) / p->line_pages);
}

/* --- runs ----------------------------------------------------------- */

/* A place: pages of the zone before it. */
struct place {
	size_t zone;
	uint64_t page;
};

struct paint {
	struct picture *p;
	struct segment *segment;
	uint64_t (*sum)[PICTURE_CLASSES]; /* of each cell; line_pages is all */
	struct place at;
	struct place largest;
	uint64_t largest_pages;
};

/*
 * So many pages from the place on are of one class; class -1: they are the
 * largest free run.  What is behind all zones is left out.
 */
static void paint_pages(struct paint *paint, struct place *at, uint64_t nr,
			int class)
{
	struct picture *p = paint->p;

	while (nr && at->zone < p->figures.nr_zones) {
		const struct picture_zone *zone = &p->zone[at->zone];
		uint64_t left = zone->nr_pages - at->page, unit, end;
		uint64_t some = nr < left ? nr : left;
		size_t base = zone->first_line * p->width;

		/* width units are a page, line_pages units a cell */
		unit = at->page * p->width;
		end = (at->page + some) * p->width;
		while (unit < end) {
			uint64_t i = unit / p->line_pages;
			uint64_t next = (i + 1) * p->line_pages;

			next = next < end ? next : end;
			if (class < 0)
				p->cell[base + i].largest = 1;
			else
				paint->sum[base + i][class] += next - unit;
			unit = next;
		}
		nr -= some;
		at->page += some;
		if (at->page < zone->nr_pages)
			continue;
		at->zone++;
		at->page = 0;
	}
}

static const char *paint_run(void *data, const struct segment_run *run)
{
	struct paint *paint = data;
	unsigned class = 0;
	const char *wrong = class_of(paint->p, paint->segment, run, &class);

	if (wrong)
		return wrong;
	if (!class && run->nr_pages > paint->largest_pages) {
		paint->largest_pages = run->nr_pages;
		paint->largest = paint->at;
	}
	paint->p->class[class].bytes +=
		run->nr_pages * paint->p->figures.page_bytes;
	paint_pages(paint, &paint->at, run->nr_pages, (int)class);
	return NULL;
}

static void choose_cell(const struct paint *paint, size_t i)
{
	struct picture *p = paint->p;
	struct picture_cell *cell = &p->cell[i];
	uint64_t used = 0, most = 0;

	for (unsigned c = 1; c < p->nr_classes; c++) {
		uint64_t sum = paint->sum[i][c];
		uint64_t weight = sum * (c == 1 ? OBJECT_WEIGHT : 1);

		used += sum;
		if (weight > most) {
			most = weight;
			cell->class = (uint8_t)c;
		}
	}
	cell->tenths = (uint8_t)(used * 10 / p->line_pages);
	cell->tenths += used && !cell->tenths;
}

static const char *make_once(struct picture *p, struct segment *segment)
{
	struct paint paint = { .p = p, .segment = segment };
	const char *wrong = figures_read(&p->figures, segment);

	if (!wrong)
		wrong = make_lines(p, segment);
	if (wrong)
		return wrong;
	make_classes(p);
	paint.sum = calloc(p->nr_lines * p->width + 1, sizeof(*paint.sum));
	if (!paint.sum)
		return strerror(ENOMEM);
	/* of zones without pages there is nothing */
	wrong = segment_walk(segment, paint_run, &paint);
	if (!wrong)
		paint_pages(&paint, &paint.largest, paint.largest_pages, -1);
	p->largest_bytes = paint.largest_pages * p->figures.page_bytes;
	for (size_t i = 0; i < p->nr_lines * p->width; i++)
		choose_cell(&paint, i);
	free(paint.sum);
	return wrong;
}

const char *picture_make(struct picture *p, struct segment *segment)
{
	const struct picture asked = *p;
	const struct timespec pause = { 0, 2000000 };
	const char *wrong = make_once(p, segment);

	for (int i = 1; i < TRIES && wrong && p->figures.alive; i++) {
		picture_end(p);
		*p = asked;
		nanosleep(&pause, NULL);
		wrong = make_once(p, segment);
	}
	return wrong;
}

void picture_end(struct picture *p)
{
	figures_end(&p->figures);
	free(p->zone);
	free(p->cell);
	p->zone = NULL;
	p->cell = NULL;
}

static uint32_t mix(uint32_t from, uint32_t to, unsigned tenths)
{
	uint32_t rgb = 0;

	for (int shift = 0; shift < 24; shift += 8) {
		uint32_t a = from >> shift & 255, b = to >> shift & 255;

		rgb |= (a * (10 - tenths) + b * tenths) / 10 << shift;
	}
	return rgb;
}

uint32_t picture_cell_rgb(const struct picture *p,
			  const struct picture_cell *cell)
{
	unsigned tenths = cell->tenths;

	if (!cell->class)
		return p->class[0].rgb;
	return mix(p->class[0].rgb, p->class[cell->class].rgb,
		   tenths < 3 ? 3 : tenths);
}
