/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident.c: which pages are in memory, asked of the real kernel.
 *
 * mincore answers with a byte a page, so a heap of 16 TiB of mere address
 * space would take seconds.  Long ranges are asked of /proc/self/pagemap with
 * PAGEMAP_SCAN (Linux 6.7), which steps over what was never touched; where
 * that is missing, mincore it is.
 *
 * A page of the simulated machine is as large as one of ours, if the system's
 * are smaller, and in memory when any part of it is.
 *
 * Locking: none.  Cost: as above; a short range is one system call.
 * What it is not: exact while another thread touches the range.
 */
#include "resident.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"

/* Ranges from here on are scanned. */
#define SCAN_PAGES ((u64)32768)
#define MINCORE_PAGES 65536
#define SCAN_REGIONS 128

/* The kernel's interface; its header is newer than those of most systems. */
struct scan_region {
	u64 start, end, categories;
};

struct scan_arg {
	u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_PRESENT (1ull << 3)
#define SCAN_SWAPPED (1ull << 4)
#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

int resident_page_by_page;

static size_t real_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

size_t resident_page(void)
{
	return max_u64(real_page(), PAGE_BYTES);
}

/* Runs of pages of which in_core says that they are there. */
static void core_runs(const unsigned char *in_core, u64 first, u64 nr,
		      resident_fn fn, void *data)
{
	u64 i = 0, start;

	while (i < nr) {
		start = i;
		while (i < nr && in_core[i] & 1)
			i++;
		if (i > start)
			fn(data, first + start, first + i);
		else
			i++;
	}
}

static void ask_each_page(u64 first, u64 end, resident_fn fn, void *data)
{
	unsigned char in_core[MINCORE_PAGES];
	size_t page = real_page();
	u64 most = MINCORE_PAGES, nr;

	while (first < end) {
		nr = min_u64(end - first, most);
		if (!mincore((void *)(first * page), nr * page, in_core)) {
			core_runs(in_core, first, nr, fn, data);
			first += nr;
			most = min_u64(2 * most, MINCORE_PAGES);
		} else if (nr > 1) {
			/* Part of it is not mapped: look at less. */
			most = nr / 2;
		} else {
			first++;
			most = 2;
		}
	}
}

/* The first page that it did not get to; end when it is through. */
static u64 scan(int fd, u64 first, u64 end, resident_fn fn, void *data)
{
	struct scan_region region[SCAN_REGIONS];
	size_t page = real_page();
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = first * page,
		.end = end * page,
		.vec = (uintptr_t)region,
		.vec_len = SCAN_REGIONS,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_PRESENT,
	};
	int nr, i;

	while (arg.start < arg.end) {
		nr = ioctl(fd, SCAN_IOCTL, &arg);
		if (nr < 0)
			break;
		for (i = 0; i < nr; i++)
			fn(data, region[i].start / page, region[i].end / page);
		arg.start = arg.walk_end;
	}
	return arg.start / page;
}

/* Runs of the system's pages become some of the machine's. */
struct widening {
	resident_fn fn;
	void *data;
	u64 ratio; /* of the two sizes */
	u64 at;	   /* the machine's pages below this one are told */
};

static void widen(void *data, u64 first, u64 end)
{
	struct widening *widening = data;

	first = max_u64(first / widening->ratio, widening->at);
	end = (end + widening->ratio - 1) / widening->ratio;
	if (first >= end)
		return;
	widening->at = end;
	widening->fn(widening->data, first, end);
}

void resident_runs(u64 first, u64 end, resident_fn fn, void *data)
{
	struct widening widening = { fn, data, resident_page() / real_page(),
				     first };
	int saved = errno, fd;

	first *= widening.ratio;
	end *= widening.ratio;
	if (end - first >= SCAN_PAGES && !resident_page_by_page) {
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			first = scan(fd, first, end, widen, &widening);
			close(fd);
		}
	}
	ask_each_page(first, end, widen, &widening);
	errno = saved;
}

static void count_run(void *data, u64 first, u64 end)
{
	*(u64 *)data += end - first;
}

u64 host_sim_touched(const void *start, size_t bytes)
{
	size_t page = resident_page();
	u64 first = (uintptr_t)start / page, pages = 0;

	resident_runs(first, ((uintptr_t)start + bytes + page - 1) / page,
		      count_run, &pages);
	return pages * page;
}

u64 host_sim_resident(const void *start, size_t bytes)
{
	size_t page = real_page();
	uintptr_t at = round_down((uintptr_t)start, page);
	uintptr_t end = round_up((uintptr_t)start + bytes, page);
	unsigned char in_core[MINCORE_PAGES];
	u64 pages = 0;
	size_t i;

	while (at < end) {
		size_t nr = min_u64((end - at) / page, sizeof(in_core));

		if (mincore((void *)at, nr * page, in_core))
			sim_misuse("host_sim_resident of what is not mapped");
		for (i = 0; i < nr; i++)
			pages += in_core[i] & 1;
		at += nr * page;
	}
	return pages * page;
}

bool host_sim_room(u64 bytes)
{
	void *start = mmap(NULL, bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return start != MAP_FAILED && !munmap(start, bytes);
}
