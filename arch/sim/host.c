/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c: a machine made of plain data, for tests.
 *
 * It stands in the place of arch/linux/host.c: a test decides how many nodes
 * and CPUs there are, on which CPU each thread runs and which call fails, and
 * sees afterwards what was called, cleared, printed and kept.  Memory is real,
 * from mmap without a promise of memory behind it, so that a heap of 16 TiB
 * can be made on any machine.  host_sim.h is the contract.
 *
 * 1. Each call of a function of host.h is counted, then the hook runs, then a
 *    failure that is due happens; only then something changes.
 * 2. What is given back must have been handed out by the function's
 *    counterpart, in one piece with this length: anything else ends the test.
 * 3. machine.topo satisfies machine_valid(), see machine.c.
 *
 * Locking: counters are atomic and relaxed, as nothing is ordered by them; the
 * ranges held and the output each have a mutex.  The machine is written only
 * while no other thread is inside the host.  Cost: no limit.
 *
 * What it is not: part of the library, and no model of the time that anything
 * takes.  On which node memory lies is placement.c's.
 */
#include "sim.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"
#include "placement.h"

#define OUTPUT_BYTES 65536
#define RANGES_MAX 4096
#define DEFAULT_SEED 1
#define DEFAULT_TOPOLOGY                                                   \
	{                                                                  \
		.nr_nodes = 1, .nr_cpus = 1, .node_bytes = { 1ull << 30 }, \
		.distance = {                                              \
			{ 10 }                                             \
		}                                                          \
	}

/* Memory handed out and not yet given back. */
struct range {
	char *start; /* NULL: no range */
	size_t bytes;
	enum host_sim_call from;
	u32 epoch; /* resets before it */
};

static struct {
	struct topology topo;
	u32 epoch;			 /* resets so far */
	u64 calls[HOST_SIM_NR_CALLS];	 /* (A) */
	long fail_in[HOST_SIM_NR_CALLS]; /* (A) 1: the next one */
	int error[HOST_SIM_NR_CALLS];	 /* (A) 0: that of errors[] */
	long fail_any_in;		 /* (A) */
	u64 failed;			 /* (A) */
	u64 cleared;			 /* (A) bytes */
	u64 random;			 /* (A) */
	host_sim_hook_fn hook;
	void *hook_data;
} machine = { .topo = DEFAULT_TOPOLOGY, .random = DEFAULT_SEED };

static struct {
	pthread_mutex_t lock;
	struct range range[RANGES_MAX];
} held = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	pthread_mutex_t lock;
	size_t used;
	char text[OUTPUT_BYTES + 1];
} output = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The calling thread; its CPU counts only in the epoch that set it. */
static __thread struct {
	u32 cpu, epoch, roving;
	bool catching;
	sigjmp_buf frame;
} self;

