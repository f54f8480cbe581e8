/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.c: the metadata of another process's heap, read and not believed
 *
 * The file is written to by a program that may be broken, while it is read.
 *
 * 1. It is read by pread into memory of our own, never mapped: who cuts it
 *    short gives us an error and not a signal, and what was checked stays as
 *    it was checked.
 * 2. Every place in the file that the file itself names is checked against its
 *    length, every number of pages against its range.
 * 3. Only a plain file of the same user that nobody else can open counts, and
 *    no link is followed, but those that the kernel makes for descriptors: in a
 *    folder that all can write to, a name says nothing.
 * 4. Whether its process lives is told by the lock that comes with its mapping,
 *    and not by the number: that may be one of another PID namespace.
 *
 * Cost: what was touched of the descriptors; holes are passed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment.h"

#define CHUNK_BYTES 65536
#define WINDOW_NR (CHUNK_BYTES / sizeof(uint64_t))
#define RANGES_MOST 65536
#define STRIDE_MOST (1u << 20)
#define PAGES_MOST (UINT64_C(1) << 32)

static const char cut_short[] = "it is cut short";

static const char *read_at(const struct segment *segment, uint64_t at,
			   void *buffer, size_t bytes)
{
	char *to = buffer;

	while (bytes) {
		ssize_t got = pread(segment->fd, to, bytes, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		if (!got)
			return cut_short;
		to += got;
		at += (uint64_t)got;
		bytes -= (size_t)got;
	}
	return NULL;
}

/* --- opening -------------------------------------------------------- */

bool segment_is_descriptor(const char *path)
{
	unsigned long pid, number;
	char end;

	return sscanf(path, "/proc/%lu/fd/%lu%c", &pid, &number, &end) == 2;
}

static const char *open_file(struct segment *segment, const char *path)
{
	int follow = segment_is_descriptor(path) ? 0 : O_NOFOLLOW;
	struct stat st;

	segment->fd = open(path, O_RDONLY | follow | O_NONBLOCK | O_CLOEXEC);
	if (segment->fd < 0)
		return errno == ELOOP ? "it is a symbolic link"
				      : strerror(errno);
	if (fstat(segment->fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a plain file";
	if (st.st_uid != geteuid())
		return "it belongs to another user";
	if (st.st_mode & 077)
		return "others than its user may open it";
	segment->bytes = (uint64_t)st.st_size;
	return NULL;
}

static const char *check_column(const struct segment *segment,
				enum fixheap_segment_id id)
{
	const struct fixheap_segment_column *col = &segment->head.column[id];
	uint64_t last;

	if (!col->nr)
		return NULL;
	if (!col->width || col->width > 8 || col->width & (col->width - 1) ||
	    col->stride < col->width || col->stride > STRIDE_MOST ||
	    col->nr > PAGES_MOST)
		return "its header is damaged";
	last = (col->nr - 1) * col->stride + col->width;
	if (col->at > segment->bytes || segment->bytes - col->at < last)
		return "its header names places beyond its end";
	return NULL;
}

/* Columns of which so many numbers belong together. */
static bool is_consistent(const struct fixheap_segment_column *col)
{
	static const enum fixheap_segment_id first[] = {
		FIXHEAP_SEGMENT_ZONE_START, FIXHEAP_SEGMENT_RANGE_START,
		FIXHEAP_SEGMENT_TAG_PAGES,  FIXHEAP_SEGMENT_ZONE_SMALL_MIN,
		FIXHEAP_SEGMENT_BLOCK_FREE, FIXHEAP_SEGMENT_CLASS_OBJECT,
		FIXHEAP_SEGMENT_SET_LOW,
	};
	static const enum fixheap_segment_id last[] = {
		FIXHEAP_SEGMENT_ZONE_NODE,	 FIXHEAP_SEGMENT_RANGE_END,
		FIXHEAP_SEGMENT_TAG_RUNS,	 FIXHEAP_SEGMENT_ZONE_PLACE,
		FIXHEAP_SEGMENT_BLOCK_PLACEMENT, FIXHEAP_SEGMENT_CLASS_SLAB,
		FIXHEAP_SEGMENT_SET_HIGH,
	};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		/* pageblocks are as many as the heap has, and never read all
		 * at once */
		if (col[first[i]].nr > RANGES_MOST &&
		    first[i] != FIXHEAP_SEGMENT_BLOCK_FREE)
			return false;
		for (unsigned id = first[i]; id < last[i]; id++)
			if (col[id].nr != col[id + 1].nr)
				return false;
	}
	return col[FIXHEAP_SEGMENT_PAGES].nr &&
	       col[FIXHEAP_SEGMENT_PAGES].width == 8 &&
	       col[FIXHEAP_SEGMENT_PAGES].stride == 8 &&
	       col[FIXHEAP_SEGMENT_ZONE_START].nr &&
	       col[FIXHEAP_SEGMENT_RANGE_START].nr;
}

static const char *check_head(struct segment *segment)
{
	struct fixheap_segment *head = &segment->head;
	const char *wrong = read_at(segment, 0, head, sizeof(*head));

	if (wrong)
		return wrong;
	if (!head->magic)
		return "its program is just making it";
	if (head->magic != FIXHEAP_SEGMENT_MAGIC)
		return "it is not a segment of fixheap";
	if (head->version != FIXHEAP_SEGMENT_VERSION)
		return "it has a format of another version of fixheap";
	if (head->nr_columns < FIXHEAP_SEGMENT_NR_COLUMNS ||
	    head->page_shift < 12 || head->page_shift > 20)
		return "its header is damaged";
	if (head->bytes > segment->bytes)
		return cut_short;
	for (unsigned id = 0; id < FIXHEAP_SEGMENT_NR_COLUMNS; id++) {
		wrong = check_column(segment, (enum fixheap_segment_id)id);
		if (wrong)
			return wrong;
	}
	if (!is_consistent(head->column))
		return "its header is damaged";
	head->program[sizeof(head->program) - 1] = '\0';
	for (char *at = head->program; *at; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~')
			*at = '?';
	return NULL;
}

const char *segment_open(struct segment *segment, const char *path)
{
	const char *wrong;

	memset(segment, 0, sizeof(*segment));
	segment->fd = -1;
	snprintf(segment->path, sizeof(segment->path), "%s", path);
	wrong = open_file(segment, path);
	if (!wrong)
		wrong = check_head(segment);
	if (!wrong) {
		segment->window = malloc(CHUNK_BYTES);
		if (!segment->window)
			wrong = strerror(ENOMEM);
	}
	if (wrong)
		segment_close(segment);
	return wrong;
}

void segment_close(struct segment *segment)
{
	if (segment->fd >= 0)
		close(segment->fd);
	free(segment->window);
	free(segment->range);
	segment->fd = -1;
	segment->window = NULL;
	segment->range = NULL;
}

bool segment_is_alive(const struct segment *segment)
{
	if (flock(segment->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK;
	flock(segment->fd, LOCK_UN);
	return false;
}

const char *segment_remove(const struct segment *segment)
{
	struct stat st;

	/* another may have, and a new program be there */
	if (flock(segment->fd, LOCK_EX | LOCK_NB) || fstat(segment->fd, &st) ||
	    !st.st_nlink)
		return NULL;
	return unlink(segment->path) ? strerror(errno) : NULL;
}

/* --- numbers -------------------------------------------------------- */

static uint64_t number_at(const char *at, uint32_t width)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (width) {
	case 1:
		return (unsigned char)*at;
	case 2:
		memcpy(&two, at, sizeof(two));
		return two;
	case 4:
		memcpy(&four, at, sizeof(four));
		return four;
	default:
		memcpy(&eight, at, sizeof(eight));
		return eight;
	}
}

const char *segment_numbers(const struct segment *segment,
			    enum fixheap_segment_id id, uint64_t first,
			    uint64_t nr, uint64_t *value)
{
	const struct fixheap_segment_column *col = &segment->head.column[id];
	char chunk[CHUNK_BYTES];
	const char *wrong;

	if (first > col->nr || nr > col->nr - first)
		return "it has fewer numbers than it should";
	while (nr) {
		uint64_t some = (CHUNK_BYTES - col->width) / col->stride + 1;

		some = some < nr ? some : nr;
		wrong = read_at(
			segment, col->at + first * col->stride, chunk,
			(size_t)((some - 1) * col->stride + col->width));
		if (wrong)
			return wrong;
		for (uint64_t i = 0; i < some; i++)
			*value++ =
				number_at(chunk + i * col->stride, col->width);
		first += some;
		nr -= some;
	}
	return NULL;
}

const char *segment_number(const struct segment *segment,
			   enum fixheap_segment_id id, uint64_t *value)
{
	*value = 0;
	if (!segment->head.column[id].nr)
		return NULL;
	return segment_numbers(segment, id, 0, 1, value);
}

/* --- ranges --------------------------------------------------------- */

static int by_start(const void *left, const void *right)
{
	const struct segment_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* Sort them, and join what touches. */
static const char *join_ranges(struct segment *segment, uint64_t nr)
{
	struct segment_range *range = segment->range, *last = NULL;
	uint64_t most = segment->head.column[FIXHEAP_SEGMENT_PAGES].nr;

	qsort(range, nr, sizeof(*range), by_start);
	for (uint64_t i = 0; i < nr; i++) {
		if (range[i].start >= range[i].end || range[i].end > most)
			return "a range of it is damaged";
		if (last && range[i].start < last->end)
			return "two of its ranges overlap";
		if (last && range[i].start == last->end) {
			last->end = range[i].end;
			continue;
		}
		last = last ? last + 1 : range;
		*last = range[i];
	}
	segment->nr_ranges = last ? (size_t)(last - range) + 1 : 0;
	return NULL;
}

const char *segment_read_ranges(struct segment *segment)
{
	uint64_t all = segment->head.column[FIXHEAP_SEGMENT_RANGE_END].nr;
	uint64_t *value = calloc(2 * all, sizeof(*value)), *end = value + all;
	struct segment_range *range = calloc(all, sizeof(*range));
	const char *wrong = strerror(ENOMEM);
	uint64_t nr = 0;

	free(segment->range);
	segment->range = range;
	segment->nr_ranges = 0;
	segment->window_nr = 0;
	if (value && range)
		wrong = segment_numbers(segment, FIXHEAP_SEGMENT_RANGE_START, 0,
					all, value);
	if (!wrong)
		wrong = segment_numbers(segment, FIXHEAP_SEGMENT_RANGE_END, 0,
					all, end);
	for (uint64_t i = 0; !wrong && i < all; i++)
		if (end[i])
			range[nr++] =
				(struct segment_range){ value[i], end[i] };
	if (!wrong)
		wrong = join_ranges(segment, nr);
	free(value);
	return wrong;
}

/* --- runs ----------------------------------------------------------- */

/* Have the descriptors from pfn on, or from the first one behind it that is
 * no hole; *pfn is `end` where there is none. */
static const char *fill_window(struct segment *segment, uint64_t *pfn,
			       uint64_t end)
{
	uint64_t base = segment->head.column[FIXHEAP_SEGMENT_PAGES].at;
	off_t data = lseek(segment->fd, (off_t)(base + *pfn * 8), SEEK_DATA);
	uint64_t nr;

	if (data < 0 && errno == ENXIO) {
		*pfn = end;
		return NULL;
	}
	/* a file system without holes */
	if (data >= 0 && (uint64_t)data > base + *pfn * 8)
		*pfn = ((uint64_t)data - base) / 8;
	if (*pfn >= end) {
		*pfn = end;
		return NULL;
	}
	nr = end - *pfn < WINDOW_NR ? end - *pfn : WINDOW_NR;
	segment->window_at = *pfn;
	segment->window_nr = nr;
	return read_at(segment, base + *pfn * 8, segment->window,
		       (size_t)nr * 8);
}

/* The first page from *pfn on that has a descriptor, or end. */
static const char *next_head(struct segment *segment, uint64_t *pfn,
			     uint64_t end, uint64_t *page)
{
	while (*pfn < end) {
		uint64_t at = *pfn - segment->window_at;
		const char *wrong;

		if (*pfn < segment->window_at || at >= segment->window_nr) {
			wrong = fill_window(segment, pfn, end);
			if (wrong)
				return wrong;
			continue;
		}
		*page = segment->window[at];
		if (*page)
			return NULL;
		++*pfn;
	}
	return NULL;
}

static const char *decode(uint64_t page, uint64_t pfn, uint64_t end,
			  struct segment_run *run)
{
	run->pfn = pfn;
	run->kind = (enum fixheap_segment_kind)(page & 7);
	run->placement = page >> 3 & 3;
	run->stamp = page >> 16 & 1023;
	run->nr_pages = (page >> 32) + 1;
	if (run->kind == FIXHEAP_SEGMENT_SLAB ||
	    run->kind == FIXHEAP_SEGMENT_CACHED)
		run->nr_pages = 1;
	if (run->kind == FIXHEAP_SEGMENT_SLAB)
		run->class = (page >> 26 & 63) ? page >> 26 & 63
					       : page >> 48 & 63;
	if (run->kind == FIXHEAP_SEGMENT_FREEING && page >> 6 & 1)
		run->kind = FIXHEAP_SEGMENT_CACHED;
	run->has_policy = run->kind == FIXHEAP_SEGMENT_ARRAY && page >> 7 & 1;
	if (run->kind == FIXHEAP_SEGMENT_NONE || run->placement == 3)
		return "a page of it is damaged";
	if (run->nr_pages > end - pfn)
		return "a run of it reaches beyond its range";
	return NULL;
}

/* Give what was gathered, and begin with another run. */
struct gather {
	const char *(*fn)(void *data, const struct segment_run *run);
	void *data;
	struct segment_run run; /* nr_pages 0: none */
};

static const char *flush(struct gather *gather)
{
	const char *wrong = NULL;

	if (gather->run.nr_pages)
		wrong = gather->fn(gather->data, &gather->run);
	gather->run.nr_pages = 0;
	return wrong;
}

static const char *add(struct gather *gather, const struct segment_run *run)
{
	struct segment_run *last = &gather->run;
	bool single = run->kind == FIXHEAP_SEGMENT_SLAB ||
		      run->kind == FIXHEAP_SEGMENT_CACHED;
	const char *wrong;

	if (single && last->nr_pages && last->kind == run->kind &&
	    last->placement == run->placement && last->class == run->class) {
		last->nr_pages += run->nr_pages;
		return NULL;
	}
	wrong = flush(gather);
	*last = *run;
	return wrong;
}

static const char *walk_range(struct segment *segment,
			      const struct segment_range *range,
			      struct gather *gather)
{
	uint64_t pfn = range->start, head, page = 0;
	const char *wrong = NULL;

	while (!wrong && pfn < range->end) {
		struct segment_run run = { .pfn = pfn };

		head = pfn;
		wrong = next_head(segment, &head, range->end, &page);
		run.nr_pages = head - pfn;
		if (!wrong && run.nr_pages)
			wrong = add(gather, &run);
		if (wrong || head == range->end)
			break;
		wrong = decode(page, head, range->end, &run);
		if (!wrong)
			wrong = add(gather, &run);
		pfn = head + run.nr_pages;
	}
	return wrong ? wrong : flush(gather);
}

const char *segment_walk(struct segment *segment,
			 const char *(*fn)(void *data,
					   const struct segment_run *run),
			 void *data)
{
	struct gather gather = { .fn = fn, .data = data };
	const char *wrong = NULL;

	segment->window_nr = 0;
	for (size_t i = 0; i < segment->nr_ranges && !wrong; i++)
		wrong = walk_range(segment, &segment->range[i], &gather);
	return wrong;
}
