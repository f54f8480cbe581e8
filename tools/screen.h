/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * screen.h: the terminal as a screen.  See screen.c.
 */
#ifndef TOOLS_SCREEN_H
#define TOOLS_SCREEN_H

#include <stddef.h>

enum screen_event {
	SCREEN_TIME,   /* the time is over */
	SCREEN_KEY,    /* *key was pressed */
	SCREEN_RESIZE, /* or brought back from the background */
	SCREEN_END     /* a signal asks the program to end, or input is over */
};

/* Take the terminal; 0, or -errno: there is none. */
int screen_begin(void);
/* Give it back as it was; if a signal asked the program to end, end by it. */
void screen_end(void);
/* Rows that there are. */
unsigned screen_rows(void);
/* Show lines of text, as far as they fit. */
void screen_show(const char *text, size_t length);
/* Wait until something happens, at most so long. */
enum screen_event screen_wait(long milliseconds, char *key);

#endif
