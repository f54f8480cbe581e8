/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture_term.h: a picture in the terminal.  See picture_term.c.
 */
#ifndef TOOLS_PICTURE_TERM_H
#define TOOLS_PICTURE_TERM_H

#include "map.h"
#include "picture.h"

/* Columns in front of a line. */
#define PICTURE_TERM_LABEL 12

/* Where to, and how. */
struct picture_term {
	FILE *out;
	enum map_style style;
	bool utf8;
	size_t width, lines_most;
};

/* Standard output, as well as it can; lines as long as it is wide. */
struct picture_term picture_term_of_stdout(void);
/* After style was changed. */
void picture_term_set_utf8(struct picture_term *term);

void picture_print(const struct picture *picture, const struct segment *segment,
		   const struct picture_term *term);
/* No more lines than lines_most, and what it is made of in one. */
void picture_print_short(const struct picture *picture,
			 const struct picture_term *term);

#endif
