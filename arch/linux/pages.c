/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pages.c: pages of the system: to drop them and to bring them into memory, how
 * large they are, how many a node has left.
 *
 * What is free on a node counts as follows.  To touch memory bound to a node
 * that has none left ends the process, so the answer is rather too small:
 *   - of each of the node's zones what is free above its high watermark and
 *     above what it keeps for allocations that can use no other zone;
 *   - half of its file cache that is neither dirty nor being written: the
 *     kernel drops such pages before it kills.  Half, because what is mapped
 *     comes back at once when it is dropped, and others count on it too.
 * On a machine that has been up for a day nearly all memory is file cache, so
 * without the second part no heap could be made.  Anonymous memory that could
 * be swapped out, slabs, and what a memory cgroup allows are not looked at.
 *
 * Without CONFIG_NUMA, or where /sys has no nodes, node 0 is the machine.
 *
 * Locking: none.  Cost: in host.h.  errno is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"
#include "text.h"

#define PATH_BYTES 128
#define HUGEPAGE_BYTES ((size_t)2 << 20)

static size_t system_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* --- drop them --------------------------------------------------------- */

/*
 * What is shared has to be removed from the object; the kernel refuses to do
 * that to private memory: EACCES where a file is behind it, which is so for
 * private hugetlb memory as well, else EINVAL.
 */
static int discard(void *start, size_t bytes)
{
	if (!madvise(start, bytes, MADV_REMOVE))
		return 0;
	if (errno == EACCES && host_mapping_page(start) == system_page())
		return -EINVAL;
	if (errno != EACCES && errno != EINVAL)
		return -errno;
	return madvise(start, bytes, MADV_DONTNEED) ? -errno : 0;
}

int host_discard(void *start, size_t bytes)
{
	size_t mask = system_page() - 1;
	int saved = errno, err;

	/* The kernel would take a part of a page for all of it. */
	if (!bytes || (bytes & mask))
		return -EINVAL;
	err = discard(start, bytes);
	errno = saved;
	return err == -ENOMEM ? -EINVAL : err;
}

/* --- bring them into memory -------------------------------------------- */

/* Linux 5.14; older headers do not have it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int host_populate(void *start, size_t bytes)
{
	int saved = errno, err;

	/* a signal came, or another thread changes the mapping */
	do
		err = madvise(start, bytes, MADV_POPULATE_WRITE) ? -errno : 0;
	while (err == -EINTR || err == -EAGAIN);
	errno = saved;
	switch (err) {
	case -ENOMEM:
	case 0:
		return err;
	case -EHWPOISON:
	case -EFAULT:
		return -EFAULT;
	default:
		/* EINVAL: not this kernel, this memory, or whole pages */
		return -ENOSYS;
	}
}

void host_advise_huge(void *start, size_t bytes)
{
	uintptr_t from = round_up((uintptr_t)start, HUGEPAGE_BYTES);
	uintptr_t to = round_down((uintptr_t)start + bytes, HUGEPAGE_BYTES);
	int saved = errno;

	/* A wish; without huge pages in the kernel it is refused. */
	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
	errno = saved;
}

/* --- how large they are ------------------------------------------------ */

/* "7f00-7f80 rw-p ...": the first line of a mapping; does it hold addr? */
static bool is_mapping(const char *line, uintptr_t addr, bool *holds)
{
	uintptr_t start, end;
	char *at;

	start = strtoull(line, &at, 16);
	if (at == line || *at != '-')
		return false;
	line = at + 1;
	end = strtoull(line, &at, 16);
	if (at == line || *at != ' ')
		return false;
	*holds = start <= addr && addr < end;
	return true;
}

size_t host_mapping_page(const void *addr)
{
	size_t page = system_page();
	bool holds = false, found = false;
	struct text text;
	int saved = errno;
	char *line;
	u64 kib;

	text_open(&text, "/proc/self/smaps");
	while (!found && (line = text_line(&text)) != NULL) {
		if (is_mapping(line, (uintptr_t)addr, &holds) || !holds)
			continue;
		found = text_number(line, "KernelPageSize:", &kib);
	}
	text_close(&text);
	errno = saved;
	return found && is_pow2(kib << 10) ? (size_t)(kib << 10) : page;
}

/* --- pools of huge ones ------------------------------------------------ */

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

void *host_map_pool(size_t bytes, size_t page)
{
	int saved = errno;
	void *start;

	start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			     __builtin_ctzll(page) << MAP_HUGE_SHIFT,
		     -1, 0);
	/* EINVAL: the kernel knows no such pages */
	errno = start == MAP_FAILED ? ENOMEM : saved;
	return start == MAP_FAILED ? NULL : start;
}

/* The number in a file of the pool; false: there is none. */
static bool pool_number(size_t page, const char *name, u64 *number)
{
	char path[PATH_BYTES];
	struct text text;
	char *line;

	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-%zukB/%s", page >> 10,
		 name);
	text_open(&text, path);
	line = text_line(&text);
	*number = line ? strtoull(line, NULL, 10) : 0;
	text_close(&text);
	return line;
}

