/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture.h: what lies where in a heap that one looks at.  See picture.c.
 */
#ifndef TOOLS_PICTURE_H
#define TOOLS_PICTURE_H

#include <stdio.h>

#include "figures.h"

#define PICTURE_CLASSES 16

enum picture_by {
	PICTURE_BY_USE,
	PICTURE_BY_PLACEMENT,
	PICTURE_BY_TAG,
	PICTURE_BY_AGE
};

struct picture_class {
	char name[40];
	char letter; /* capital, or a digit */
	uint32_t rgb;
	unsigned color_256, color_8; /* of terminals */
	uint64_t bytes;
};

/* Class 0 is free. */
struct picture_cell {
	uint8_t class;	 /* what most of it is in use for */
	uint8_t tenths;	 /* in use; at least 1 if any is */
	uint8_t largest; /* it touches the largest free run */
};

struct picture_zone {
	int64_t node;
	uint64_t nr_pages; /* that there are; 0: no line */
	size_t first_line, nr_lines;
};

struct picture {
	enum picture_by by;	  /* (set by the caller: */
	size_t width, want_lines; /* cells of a line, lines at least) */
	struct figures figures;
	struct picture_zone *zone; /* [figures.nr_zones] */
	uint64_t line_pages;
	size_t nr_lines;
	struct picture_cell *cell; /* [nr_lines * width] */
	struct picture_class class[PICTURE_CLASSES];
	unsigned nr_classes;
	uint64_t largest_bytes;
};

/* NULL, or what is wrong; picture_end in either case. */
const char *picture_make(struct picture *picture, struct segment *segment);
void picture_end(struct picture *picture);

/* Cells of the line before its zone ends. */
size_t picture_line_width(const struct picture *picture,
			  const struct picture_zone *zone, size_t line);
/* The color of a cell: paler where less is in use. */
uint32_t picture_cell_rgb(const struct picture *picture,
			  const struct picture_cell *cell);

/* picture_draw.c: as a file.  0, or -1 with errno. */
int picture_write_svg(const struct picture *picture,
		      const struct segment *segment, FILE *out);
int picture_write_png(const struct picture *picture,
		      const struct segment *segment, FILE *out);

#endif
