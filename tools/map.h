/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.h: a heap as a row of characters.  See map.c.
 */
#ifndef TOOLS_MAP_H
#define TOOLS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MAP_CELLS_MAX 128

enum map_use {
	MAP_FREE, /* can be had */
	MAP_ARRAY,
	MAP_OBJECT,
	MAP_HELD, /* handed out once, not in use: only for what fits */
	MAP_NR_USES
};

struct map {
	size_t heap_bytes;
	size_t nr_cells;
	size_t bytes[MAP_CELLS_MAX][MAP_NR_USES];
};

enum map_style {
	MAP_ASCII,
	MAP_COLOR_8,
	MAP_COLOR_256,
	MAP_COLOR_24BIT
};

/* Standard output is a terminal with colors, and the user wants them. */
bool map_wants_color(void);
/* As much as TERM and COLORTERM say that the terminal can show. */
enum map_style map_best_style(void);

void map_init(struct map *map, size_t heap_bytes, size_t nr_cells);
void map_add(struct map *map, size_t offset, size_t bytes, enum map_use use);
/* These bytes, added before, are in another use. */
void map_move(struct map *map, size_t offset, size_t bytes, enum map_use from,
	      enum map_use to);
/* The map as text for another process, two characters a cell. */
void map_write(const struct map *map, FILE *out);
/* Print such text; utf8: with blocks instead of letters. */
void map_print(const char *text, enum map_style style, int utf8, FILE *out);
void map_legend(enum map_style style, int utf8, FILE *out);

#endif
