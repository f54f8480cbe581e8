/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment.h: the metadata of another process's heap.  See segment.c.
 *
 * Functions that can fail give NULL, or what is wrong, in words.
 */
#ifndef TOOLS_SEGMENT_H
#define TOOLS_SEGMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <fixheap/segment.h>

#define SEGMENT_FOLDER "/dev/shm"
#define SEGMENT_CLASSES 64

struct segment_range {
	uint64_t start, end; /* pages */
};

struct segment {
	int fd;
	char path[PATH_MAX];
	uint64_t bytes;		     /* of the file */
	struct fixheap_segment head; /* checked */
	struct segment_range *range; /* by page, joined where they touch */
	size_t nr_ranges;
	uint64_t *window; /* descriptors, */
	uint64_t window_at, window_nr;
};

/* A run of pages; kind NONE: of free ones. */
struct segment_run {
	uint64_t pfn, nr_pages;
	enum fixheap_segment_kind kind;
	unsigned placement; /* 0 to 2 */
	unsigned stamp;	    /* of an array */
	unsigned class;	    /* of a slab, below SEGMENT_CLASSES; 0: not known */
	bool has_policy;    /* an array with one */
};

/* /proc/PID/fd/NUMBER */
bool segment_is_descriptor(const char *path);
const char *segment_open(struct segment *segment, const char *path);
void segment_close(struct segment *segment);

/* A process has it mapped: the program runs, in whatever PID namespace. */
bool segment_is_alive(const struct segment *segment);
/* Remove the file, unless one has. */
const char *segment_remove(const struct segment *segment);

/* Numbers [first, first + nr) of a column; fails beyond its end. */
const char *segment_numbers(const struct segment *segment,
			    enum fixheap_segment_id id, uint64_t first,
			    uint64_t nr, uint64_t *value);
/* The only number of a column, 0 where the column is empty. */
const char *segment_number(const struct segment *segment,
			   enum fixheap_segment_id id, uint64_t *value);

/* Read the ranges as they are now. */
const char *segment_read_ranges(struct segment *segment);
/*
 * All runs of the ranges read, by page, without a gap; pages of slabs of one
 * class, and of caches, in a row are one.  What fn returns ends the walk,
 * unless it is NULL.
 */
const char *segment_walk(struct segment *segment,
			 const char *(*fn)(void *data,
					   const struct segment_run *run),
			 void *data);

/*
 * The names of segments: what is a path, PID, PID.NUMBER, or NULL for all of
 * this user.  By process and number; segment_names_end frees them.
 */
const char *segment_names(const char *what, char ***names, size_t *nr);
void segment_names_end(char **names, size_t nr);
/* What people call it: fixheap.PID.NUMBER, or the last part of a path. */
void segment_title(const char *path, char *title, size_t size);

#endif
