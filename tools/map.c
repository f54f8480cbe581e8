/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c: a heap as a row of characters
 *
 * A map cuts the heap in cells of equal size, and says of each what most of
 * it is in use for and how full it is.  It is made where the heap is, and
 * printed where the terminal is; in between it is text.
 *
 * 1. A cell's bytes, over all uses, are its size.
 * 2. A cell that is not wholly free never looks as if it were.
 * 3. Objects count OBJECT_WEIGHT times when uses are compared: a few pages of
 *    them in the way of an array are what the map is meant to show.
 *
 * Text of a cell: a letter for the use, a digit for how full (0: under a
 * tenth, 9: nine tenths and more).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "map.h"

#define OBJECT_WEIGHT 8

static const char letters[MAP_NR_USES] = { '.', 'A', 'O', 'X' };
static const char *const names[MAP_NR_USES] = {
	"free",
	"array",
	"objects",
	"held back",
};

/* Blue, yellow and red keep apart for most eyes; free is a grey. */
static const char *const colors_8[MAP_NR_USES] = { "90", "34", "33", "31" };
static const char *const colors_256[MAP_NR_USES] = {
	"38;5;240",
	"38;5;33",
	"38;5;220",
	"38;5;160",
};
static const char *const colors_24bit[MAP_NR_USES] = {
	"38;2;88;88;88",
	"38;2;56;132;255",
	"38;2;245;205;60",
	"38;2;214;58;48",
};

bool map_wants_color(void)
{
	const char *term = getenv("TERM"), *none = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") &&
	       (!none || !*none);
}

enum map_style map_best_style(void)
{
	const char *term = getenv("TERM"), *more = getenv("COLORTERM");

	if (more && (!strcmp(more, "truecolor") || !strcmp(more, "24bit")))
		return MAP_COLOR_24BIT;
	return term && strstr(term, "256color") ? MAP_COLOR_256 : MAP_COLOR_8;
}

/* First byte of a cell. */
static size_t cell_start(const struct map *map, size_t cell)
{
	return (size_t)((unsigned __int128)map->heap_bytes * cell /
			map->nr_cells);
}

void map_init(struct map *map, size_t heap_bytes, size_t nr_cells)
{
	size_t cell;

	memset(map, 0, sizeof(*map));
	map->heap_bytes = heap_bytes;
	map->nr_cells = nr_cells < MAP_CELLS_MAX ? nr_cells : MAP_CELLS_MAX;
	for (cell = 0; cell < map->nr_cells; cell++)
		map->bytes[cell][MAP_FREE] =
			cell_start(map, cell + 1) - cell_start(map, cell);
}

void map_move(struct map *map, size_t offset, size_t bytes, enum map_use from,
	      enum map_use to)
{
	size_t cell, start, end, stop = offset + bytes;

	for (cell = 0; cell < map->nr_cells; cell++) {
		start = cell_start(map, cell);
		end = cell_start(map, cell + 1);
		if (start < offset)
			start = offset;
		if (end > stop)
			end = stop;
		if (start >= end)
			continue;
		map->bytes[cell][to] += end - start;
		map->bytes[cell][from] -= end - start;
	}
}

void map_add(struct map *map, size_t offset, size_t bytes, enum map_use use)
{
	map_move(map, offset, bytes, MAP_FREE, use);
}

static enum map_use cell_use(const size_t *bytes)
{
	enum map_use use = MAP_FREE;
	size_t most = 0, weight, i;

	for (i = MAP_FREE + 1; i < MAP_NR_USES; i++) {
		weight = bytes[i] * (i == MAP_OBJECT ? OBJECT_WEIGHT : 1);
		if (weight > most) {
			most = weight;
			use = (enum map_use)i;
		}
	}
	return use;
}

void map_write(const struct map *map, FILE *out)
{
	size_t cell, size, tenths;
	const size_t *bytes;

	for (cell = 0; cell < map->nr_cells; cell++) {
		bytes = map->bytes[cell];
		size = cell_start(map, cell + 1) - cell_start(map, cell);
		tenths = size ? (size - bytes[MAP_FREE]) * 10 / size : 0;
		fprintf(out, "%c%c", letters[cell_use(bytes)],
			(int)('0' + (tenths < 9 ? tenths : 9)));
	}
}

static enum map_use use_of(char letter)
{
	const char *at = memchr(letters, letter, sizeof(letters));

	return at ? (enum map_use)(at - letters) : MAP_FREE;
}

static const char *color_of(enum map_use use, enum map_style style)
{
	if (style == MAP_COLOR_24BIT)
		return colors_24bit[use];
	return style == MAP_COLOR_256 ? colors_256[use] : colors_8[use];
}

static void print_cell(enum map_use use, char fill, int utf8, FILE *out)
{
	char letter = letters[use];

	if (utf8 && use == MAP_FREE)
		fputs("\xc2\xb7", out); /* middle dot */
	else if (utf8)
		fputs(fill >= '7'   ? "\xe2\x96\x88" /* full block */
		      : fill >= '3' ? "\xe2\x96\x93" /* dark shade */
				    : "\xe2\x96\x92",
		      out); /* medium shade */
	else if (fill < '5' && use != MAP_FREE)
		fputc(letter - 'A' + 'a', out);
	else
		fputc(letter, out);
}

void map_print(const char *text, enum map_style style, int utf8, FILE *out)
{
	enum map_use use, before = MAP_NR_USES;

	for (; text[0] && text[1]; text += 2) {
		use = use_of(text[0]);
		if (style != MAP_ASCII && use != before)
			fprintf(out, "\033[%sm", color_of(use, style));
		before = use;
		print_cell(use, text[1], utf8, out);
	}
	if (style != MAP_ASCII)
		fputs("\033[0m", out);
}

void map_legend(enum map_style style, int utf8, FILE *out)
{
	char cell[3] = { 0, '9', 0 };
	size_t use;

	for (use = 0; use < MAP_NR_USES; use++) {
		cell[0] = letters[use];
		fputs(use ? "  " : "", out);
		map_print(cell, style, utf8, out);
		fprintf(out, " %s", names[use]);
	}
}
