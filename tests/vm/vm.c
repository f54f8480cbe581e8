/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm.c: what the tests on a machine with several nodes share.
 *
 * They run on the machine of four.sh, as root, and are of no use on another.
 * Where a page is, only the kernel is asked (move_pages), never the library.
 *
 * A page that is touched costs ten times of what it does on a real machine, so
 * tests keep to some thousand.  To fill a node costs nothing, as pages kept
 * for hugetlb are not touched.
 */
#include "vm.h"

#include <fcntl.h>
#include <numa.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- what went wrong ----------------------------------------------------- */

static bool in_child;

void broken(const char *format, ...)
{
	va_list arguments;

	fputs("# ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	puts(in_child ? " (in the child)" : "");
	fflush(stdout);
	if (in_child)
		_exit(1);
	fail();
}

void must(bool it, const char *text, const char *file, int line)
{
	if (!it)
		broken("%s:%d: not so: %s (errno %d)", file, line, text, errno);
}

/* --- files of the kernel ------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void must_write(const char *path, const char *text)
{
	int err = write_file(path, text);

	if (err)
		broken("%s into %s: %s", text, path, strerror(-err));
}

/* --- where pages are ----------------------------------------------------- */

#define BATCH 512

static void ask(const void *start, size_t nr, int *status)
{
	void *pages[BATCH];
	size_t i;

	for (i = 0; i < nr; i++)
		pages[i] = (char *)start + i * PAGE;
	if (move_pages(0, nr, pages, NULL, status, 0))
		broken("move_pages: %s", strerror(errno));
}

static void count_places(const void *start, size_t nr, struct places *places)
{
	int status[BATCH];
	size_t i, at;

	memset(places, 0, sizeof(*places));
	for (at = 0; at < nr; at += BATCH) {
		size_t some = nr - at < BATCH ? nr - at : BATCH;

		ask((char *)start + at * PAGE, some, status);
		for (i = 0; i < some; i++)
			if (status[i] < 0)
				places->absent++;
			else
				places->on[status[i]]++;
	}
}

/* A page that the kernel is just moving counts as absent: look again. */
void places_of(const void *start, size_t bytes, struct places *places)
{
	int tries = 5;

	count_places(start, bytes / PAGE, places);
	while (places->absent && tries--) {
		usleep(20000);
		count_places(start, bytes / PAGE, places);
	}
}

void nodes_of(const void *start, size_t nr_pages, int *node)
{
	size_t at;

	for (at = 0; at < nr_pages; at += BATCH)
		ask((const char *)start + at * PAGE,
		    nr_pages - at < BATCH ? nr_pages - at : BATCH, node + at);
}

int node_of(const void *address)
{
	int status;

	ask(address, 1, &status);
	return status;
}

void assert_on_node(const void *start, size_t bytes, int node)
{
	struct places places;

	places_of(start, bytes, &places);
	if (places.on[node] == bytes / PAGE)
		return;
	broken("%zu pages should be on node %d: %zu %zu %zu %zu, absent %zu",
	       bytes / PAGE, node, places.on[0], places.on[1], places.on[2],
	       places.on[3], places.absent);
}

/* --- memory -------------------------------------------------------------- */

void *map_memory(size_t bytes, int flags)
{
	size_t more = flags & MAP_HUGETLB ? 0 : HUGE_PAGE;
	char *start = mmap(NULL, bytes + more, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	size_t head = -(uintptr_t)start & (HUGE_PAGE - 1);

	MUST(start != MAP_FAILED);
	if (!more)
		return start;
	/* Only what is aligned is kept, so that nothing is left over. */
	if (head)
		munmap(start, head);
	if (more > head)
		munmap(start + head + bytes, more - head);
	return start + head;
}

void unmap_memory(void *start, size_t bytes)
{
	MUST(!munmap(start, bytes));
}

void lock_memory(void *start, size_t bytes)
{
	MUST(!syscall(SYS_mlock, start, bytes));
}

void touch(void *start, size_t bytes)
{
	volatile char *byte = start;
	size_t at;

	for (at = 0; at < bytes; at += PAGE)
		byte[at] = 1;
}

int bind_memory(void *start, size_t bytes, int mode, unsigned long nodes)
{
	return mbind(start, bytes, mode, &nodes, 64, 0) ? -errno : 0;
}

void policy_of(void *address, int *mode, unsigned long *nodes)
{
	unsigned long mask[1024 / 64] = { 0 };

	if (get_mempolicy(mode, mask, 1024, address, MPOL_F_ADDR))
		broken("get_mempolicy: %s", strerror(errno));
	*nodes = mask[0];
}

static FILE *must_open(const char *path)
{
	FILE *file = fopen(path, "re");

	MUST(file);
	return file;
}

size_t smaps_kb(const void *start, const char *name)
{
	FILE *file = must_open("/proc/self/smaps");
	size_t length = strlen(name), kb = SIZE_MAX;
	unsigned long from, to;
	char line[512];
	bool inside = false;

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from <= (uintptr_t)start &&
				 (uintptr_t)start < to;
		else if (inside && !strncmp(line, name, length) &&
			 line[length] == ':')
			kb = strtoul(line + length + 1, NULL, 10);
	fclose(file);
	MUST(kb != SIZE_MAX);
	return kb;
}

size_t nr_mappings(void)
{
	FILE *file = must_open("/proc/self/maps");
	size_t nr = 0;
	int c;

	while ((c = getc(file)) != EOF)
		nr += c == '\n';
	fclose(file);
	return nr;
}

void numa_maps_of(const void *start, char *line, size_t bytes)
{
	FILE *file = must_open("/proc/self/numa_maps");

	while (fgets(line, (int)bytes, file))
		if (strtoul(line, NULL, 16) == (uintptr_t)start)
			break;
	MUST(strtoul(line, NULL, 16) == (uintptr_t)start);
	fclose(file);
}

/* --- nodes --------------------------------------------------------------- */

size_t node_free_bytes(int node)
{
	long long free_bytes;

	MUST(numa_node_size64(node, &free_bytes) > 0);
	return (size_t)free_bytes;
}

static const char *pool_path(int node)
{
	static char path[128];

	snprintf(path, sizeof(path),
		 "/sys/devices/system/node/node%d/hugepages/"
		 "hugepages-2048kB/nr_hugepages",
		 node);
	return path;
}

size_t node_pool(int node)
{
	FILE *file = must_open(pool_path(node));
	size_t nr;

	MUST(fscanf(file, "%zu", &nr) == 1);
	fclose(file);
	return nr;
}

void node_set_pool(int node, size_t nr)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", nr);
	must_write(pool_path(node), text);
}

/* What was freed a moment ago may not be counted as free yet, and memory in
 * pieces is first moved together: more than one round. */
size_t node_fill(int node, size_t free_bytes)
{
	size_t before = node_pool(node), there, round;

	must_write("/proc/sys/vm/compact_memory", "1");
	for (round = 0; round < 10; round++) {
		there = node_free_bytes(node);
		if (there < free_bytes + HUGE_PAGE)
			break;
		node_set_pool(node, node_pool(node) +
					    (there - free_bytes) / HUGE_PAGE);
	}
	MUST(there < free_bytes + 2 * HUGE_PAGE);
	MUST(there > free_bytes / 2);
	return before;
}

int fill_slow(void **state)
{
	static size_t before;

	before = node_fill(NODE_SLOW, SLOW_LEFT);
	*state = &before;
	return 0;
}

int empty_slow(void **state)
{
	node_set_pool(NODE_SLOW, *(size_t *)*state);
	return 0;
}

/* --- children ------------------------------------------------------------ */

void assert_child(void (*fn)(void *data), void *data, int signal_wanted)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		in_child = true;
		/* cmocka's handler would go on with the next test. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		must_write("/proc/self/oom_score_adj", "1000");
		fn(data);
		fflush(stdout);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), signal_wanted);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(!!WIFSIGNALED(status), !!signal_wanted);
}

/* --- processes that may not use all nodes -------------------------------- */

#define CGROUP "/sys/fs/cgroup"

void cpuset_make(const char *nodes)
{
	must_write(CGROUP "/cgroup.subtree_control", "+cpuset");
	MUST(!mkdir(CGROUP "/test", 0755));
	cpuset_change(nodes);
}

void cpuset_change(const char *nodes)
{
	must_write(CGROUP "/test/cpuset.mems", nodes);
}

void cpuset_enter(void)
{
	must_write(CGROUP "/test/cgroup.procs", "0");
}

void cpuset_end(void)
{
	MUST(!rmdir(CGROUP "/test"));
}

int cpuset_without_slow(void **state)
{
	(void)state;
	cpuset_make("0-1");
	return 0;
}

int cpuset_gone(void **state)
{
	(void)state;
	cpuset_end();
	return 0;
}

void run_on_cpu(int cpu)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	MUST(!sched_setaffinity(0, sizeof(set), &set));
}

/* --- random numbers ------------------------------------------------------ */

uint64_t first_seed(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	printf("# SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

uint64_t random_below(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 32) * below >> 32;
}
