/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c: the door to a real Linux machine.
 *
 * Everything that mm/ wants of the operating system goes through here, so
 * that arch/sim can stand in its place; mm/host.h is the contract.
 *
 * 1. No function keeps state between calls: there is no global variable here.
 * 2. Functions that cannot fail keep errno, because fixheap's free does.
 * 3. Sizes are rounded up to the system's page, which can be larger than
 *    fixheap's (64 KiB on some arm64 kernels); addresses handed out are
 *    aligned to it.
 * 4. nr_cpus is above every number that sched_getcpu can give, up to CPUS_MAX.
 *
 * Locking: none.  Cost: one system call each, but for host_this_cpu, which
 * reads a word that the kernel keeps up to date, and host_clear.
 *
 * What it is not: host_reserve does not get around vm.overcommit_memory=2,
 * where the kernel counts every writable private page at once; metadata of a
 * large heap is refused there, and the caller gets NULL.
 */
#include "topology.h"

#include <fcntl.h>
#include <link.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"

#define HUGEPAGE_BYTES ((size_t)2 << 20)

/*
 * Ranges of this size and more are cleared past the cache: they are about the
 * size of a core's own cache, so that clearing them through it would empty it.
 */
#define CLEAR_NT_BYTES HUGEPAGE_BYTES

#define CPU_WORDS (CPUS_MAX / 64)
struct cpu_words {
	u64 word[CPU_WORDS];
};

static size_t system_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* bytes in whole pages of the system; 0 when that overflows. */
static size_t system_pages(size_t bytes)
{
	return round_up(bytes, system_page());
}

/*
 * CPUs that the kernel's masks have room for, a multiple of 64; 0 when there
 * are more than CPUS_MAX or the kernel does not say.  The C library's wrapper
 * hides this number, hence the plain system call.
 */
static u32 mask_cpus(struct cpu_words *allowed)
{
	long bytes =
		syscall(SYS_sched_getaffinity, 0, sizeof(*allowed), allowed);

	return bytes > 0 ? (u32)bytes * 8 : 0;
}

/* The last number of a list such as "0-3,8-11", plus 1; 0: unreadable. */
static u32 possible_cpus(void)
{
	char text[256];
	ssize_t len, i;
	u32 last = 0;
	int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text));
	close(fd);
	/* A list that does not end in the buffer has an unknown last number. */
	if (len <= 1 || text[len - 1] != '\n')
		return 0;
	for (i = 0; i < len - 1; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		last = digit ? last * 10 + (u32)(text[i] - '0') : 0;
		if (last >= CPUS_MAX)
			return CPUS_MAX;
	}
	return last + 1;
}

/*
 * Possible CPUs.  What is written in /sys can be hidden in a container or be
 * made up by it; then the size of the kernel's masks is a safe answer, as
 * nothing but address space is spent on CPUs that never run.
 */
static u32 count_cpus(void)
{
	struct cpu_words allowed;
	u32 most = mask_cpus(&allowed);
	u32 cpus = possible_cpus();

	if (!most)
		most = CPUS_MAX;
	if (!cpus || cpus > most)
		return most;
	return cpus;
}

u64 host_memory(void)
{
	long nr_pages = sysconf(_SC_PHYS_PAGES);

	return nr_pages > 0 ? (u64)nr_pages * system_page() : 0;
}

int host_topology(struct topology *topo)
{
	int saved = errno;

	memset(topo, 0, sizeof(*topo));
	topo->nr_cpus = count_cpus();
	if (numa_topology(topo) < 0) {
		u32 nr_cpus = topo->nr_cpus;

		memset(topo, 0, sizeof(*topo));
		topo->nr_cpus = nr_cpus;
		topo->nr_nodes = 1;
		topo->distance[0][0] = 10;
		topo->node_bytes[0] = host_memory();
	}
	errno = saved;
	return 0;
}

u32 host_this_cpu(void)
{
	int cpu = sched_getcpu();

	/* -1: a kernel or a sandbox that does not say.  It is only a hint. */
	return cpu >= 0 && cpu < CPUS_MAX ? (u32)cpu : 0;
}

static void *map(size_t bytes, int flags)
{
	void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return start == MAP_FAILED ? NULL : start;
}

/* The system takes rounded lengths itself; errno is kept. */
static void unmap(void *start, size_t bytes)
{
	int saved = errno;

	/*
	 * The kernel may have merged the mapping with a neighbour; to cut it
	 * out needs a mapping more, of which a process has a limited number.
	 * Then give back at least the memory.
	 */
	if (munmap(start, bytes))
		madvise(start, bytes, MADV_DONTNEED);
	errno = saved;
}

void *host_reserve(size_t bytes)
{
	void *start = map(bytes, MAP_NORESERVE);
	int saved = errno;

	/*
	 * Metadata is touched here and there: a huge page for each touch would
	 * cost 512 times the memory.  A kernel without huge pages refuses the
	 * advice, which is as good.
	 */
	if (start)
		madvise(start, bytes, MADV_NOHUGEPAGE);
	errno = saved;
	return start;
}

void host_release(void *start, size_t bytes)
{
	unmap(start, bytes);
}

/*
 * Map more than is wanted, then cut off what is not aligned.  Memory that the
 * system does not have should be refused now rather than when it is touched,
 * so MAP_NORESERVE is not for this.
 */
