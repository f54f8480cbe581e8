/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host_sim.h: the simulated machine, as tests see it; see arch/sim/host.c.
 *
 * host_sim_reset and the functions that set the machine are for the time when
 * no other thread is inside the host; all others are safe from every thread.
 */
#ifndef ARCH_SIM_HOST_SIM_H
#define ARCH_SIM_HOST_SIM_H

#include <setjmp.h>

#include "host.h"

/* The functions of host.h. */
enum host_sim_call {
	HOST_SIM_TOPOLOGY, /* can fail: -ENOMEM */
	HOST_SIM_THIS_CPU,
	HOST_SIM_RESERVE, /* can fail: NULL, errno ENOMEM */
	HOST_SIM_RELEASE,
	HOST_SIM_MAP, /* host_map_pool, too; can fail: NULL, errno ENOMEM */
	HOST_SIM_UNMAP,
	HOST_SIM_CLEAR,
	HOST_SIM_RANDOM,
	HOST_SIM_MEMBARRIER, /* can fail: -ENOSYS */
	HOST_SIM_YIELD,
	HOST_SIM_PRINT,
	HOST_SIM_WRITE, /* can fail: -EIO */
	HOST_SIM_SYMBOL,
	HOST_SIM_BACKTRACE,
	HOST_SIM_ABORT,
	HOST_SIM_BIND,		/* can fail: -ENOMEM */
	HOST_SIM_DISCARD,	/* can fail: -EINVAL */
	HOST_SIM_NODES_OF,	/* can fail: -ENOMEM */
	HOST_SIM_POLICY_OF,	/* can fail: -ENOSYS */
	HOST_SIM_ALLOWED_NODES, /* can fail: -ENOSYS */
	HOST_SIM_MAPPING_PAGE,
	HOST_SIM_NODE_FREE,
	HOST_SIM_RUN_THREADS, /* can fail: -EAGAIN */
	HOST_SIM_IS_SHARED,
	HOST_SIM_CLOCK,
	HOST_SIM_WORKER_START, /* can fail: -EAGAIN */
	HOST_SIM_WORKER_STOP,
	HOST_SIM_START_THREAD, /* can fail: NULL */
	HOST_SIM_POPULATE,     /* can fail: -ENOMEM */
	HOST_SIM_ADVISE_HUGE,
	HOST_SIM_POOL,
	HOST_SIM_SHARE, /* can fail: NULL, errno EACCES */
	HOST_SIM_SHARE_END,
	HOST_SIM_SHARE_COPY, /* can fail: NULL */
	HOST_SIM_SHARE_REPLACE,
	HOST_SIM_AT_EXIT, /* can fail: -ENOMEM */
	HOST_SIM_NR_CALLS
};

/* A machine with one node, one CPU and 1 GiB; no counts, no failures due, no
 * output, no hook, no policies, nothing known of where pages are, no time gone,
 * no workers.  Memory still held is forgotten, not taken away. */
void host_sim_reset(void);

/* Use this machine.  0, or -EINVAL when it is not one; then nothing changes. */
int host_sim_set_topology(const struct topology *topo);

/*
 * host_sim_describe - use the machine that a line of text describes
 *
 *	CPUS ["@" NUMBERS] [":" SIZES] [";" DISTANCES]...
 *
 *	CPUS	  "4x8": 4 nodes of 8 CPUs each, numbered node by node; or a
 *		  list of CPUs for each node: "0-3,8/4-7/-"; "-": no CPUs
 *	NUMBERS	  the kernel's numbers of the nodes, ascending, "0,8,252"; left
 *		  out: 0, 1, 2, ...
 *	SIZES	  memory of the nodes, "1G,512M,0"; one size: the same for all;
 *		  left out: 1G
 *	DISTANCES a row for each node, "10,21"; left out: 10 and 20
 *
 * "2x4"			two equal nodes
 * "0-1/2-3/-:1G,0,4G"		a memoryless node 1, a node 2 without CPUs
 * "2x1:1G;10,31;31,10"		two nodes far apart
 * "2x1@0,1023"			two nodes, their numbers far apart
 * Return: 0, or -EINVAL: not such a text, a CPU left out or named twice, no
 * memory at all, too many of something; then nothing changes.
 */
int host_sim_describe(const char *text);

/*
 * CPU of the calling thread from now on; threads that never said are on CPU 0,
 * all threads after a reset.  A number beyond the machine is taken modulo its
 * CPUs.  HOST_SIM_ROVING: another CPU at each look, as if the kernel moved the
 * thread at the worst time.
 */
#define HOST_SIM_ROVING 0xffffffffu
void host_sim_set_cpu(u32 cpu);

/* Where host_random begins; the same seed gives the same numbers. */
void host_sim_seed(u64 seed);

/* Calls of one function since the reset, failed ones included. */
u64 host_sim_calls(enum host_sim_call call);
/* Bytes cleared by host_clear since the reset. */
u64 host_sim_cleared(void);
/* Bytes reserved and mapped since the reset and not yet given back. */
u64 host_sim_held(void);

