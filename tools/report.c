/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c: what the processes of `fixheap run --report` did, as a table
 *
 * The command makes a file without a name, keeps it mapped, and leaves a
 * descriptor of it to the program.  When the program has ended, the slots that
 * its processes filled are read and printed, one line a process.
 *
 * 1. The descriptor has a high number, out of the way of programs that expect
 *    the first free one to be 3.
 * 2. A slot is copied before it is read: processes left behind by the program
 *    may still write to theirs.
 * 3. Whatever a process wrote, the table keeps its shape: names are printed
 *    as they are but for control characters, numbers are only formatted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fixheap/fixheap.h>

#include "report.h"
#include "size.h"

#define LINES_MOST 20
#define FD_WANTED 1000

/* Move fd out of the way, as far as the limit on descriptors allows. */
static int fd_raise(int fd)
{
	struct rlimit limit;
	int least = FD_WANTED, high;

	if (!getrlimit(RLIMIT_NOFILE, &limit) &&
	    limit.rlim_cur <= (rlim_t)least)
		least = limit.rlim_cur < 16 ? 0 : (int)limit.rlim_cur - 8;
	high = fcntl(fd, F_DUPFD, least);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

int report_open(struct report *report)
{
	struct stat st;
	char text[96];
	int fd, error;

	fd = memfd_create("fixheap-report", 0);
	if (fd < 0)
		return -errno;
	fd = fd_raise(fd);
	report->fd = fd;
	if (ftruncate(fd, sizeof(*report->slots)) || fstat(fd, &st))
		goto fail;
	report->slots = mmap(NULL, sizeof(*report->slots),
			     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (report->slots == MAP_FAILED)
		goto fail;
	report->slots->magic = SLOTS_MAGIC;
	snprintf(text, sizeof(text), "%d:%d:%llu:%llu", fd, (int)getpid(),
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	if (!setenv(REPORT_VARIABLE, text, 1))
		return 0;
fail:
	error = errno;
	close(fd);
	return -error;
}

static int by_peak(const void *left, const void *right)
{
	const struct slot *a = left, *b = right;

	if (a->peak_used_bytes != b->peak_used_bytes)
		return a->peak_used_bytes < b->peak_used_bytes ? 1 : -1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* Copies of the slots in use, sorted; *count of them. */
static struct slot *slots_copy(const struct slots *slots, size_t *count)
{
	struct slot *copy;
	size_t i, used = 0;

	for (i = 0; i < SLOTS_MAX; i++)
		used += !!slots->slot[i].pid;
	copy = calloc(used + 1, sizeof(*copy));
	*count = 0;
	if (!copy)
		return NULL;
	for (i = 0; i < SLOTS_MAX && *count < used; i++)
		if (slots->slot[i].pid)
			copy[(*count)++] = slots->slot[i];
	qsort(copy, *count, sizeof(*copy), by_peak);
	return copy;
}

static const char *slot_name(const struct slot *slot, char *name)
{
	size_t i;

	memcpy(name, slot->name, sizeof(slot->name));
	name[sizeof(slot->name) - 1] = '\0';
	for (i = 0; name[i]; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 127)
			name[i] = '?';
	return name;
}

/* How the process ended, as far as its figures are concerned. */
static char slot_mark(const struct slot *slot)
{
	if (slot->state == SLOT_ENDED)
		return ' ';
	if (slot->state == SLOT_REPLACED)
		return 'x';
	if (!kill((pid_t)slot->pid, 0) || errno == EPERM)
		return '+';
	return '*';
}

static void slot_print(const struct slot *slot, FILE *out, char mark)
{
	char live[SIZE_TEXT_MAX], used[SIZE_TEXT_MAX], run[SIZE_TEXT_MAX];
	char name[sizeof(slot->name)], overhead[16] = "-";

	if (slot->peak_live_bytes) {
		snprintf(overhead, sizeof(overhead), "%.3f",
			 (double)slot->peak_used_bytes /
				 (double)slot->peak_live_bytes);
		size_format(live, slot->peak_live_bytes);
	} else {
		strcpy(live, "-");
	}
	fprintf(out, "%8u%c %-15s %11s %11s %8s %12s %11llu %11llu %7llu\n",
		slot->pid, mark, slot_name(slot, name), live,
		size_format(used, slot->peak_used_bytes), overhead,
		size_format(run, slot->largest_run_bytes),
		(unsigned long long)slot->nr_allocs,
		(unsigned long long)slot->nr_frees,
		(unsigned long long)slot->nr_fails);
}

/* Why the first refusal of a process was one. */
static void print_refusal(const struct slot *slot, FILE *out)
{
	char bytes[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX], rest[SIZE_TEXT_MAX];
	const char *reason =
		fixheap_reason_name((enum fixheap_reason)slot->refused_reason);

	if (!slot->refused_bytes || !slot->refused_reason || !reason)
		return;
	fprintf(out, "%8u  first refused: %s, %s; %s free, at most %s at once",
		slot->pid, size_format(bytes, slot->refused_bytes), reason,
		size_format(rest, slot->refused_free),
		size_format(most, slot->refused_largest));
	if (slot->blocking_live)
		fprintf(out,
			"\n%8s  in the way: %llu allocation%s, %s, at least",
			"", (unsigned long long)slot->blocking_live,
			slot->blocking_live == 1 ? "" : "s",
			size_format(bytes, slot->blocking_bytes));
	putc('\n', out);
}

static void print_notes(const char *marks, FILE *out)
{
	if (strchr(marks, '*'))
		fputs("  * ended without a word, by a signal or by running a "
		      "program without this\n    library; its figures may "
		      "be 1 MiB of allocations a thread old\n",
		      out);
	if (strchr(marks, 'x'))
		fputs("  x then ran another program in its place\n", out);
	if (strchr(marks, '+'))
		fputs("  + is still running\n", out);
}

void report_print(const struct report *report, FILE *out, const char *program)
{
	size_t count, i, shown;
	char heap[SIZE_TEXT_MAX], marks[LINES_MOST + 1] = "";
	struct slot *slots = slots_copy(report->slots, &count);

	if (!count) {
		fprintf(out,
			"fixheap: nothing to report of '%s': it is "
			"linked statically, runs with another\n"
			"user's rights, or ended before its first "
			"allocation\n",
			program);
		free(slots);
		return;
	}
	shown = count < LINES_MOST ? count : LINES_MOST;
	fprintf(out, "fixheap: %zu process%s of '%s', a heap of %s each\n",
		count, count == 1 ? "" : "es", program,
		size_format(heap, slots[0].heap_bytes));
	fprintf(out, "%8s  %-15s %11s %11s %8s %12s %11s %11s %7s\n", "pid",
		"program", "peak live", "peak used", "overhead", "largest free",
		"allocations", "frees", "failed");
	for (i = 0; i < shown; i++) {
		marks[i] = slot_mark(&slots[i]);
		slot_print(&slots[i], out, marks[i]);
	}
	if (shown < count)
		fprintf(out, "%8s  and %zu more, none above %s used\n", "",
			count - shown,
			size_format(heap, slots[shown].peak_used_bytes));
	if (report->slots->nr_lost)
		fprintf(out, "%8s  and %llu more that found no room here\n", "",
			(unsigned long long)report->slots->nr_lost);
	for (i = 0; i < shown; i++)
		print_refusal(&slots[i], out);
	print_notes(marks, out);
	free(slots);
}