void *host_map(size_t bytes, bool hugepages)
{
	size_t length = system_pages(bytes);
	size_t head, tail;
	char *start;
	int saved = errno;

	if (!bytes) {
		errno = EINVAL;
		return NULL;
	}
	if (length < bytes || length + HUGEPAGE_BYTES < length) {
		errno = ENOMEM;
		return NULL;
	}
	start = map(length + HUGEPAGE_BYTES, 0);
	if (!start)
		return NULL;
	/* at the end of what was mapped: the system hands out addresses
	 * downwards, so that the next one can end where this one begins */
	tail = (uintptr_t)start & (HUGEPAGE_BYTES - 1);
	head = HUGEPAGE_BYTES - tail;
	unmap(start, head);
	start += head;
	if (tail)
		unmap(start + length, tail);
	/* A wish; without huge pages in the kernel it is refused. */
	if (hugepages)
		madvise(start, bytes, MADV_HUGEPAGE);
	errno = saved;
	return start;
}

void host_unmap(void *start, size_t bytes)
{
	unmap(start, bytes);
}

void host_clear(void *start, size_t bytes)
{
	size_t head = -(uintptr_t)start & (CACHE_LINE - 1);
	size_t tail;

	if (bytes < CLEAR_NT_BYTES) {
		memset(start, 0, bytes);
		return;
	}
	tail = (bytes - head) & (CACHE_LINE - 1);
	memset(start, 0, head);
	cpu_clear_nt((char *)start + head, bytes - head - tail);
	memset((char *)start + bytes - tail, 0, tail);
}

/* Spread what little is unknown over all bits. */
static u64 mix(u64 x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

/*
 * Without getrandom: the 16 bytes that the kernel gives each program at its
 * start, mixed with the clock so that two calls differ.
 */
static u64 random_fallback(void)
{
	const char *seed = (const char *)getauxval(AT_RANDOM);
	struct timespec now;
	u64 word[2] = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seed)
		memcpy(word, seed, sizeof(word));
	return mix(mix(word[0] ^ (u64)now.tv_nsec) ^ word[1] ^ (u64)now.tv_sec ^
		   (u64)(uintptr_t)&now);
}

u64 host_random(void)
{
	int saved = errno;
	u64 value;

	/* GRND_NONBLOCK: a heap made early at boot does not wait. */
	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = random_fallback();
	errno = saved;
	return value;
}

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;
}

/*
 * Without the system call: visit every CPU.  The caller starts to run on a
 * CPU only after whatever ran there was switched out, and the scheduler
 * passes a full barrier at each switch; a thread that was not running, or that
 * moved in the meantime, passed one on its own way.  A CPU that refuses the
 * caller is offline or outside its cpuset, where no thread of the process
 * runs, unless an administrator put single threads into cpusets of their own.
 *
 * To change page protection, the usual trick, interrupts every CPU on some
 * processors only; arm64, and new kernels on new x86, flush without.
 */
static int visit_all_cpus(void)
{
	struct cpu_words allowed = { { 0 } }, one = { { 0 } };
	u32 nr_cpus = mask_cpus(&allowed);
	size_t bytes = nr_cpus / 8;
	int err = 0;
	u32 cpu;

	if (!nr_cpus)
		return -ENOSYS;
	for (cpu = 0; cpu < nr_cpus && !err; cpu++) {
		one.word[cpu / 64] = 1ull << cpu % 64;
		if (syscall(SYS_sched_setaffinity, 0, bytes, &one) < 0 &&
		    errno != EINVAL)
			err = -errno;
		one.word[cpu / 64] = 0;
	}
	if (syscall(SYS_sched_setaffinity, 0, bytes, &allowed) < 0 && !err)
		err = -errno;
	return err;
}

int host_membarrier(void)
{
	int saved = errno;
	int err = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);

	/* EPERM: the process has to register, once; a child of fork is. */
	if (err == -EPERM &&
	    !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
		err = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	/* Linux 4.3 to 4.13 knows only the slow one, over all processes. */
	if (err)
		err = membarrier(MEMBARRIER_CMD_SHARED);
	if (err)
		err = visit_all_cpus();
	errno = saved;
	return err;
}

void host_yield(void)
{
	sched_yield();
}

int host_write(int fd, const char *text, size_t bytes)
{
	int saved = errno, err = 0;

	while (bytes && !err) {
		ssize_t written = write(fd, text, bytes);

		if (written > 0) {
			text += written;
			bytes -= (size_t)written;
		} else if (!written) {
			err = -EIO;
		} else if (errno != EINTR) {
			err = -errno;
		}
	}
	errno = saved;
	return err;
}

/* There is nobody to tell about a stderr that is closed or full. */
void host_print(const char *text, size_t bytes)
{
	host_write(STDERR_FILENO, text, bytes);
}

/* What dl_iterate_phdr is asked for. */
struct module {
	uintptr_t address;
	uintptr_t bias;	  /* what was added to the addresses in the file */
	const char *name; /* NULL: not found; "": the program */
};

static int find_module(struct dl_phdr_info *info, size_t bytes, void *data)
{
	struct module *module = data;

	(void)bytes;
	for (u32 i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD ||
		    module->address - start >= part->p_memsz)
			continue;
		module->bias = info->dlpi_addr;
		module->name = info->dlpi_name;
		return 1;
	}
	return 0;
}

void host_symbol(const void *address, char *text, size_t bytes)
{
	struct module module = { .address = (uintptr_t)address };
	const char *name;
	int saved = errno;
	int n;

	dl_iterate_phdr(find_module, &module);
	name = module.name;
	/* As it was started: perhaps from the folder of that time. */
	if (name && !name[0])
		name = (const char *)getauxval(AT_EXECFN);
	n = snprintf(text, bytes, "%s%s0x%zx", name ? name : "",
		     name ? "+" : "", (size_t)(module.address - module.bias));
	if (name && (size_t)n >= bytes && strrchr(name, '/'))
		snprintf(text, bytes, "%s+0x%zx", strrchr(name, '/') + 1,
			 (size_t)(module.address - module.bias));
	errno = saved;
}

void host_abort(void)
{
	abort();
}
