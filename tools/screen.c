/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * screen.c: the terminal as a screen: plain ANSI, in its alternate buffer
 *
 * 1. Signals are blocked but while we wait for something, so that they come
 *    when the terminal is in a known state.
 * 2. However the program ends, but by SIGKILL, the terminal is given back as
 *    it was first: from a signal handler nothing is done but a note.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

static const int noted_signals[] = { SIGINT,  SIGTERM, SIGHUP,
				     SIGQUIT, SIGTSTP, SIGWINCH };

static volatile sig_atomic_t noted; /* the last signal */
static int ending;		    /* signal to end by */
static struct termios before;
static sigset_t mask_before;

static void note(int sig)
{
	noted = sig;
}

static void put(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

static void take(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	put(ENTER);
}

static void give(void)
{
	put(LEAVE);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

int screen_begin(void)
{
	struct sigaction action = { .sa_handler = note }, old;
	sigset_t mask;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before))
		return -ENOTTY;
	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(noted_signals) / sizeof(noted_signals[0]);
	     i++) {
		sigaction(noted_signals[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;
		sigaddset(&mask, noted_signals[i]);
		sigaction(noted_signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &mask, &mask_before);
	take();
	return 0;
}

/* Do what the signal does to a program that does not handle it. */
static void raise_default(int sig)
{
	sigset_t mask;

	signal(sig, SIG_DFL);
	sigemptyset(&mask);
	sigaddset(&mask, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	sigprocmask(SIG_BLOCK, &mask, NULL);
}

void screen_end(void)
{
	give();
	if (ending)
		raise_default(ending);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

/* To the background, and back. */
static void suspend(void)
{
	struct sigaction action = { .sa_handler = note };

	give();
	raise_default(SIGTSTP);
	sigaction(SIGTSTP, &action, NULL);
	take();
}

static enum screen_event handle(int sig)
{
	noted = 0;
	if (sig == SIGWINCH)
		return SCREEN_RESIZE;
	if (sig == SIGTSTP) {
		suspend();
		return SCREEN_RESIZE;
	}
	ending = sig;
	return SCREEN_END;
}

enum screen_event screen_wait(long milliseconds, char *key)
{
	const struct timespec time = { milliseconds / 1000,
				       milliseconds % 1000 * 1000000 };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int ready = ppoll(&input, 1, &time, &mask_before);

	if (noted)
		return handle(noted);
	if (ready <= 0)
		return SCREEN_TIME;
	return read(STDIN_FILENO, key, 1) == 1 ? SCREEN_KEY : SCREEN_END;
}

/*
 * Bytes from text on that take no more columns than these: neither the rest of
 * a character in UTF-8 nor what sets a color, to its m, takes any.
 */
static size_t clip(const char *text, size_t length, unsigned columns)
{
	bool escape = false;
	size_t i;

	for (i = 0; i < length; i++) {
		bool wide = !escape && text[i] != '\033' &&
			    ((unsigned char)text[i] & 0xc0) != 0x80;

		if (text[i] == '\033' || escape)
			escape = text[i] != 'm';
		if (wide && !columns--)
			break;
	}
	return i;
}

static struct winsize window_size(void)
{
	struct winsize window;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) || !window.ws_row ||
	    !window.ws_col)
		window = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	return window;
}

unsigned screen_rows(void)
{
	return window_size().ws_row;
}

void screen_show(const char *text, size_t length)
{
	const char *end = text + length, *line = text;
	struct winsize window = window_size();

	fputs("\033[H", stdout);
	for (unsigned row = 0; line < end && row < window.ws_row; row++) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t width = (size_t)((next ? next : end) - line);

		width = clip(line, width, window.ws_col);
		fprintf(stdout, "%s%.*s\033[0m\033[K", row ? "\r\n" : "",
			(int)width, line);
		line = next ? next + 1 : end;
	}
	put("\033[J");
}