/* The n-th next call of this function fails, once; 0: none. */
void host_sim_fail(enum host_sim_call call, long n);
/* The same with another error; a failed host_map puts it into errno. */
void host_sim_fail_with(enum host_sim_call call, long n, int err);
/* The same for the n-th next call of any function that can fail. */
void host_sim_fail_any(long n);
/* Failures made since the reset; to end a loop over n. */
u64 host_sim_failed(void);

/*
 * Call hook on every call of a host function but host_this_cpu, before it does
 * anything: to assert that no lock is held there.  NULL: none.
 */
typedef void (*host_sim_hook_fn)(void *data, enum host_sim_call call);
void host_sim_set_hook(host_sim_hook_fn hook, void *data);

/*
 * What host_print wrote since the reset or since host_sim_clear_output, with
 * a 0 behind it; the end is cut off when it is more than 64 KiB.  Not for
 * when another thread prints.
 */
const char *host_sim_output(void);
void host_sim_clear_output(void);

/*
 * Bytes of [start, start + bytes) that are in memory, because someone touched
 * them: whole pages of the system.  Cost: O(pages of the range).
 */
u64 host_sim_resident(const void *start, size_t bytes);
/* The same in pages of the machine, which are as large as ours where those of
 * the system are smaller: one that was touched in part counts as a whole. */
u64 host_sim_touched(const void *start, size_t bytes);

/*
 * Whether this many bytes of address space are to be had in one piece: a
 * sanitizer or an emulator leaves less than 16 TiB.  A test of something huge
 * skips itself when they are not.
 */
bool host_sim_room(u64 bytes);

/*
 * Which node a page is on: see arch/sim/settle.c.  Nodes are given and told by
 * their numbers.  A page that is in memory is put on a node when somebody asks,
 * or when its policy is about to change; a LOCAL page then counts as touched by
 * the thread that asks.  So a test that wants its own threads to be the first
 * to touch calls host_sim_settle in each.  host_clear does so itself.
 *
 * Memory that a test maps and unmaps itself is known until the reset: two
 * mappings at one address between two resets are one for the simulation.
 */

/* Put what is in memory of these bytes on nodes now, as this thread's. */
void host_sim_settle(const void *start, size_t bytes);
/* Bytes of the range, in whole pages, that are on this node; settles it. */
u64 host_sim_on_node(const void *start, size_t bytes, u32 node);
/* Move what is in memory of these bytes to a node, as the kernel might do
 * behind the library's back; its policy stays. */
void host_sim_move(const void *start, size_t bytes, u32 node);

/*
 * Bytes free on a node from now on; pages placed there take from them, pages
 * discarded give back.  Before that is said a node with memory has 2^60: the
 * sizes in a topology are no limits.
 */
void host_sim_set_node_free(u32 node, u64 bytes);
/* Bytes bound to nodes that were full, since the reset: the kernel would have
 * killed the process. */
u64 host_sim_killed(void);
/*
 * Nodes of the cpuset; at first all.  Pages on other nodes move at once, masks
 * are rewritten as the kernel does it.  One of them must have memory.
 */
void host_sim_set_allowed(const struct nodemask *nodes);
/* Every call about placement fails like this from now on, such as -ENOSYS for
 * a kernel without nodes; 0: no longer.  host_sim_failed does not count it. */
void host_sim_refuse_placement(int err);
/* The page that memory is mapped with from now on; 0: the system's. */
void host_sim_set_mapping_page(size_t bytes);

/* So many huge pages of this size are there for host_map_pool; at first there
 * are none of any. */
void host_sim_set_pool(size_t page, u64 nr);

/* Calls that change mappings since the reset: host_bind, host_discard,
 * host_populate and host_advise_huge.
 * A pinned heap makes none. */
u64 host_sim_mapping_calls(void);
/* Ranges with a policy now, neighbours that agree counted once: each is at
 * least one mapping of the kernel's. */
u64 host_sim_policies(void);

/* All memory is shared with others, from now on, or it is not. */
void host_sim_set_shared(bool shared);
/* It is of several kinds, or it is not. */
void host_sim_set_mixed(bool mixed);

/*
 * Let time go on, which stands still otherwise: workers do what is due, on the
 * calling thread.  By one thread at a time.
 */
void host_sim_advance(u64 ns);
/* Workers that run. */
u32 host_sim_workers(void);

/* At most so many threads of each host_run_threads can be started. */
void host_sim_set_threads(u32 nr);

/* Whether fn(data) ended in host_abort.  Without it, host_abort aborts. */
bool host_sim_aborts(void (*fn)(void *data), void *data);

/*
 * The same in place, for one thread and not nested:
 *
 *	if (!HOST_SIM_CATCH_ABORT()) {
 *		fixheap_free(heap, ptr);
 *		host_sim_uncatch_abort();
 *		fail_msg("no abort");
 *	}
 */
#define HOST_SIM_CATCH_ABORT() sigsetjmp(*host_sim_abort_frame(), 0)
sigjmp_buf *host_sim_abort_frame(void);
void host_sim_uncatch_abort(void);

#endif
