/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c: files of /proc and /sys, line by line.
 *
 * stdio would do it, but takes memory from malloc, which may be a heap of this
 * library that is just being made.
 *
 * 1. bytes[at, end) is what was read and not yet handed out; end is at most
 *    TEXT_BYTES, so that there is room for the 0 behind a line.
 *
 * Locking: none.  Cost: a system call for each 4 KiB and two more.
 */
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void text_open(struct text *text, const char *path)
{
	int saved = errno;

	text->fd = open(path, O_RDONLY | O_CLOEXEC);
	text->at = text->end = 0;
	errno = saved;
}

/* More of the file behind bytes[end); false: there is no more, or no room. */
static bool more(struct text *text)
{
	ssize_t got = 0;
	int saved = errno;

	if (text->at) {
		memmove(text->bytes, text->bytes + text->at,
			text->end - text->at);
		text->end -= text->at;
		text->at = 0;
	}
	if (text->fd < 0 || text->end == TEXT_BYTES)
		return false;
	do {
		got = read(text->fd, text->bytes + text->end,
			   TEXT_BYTES - text->end);
	} while (got < 0 && errno == EINTR);
	errno = saved;
	if (got <= 0)
		return false;
	text->end += (size_t)got;
	return true;
}

/* The newline of the first line; NULL: the file, or the room, ends first. */
static char *newline(struct text *text)
{
	char *found;

	do {
		found = memchr(text->bytes + text->at, '\n',
			       text->end - text->at);
	} while (!found && more(text));
	return found;
}

char *text_line(struct text *text)
{
	char *end = newline(text), *line = text->bytes + text->at;

	if (!end && text->at == text->end)
		return NULL;
	if (end) {
		*end = 0;
		text->at = (size_t)(end - text->bytes) + 1;
		return line;
	}
	/* The last line without its newline, or one that is too long. */
	text->bytes[text->end] = 0;
	text->at = text->end;
	return line;
}

void text_close(struct text *text)
{
	int saved = errno;

	if (text->fd >= 0)
		close(text->fd);
	errno = saved;
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

bool text_number(const char *line, const char *name, u64 *number)
{
	const char *at = skip_blanks(line);
	u64 value = 0;

	while (*name && *at == *name) {
		at++;
		name++;
	}
	if (*name || skip_blanks(at) == at)
		return false;
	at = skip_blanks(at);
	if (*at < '0' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (u64)(*at - '0');
	*number = value;
	return true;
}