static u64 read_u64(const u64 *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static void add_u64(u64 *count, u64 n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

void sim_misuse(const char *what)
{
	fprintf(stderr, "host_sim: %s\n", what);
	abort();
}

/* How a function fails unless a test says otherwise; 0: it cannot. */
static const int errors[HOST_SIM_NR_CALLS] = {
	[HOST_SIM_TOPOLOGY] = -ENOMEM,	    [HOST_SIM_RESERVE] = -ENOMEM,
	[HOST_SIM_MAP] = -ENOMEM,	    [HOST_SIM_MEMBARRIER] = -ENOSYS,
	[HOST_SIM_BIND] = -ENOMEM,	    [HOST_SIM_DISCARD] = -EINVAL,
	[HOST_SIM_NODES_OF] = -ENOMEM,	    [HOST_SIM_POLICY_OF] = -ENOSYS,
	[HOST_SIM_ALLOWED_NODES] = -ENOSYS, [HOST_SIM_RUN_THREADS] = -EAGAIN,
	[HOST_SIM_WORKER_START] = -EAGAIN,  [HOST_SIM_START_THREAD] = -EAGAIN,
	[HOST_SIM_POPULATE] = -ENOMEM,	    [HOST_SIM_WRITE] = -EIO,
	[HOST_SIM_SHARE] = -EACCES,	    [HOST_SIM_SHARE_COPY] = -ENOMEM,
	[HOST_SIM_AT_EXIT] = -ENOMEM,
};

/* Whether this call is the one that a countdown waits for. */
static bool due(long *left)
{
	return __atomic_load_n(left, __ATOMIC_RELAXED) > 0 &&
	       __atomic_fetch_sub(left, 1, __ATOMIC_RELAXED) == 1;
}

int sim_enter(enum host_sim_call call)
{
	bool fails;
	int err;

	add_u64(&machine.calls[call], 1);
	if (machine.hook && call != HOST_SIM_THIS_CPU)
		machine.hook(machine.hook_data, call);
	if (!errors[call])
		return 0;
	/* Both count down, whichever strikes. */
	fails = due(&machine.fail_in[call]);
	fails |= due(&machine.fail_any_in);
	if (!fails)
		return 0;
	add_u64(&machine.failed, 1);
	err = __atomic_load_n(&machine.error[call], __ATOMIC_RELAXED);
	return err ? err : errors[call];
}

const struct topology *sim_topology(void)
{
	return &machine.topo;
}

u32 sim_cpu(void)
{
	u32 cpu = self.cpu == HOST_SIM_ROVING ? self.roving : self.cpu;

	return self.epoch == machine.epoch ? cpu % machine.topo.nr_cpus : 0;
}

/* --- what mm/ calls ---------------------------------------------------- */

int host_topology(struct topology *topo)
{
	int err = sim_enter(HOST_SIM_TOPOLOGY);

	if (err)
		return err;
	*topo = machine.topo;
	return 0;
}

u32 host_this_cpu(void)
{
	u32 cpu = sim_cpu();

	sim_enter(HOST_SIM_THIS_CPU);
	self.roving++;
	return cpu;
}

static void hold(char *start, size_t bytes, enum host_sim_call from)
{
	struct range *range = held.range;

	pthread_mutex_lock(&held.lock);
	while (range < held.range + RANGES_MAX && range->start)
		range++;
	if (range == held.range + RANGES_MAX)
		sim_misuse("too many ranges held; give some back");
	*range = (struct range){ start, bytes, from, machine.epoch };
	pthread_mutex_unlock(&held.lock);
}

static void let_go(char *start, size_t bytes, enum host_sim_call from)
{
	struct range *range = held.range;

	pthread_mutex_lock(&held.lock);
	while (range < held.range + RANGES_MAX &&
	       (range->start != start || range->from != from))
		range++;
	if (range == held.range + RANGES_MAX)
		sim_misuse("a range is given back that was not handed out");
	if (range->bytes != bytes)
		sim_misuse("a range is given back with another length");
	range->start = NULL;
	pthread_mutex_unlock(&held.lock);
}

/* align: a power of two from the system's page size on. */
static void *take(size_t bytes, size_t align, enum host_sim_call call)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t length = round_up(bytes, page);
	size_t head, tail;
	char *start;

	if (!length || length < bytes || length + align < length) {
		errno = bytes ? ENOMEM : EINVAL;
		return NULL;
	}
	start = mmap(NULL, length + align - page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)start & (align - 1);
	tail = align - page - head;
	if (head)
		munmap(start, head);
	if (tail)
		munmap(start + head + length, tail);
	/* Else one touch would count for 2 MiB in host_sim_resident. */
	madvise(start + head, length, MADV_NOHUGEPAGE);
	hold(start + head, bytes, call);
	return start + head;
}

static void give_back(void *start, size_t bytes, enum host_sim_call from)
{
	int saved = errno;

	let_go(start, bytes, from);
	placement_forget(start, bytes);
	if (munmap(start, bytes))
		sim_misuse("munmap failed");
	errno = saved;
}

void *host_reserve(size_t bytes)
{
	int err = sim_enter(HOST_SIM_RESERVE);

	if (err) {
		errno = -err;
		return NULL;
	}
	return take(bytes, (size_t)sysconf(_SC_PAGESIZE), HOST_SIM_RESERVE);
}

void host_release(void *start, size_t bytes)
{
	sim_enter(HOST_SIM_RELEASE);
	give_back(start, bytes, HOST_SIM_RESERVE);
}

void *host_map(size_t bytes, bool hugepages)
{
	/* always at a pageblock, so that tests know where blocks begin */
	size_t align = PAGE_BYTES << BLOCK_SHIFT;
	int err = sim_enter(HOST_SIM_MAP);

	(void)hugepages;
	if (err) {
		errno = -err;
		return NULL;
	}
	return take(bytes, align, HOST_SIM_MAP);
}

void *host_map_pool(size_t bytes, size_t page)
{
	int err = sim_enter(HOST_SIM_MAP);
	void *start = NULL;

	errno = err ? -err : ENOMEM;
	if (!err && pools_take(bytes, page))
		start = take(bytes, page, HOST_SIM_MAP);
	if (start)
		pools_add(start, bytes, page);
	return start;
}

void host_unmap(void *start, size_t bytes)
{
	sim_enter(HOST_SIM_UNMAP);
	pools_give(start);
	give_back(start, bytes, HOST_SIM_MAP);
}

void host_clear(void *start, size_t bytes)
{
	sim_enter(HOST_SIM_CLEAR);
	add_u64(&machine.cleared, bytes);
	memset(start, 0, bytes);
	placement_touched(start, bytes);
}

/* splitmix64: any seed will do, 0 too. */
u64 host_random(void)
{
	const u64 step = 0x9e3779b97f4a7c15ull;
	u64 x;

	sim_enter(HOST_SIM_RANDOM);
	x = __atomic_add_fetch(&machine.random, step, __ATOMIC_RELAXED);
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

void host_yield(void)
{
	sim_enter(HOST_SIM_YIELD);
	sched_yield();
}

void host_print(const char *text, size_t bytes)
{
	size_t room;

	sim_enter(HOST_SIM_PRINT);
	pthread_mutex_lock(&output.lock);
	room = OUTPUT_BYTES - output.used;
	if (bytes > room)
		bytes = room;
	memcpy(output.text + output.used, text, bytes);
	output.used += bytes;
	output.text[output.used] = 0;
	pthread_mutex_unlock(&output.lock);
}

void host_abort(void)
{
	sim_enter(HOST_SIM_ABORT);
	if (self.catching) {
		self.catching = false;
		siglongjmp(self.frame, 1);
	}
	/* Nobody expected it, so nobody will look at the output. */
	fprintf(stderr, "%s", output.text);
	sim_misuse("host_abort was called and no test waits for it");
}

/* --- what tests call --------------------------------------------------- */

void host_sim_reset(void)
{
	u32 epoch = machine.epoch + 1;

	memset(&machine, 0, sizeof(machine));
	machine.topo = (struct topology)DEFAULT_TOPOLOGY;
	machine.epoch = epoch;
	machine.random = DEFAULT_SEED;
	placement_reset();
	pools_reset();
	threads_reset();
	clock_reset();
	host_sim_clear_output();
}

int host_sim_set_topology(const struct topology *topo)
{
	if (!machine_valid(topo))
		return -EINVAL;
	machine.topo = *topo;
	return 0;
}

int host_sim_describe(const char *text)
{
	struct topology topo;
	int err = machine_parse(text, &topo);

	return err ? err : host_sim_set_topology(&topo);
}

void host_sim_set_cpu(u32 cpu)
{
	self.cpu = cpu;
	self.roving = 0;
	self.epoch = machine.epoch;
}

void host_sim_seed(u64 seed)
{
	__atomic_store_n(&machine.random, seed, __ATOMIC_RELAXED);
}

u64 host_sim_calls(enum host_sim_call call)
{
	return read_u64(&machine.calls[call]);
}

u64 host_sim_cleared(void)
{
	return read_u64(&machine.cleared);
}

u64 host_sim_held(void)
{
	const struct range *range = held.range;
	u64 bytes = 0;

	pthread_mutex_lock(&held.lock);
	for (; range < held.range + RANGES_MAX; range++)
		if (range->start && range->epoch == machine.epoch)
			bytes += range->bytes;
	pthread_mutex_unlock(&held.lock);
	return bytes;
}

void host_sim_fail(enum host_sim_call call, long n)
{
	host_sim_fail_with(call, n, 0);
}

void host_sim_fail_with(enum host_sim_call call, long n, int err)
{
	__atomic_store_n(&machine.error[call], err, __ATOMIC_RELAXED);
	__atomic_store_n(&machine.fail_in[call], n, __ATOMIC_RELAXED);
}

void host_sim_fail_any(long n)
{
	__atomic_store_n(&machine.fail_any_in, n, __ATOMIC_RELAXED);
}

u64 host_sim_failed(void)
{
	return read_u64(&machine.failed);
}

void host_sim_set_hook(host_sim_hook_fn hook, void *data)
{
	machine.hook = hook;
	machine.hook_data = data;
}

const char *host_sim_output(void)
{
	return output.text;
}

void host_sim_clear_output(void)
{
	pthread_mutex_lock(&output.lock);
	output.used = 0;
	output.text[0] = 0;
	pthread_mutex_unlock(&output.lock);
}

bool host_sim_aborts(void (*fn)(void *data), void *data)
{
	if (HOST_SIM_CATCH_ABORT())
		return true;
	fn(data);
	host_sim_uncatch_abort();
	return false;
}

sigjmp_buf *host_sim_abort_frame(void)
{
	self.catching = true;
	return &self.frame;
}

void host_sim_uncatch_abort(void)
{
	self.catching = false;
}
