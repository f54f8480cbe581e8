/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures_print.h: figures of heaps for people to read.  See figures_print.c.
 */
#ifndef TOOLS_FIGURES_PRINT_H
#define TOOLS_FIGURES_PRINT_H

#include <stdio.h>

#include "figures.h"

/* All of it; or a line of a table, and the head of that table. */
void figures_print(const struct figures *figures, const struct segment *segment,
		   FILE *out);
void figures_print_line(const struct figures *figures,
			const struct segment *segment, FILE *out);
void figures_print_head(FILE *out);

/* Parts of it: no more zones than these, the tags with most live bytes. */
void figures_print_sizes(const struct figures *figures,
			 const struct segment *segment, FILE *out);
void figures_print_zones(const struct figures *figures, size_t most, FILE *out);
void figures_print_uses(const struct figures *figures, FILE *out);
void figures_print_tags(struct figures *figures, size_t most, FILE *out);
/* In a line. */
void figures_print_tags_short(struct figures *figures, size_t most, FILE *out);

#endif
