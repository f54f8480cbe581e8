/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload_prefault.c: `fixheap run --prefault`: the heap is touched before the
 * program starts
 *
 * The variable names the process that is to do so, and not those that it
 * starts; or all do.  A terminal is shown how far it is, and the line is taken
 * away at the end.
 *
 * Locking: none; the library calls progress on one thread at a time.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

#include "size.h"
#include "slots.h"

#define BAR_WIDTH 40

static bool is_wanted(void)
{
	const char *text = getenv(PREFAULT_VARIABLE);

	return text &&
	       (!strcmp(text, "all") || strtol(text, NULL, 10) == getpid());
}

/* The CPUs that we may use; 0: as the library thinks. */
static unsigned count_cpus(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus)
		       ? 0
		       : (unsigned)CPU_COUNT(&cpus);
}

static void print_bar(size_t done, size_t total)
{
	static const char full[] = "########################################";
	int filled = (int)((double)done / (double)total * BAR_WIDTH);
	char line[160], size[SIZE_TEXT_MAX];
	int length;

	length = snprintf(line, sizeof(line),
			  "\rfixheap: touching %s [%.*s%*s] %3d%%",
			  size_format(size, total), filled, full,
			  BAR_WIDTH - filled, "",
			  (int)((double)done / (double)total * 100));
	print_line(line, (size_t)length);
}

static int progress(void *data, size_t done, size_t total)
{
	static int shown = -1;
	int percent = (int)((double)done / (double)total * 100);

	(void)data;
	if (percent != shown)
		print_bar(done, total);
	shown = percent;
	return 0;
}

void prefault_begin(void)
{
	struct fixheap_prefault how = FIXHEAP_PREFAULT_INIT;
	const char *pages = getenv(HUGEPAGES_VARIABLE);
	const char *text = getenv(HEAP_VARIABLE);
	int error;

	if (!is_wanted() || !the_heap)
		return;
	how.nr_threads = count_cpus();
	/* they are asked for by name here */
	if (!pages)
		how.flags = FIXHEAP_PREFAULT_NO_HUGEPAGES;
	if (isatty(STDERR_FILENO))
		how.progress = progress;
	error = fixheap_prefault(the_heap, &how);
	if (how.progress) {
		char line[100];

		print_line(line, (size_t)snprintf(line, sizeof(line), "\r%*s\r",
						  79, ""));
	}
	if (error)
		no_heap("cannot touch a heap of", text ? text : "50%",
			strerrordesc_np(-error));
}