int host_pool(size_t page, struct host_pool *pool)
{
	u64 promised, more, extra;

	if (!pool_number(page, "nr_hugepages", &pool->total) ||
	    !pool_number(page, "free_hugepages", &pool->free))
		return -ENODEV;
	pool_number(page, "resv_hugepages", &promised);
	pool_number(page, "nr_overcommit_hugepages", &more);
	pool_number(page, "surplus_hugepages", &extra);
	pool->free -= min_u64(promised, pool->free);
	/* those that the kernel would still try to make */
	pool->free += more - min_u64(extra, more);
	return 0;
}

/* --- how many are left ------------------------------------------------- */

/* A node, or the machine. */
struct place {
	bool whole;
	u32 node;
};

static bool make_place(struct place *place, u32 node)
{
	char path[PATH_BYTES];
	int saved = errno;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
	place->node = node;
	place->whole = !IS_ENABLED(CONFIG_NUMA) || access(path, F_OK) != 0;
	errno = saved;
	return !place->whole || node == 0;
}

/* Whether a zone begins in this line, and on which node. */
static bool is_zone(const char *line, u64 *node)
{
	return text_number(line, "Node", node) && strstr(line, ", zone");
}

/* "protection: (0, 2949, 9999)": the largest. */
static u64 protection(const char *line)
{
	u64 most = 0;
	char *end;

	while (*line) {
		most = max_u64(most, strtoull(line, &end, 10));
		line = end == line ? line + 1 : end;
	}
	return most;
}

/* Bytes free in the place's zones above their reserves; false: unknown. */
static bool zones_free(const struct place *place, u64 *bytes)
{
	u64 node, free = 0, reserve = 0, pages = 0;
	bool here = false, any = false;
	struct text text;
	char *line;

	text_open(&text, "/proc/zoneinfo");
	while ((line = text_line(&text)) != NULL) {
		if (is_zone(line, &node)) {
			here = place->whole || node == place->node;
			free = reserve = 0;
			continue;
		}
		if (!here || text_number(line, "pages free", &free) ||
		    text_number(line, "high", &reserve) ||
		    !strstr(line, "protection:"))
			continue;
		/* The last line of a zone that matters. */
		reserve += protection(line);
		pages += free > reserve ? free - reserve : 0;
		here = false;
		any = true;
	}
	text_close(&text);
	*bytes = pages * system_page();
	return any;
}

/* Bytes as meminfo has them. */
struct meminfo {
	u64 free, active, inactive, dirty, writeback;
};

static void read_meminfo(const struct place *place, struct meminfo *info)
{
	const struct {
		const char *name;
		u64 *kib;
	} table[] = {
		{ "MemFree:", &info->free },
		{ "Active(file):", &info->active },
		{ "Inactive(file):", &info->inactive },
		{ "Dirty:", &info->dirty },
		{ "Writeback:", &info->writeback },
	};
	char path[PATH_BYTES] = "/proc/meminfo";
	struct text text;
	char *line, *name;
	size_t i;

	memset(info, 0, sizeof(*info));
	if (!place->whole)
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%u/meminfo",
			 place->node);
	text_open(&text, path);
	while ((line = text_line(&text)) != NULL) {
		/* "Node 0 MemFree: ..." */
		name = place->whole ? line
				    : strchr(line + strlen("Node "), ' ');
		for (i = 0; name && i < ARRAY_LEN(table); i++)
			if (text_number(name, table[i].name, table[i].kib))
				*table[i].kib <<= 10;
	}
	text_close(&text);
}

static u64 node_free(const struct place *place)
{
	struct meminfo info;
	u64 bytes, cache, busy;

	read_meminfo(place, &info);
	cache = info.active + info.inactive;
	busy = info.dirty + info.writeback;
	/* Nothing known about zones: more than their usual reserves. */
	if (!zones_free(place, &bytes))
		bytes = info.free - info.free / 16;
	return bytes + (cache > busy ? (cache - busy) / 2 : 0);
}

static u64 hugetlb_free(const struct place *place, size_t page)
{
	char path[PATH_BYTES], root[PATH_BYTES / 2] = "/sys/kernel/mm";
	struct text text;
	u64 nr = 0;
	char *line;

	if (!place->whole)
		snprintf(root, sizeof(root), "/sys/devices/system/node/node%u",
			 place->node);
	snprintf(path, sizeof(path),
		 "%s/hugepages/hugepages-%zukB/free_hugepages", root,
		 page >> 10);
	text_open(&text, path);
	line = text_line(&text);
	if (line)
		nr = strtoull(line, NULL, 10);
	text_close(&text);
	return nr * page;
}

u64 host_node_free(u32 node, size_t mapping_page)
{
	struct place place;

	if (!make_place(&place, node))
		return 0;
	if (mapping_page > system_page())
		return hugetlb_free(&place, mapping_page);
	return node_free(&place);
}
