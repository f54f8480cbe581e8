/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h: the only door to the machine.  mm/ calls nothing else of the
 * operating system but pthread locks.  arch/linux/host.c is the real one,
 * arch/sim/host.c (with arch/sim/host_sim.h) a simulated machine for tests;
 * which is used is decided at link time.
 *
 * Nothing here may be called with a zone lock held, except host_this_cpu,
 * and what share.c needs around fork.
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include "nodemask.h"
#include "types.h"

/* No system has smaller pages; ours (PAGE_BYTES) may be larger than its. */
#define HOST_PAGE_MIN 4096

/*
 * Nodes, CPUs and distances of the machine; filled once, constant after.  The
 * kernel's numbers of nodes may be sparse, so nodes are counted here; all other
 * functions of the host take and give numbers.
 */
struct topology {
	u32 nr_nodes;			   /* 1 to NODES_MAX */
	u32 nr_cpus;			   /* possible CPUs, 1 to CPUS_MAX */
	u16 number[NODES_MAX];		   /* ascending, below NODE_IDS */
	u64 node_bytes[NODES_MAX];	   /* memory of each node */
	u8 distance[NODES_MAX][NODES_MAX]; /* 10 is local */
	u8 cpu_node[CPUS_MAX];
};

/* The node with this number; nr_nodes: there is none. */
static inline u32 topology_find(const struct topology *topo, u32 number)
{
	u32 node = 0;

	if (number < topo->nr_nodes && topo->number[number] == number)
		return number;
	while (node < topo->nr_nodes && topo->number[node] != number)
		node++;
	return node;
}

/* Describe the machine.  0 or -errno; without NUMA: one node. */
int host_topology(struct topology *topo);
/* Bytes of the machine's memory; 0: it does not say.  No lock. */
u64 host_memory(void);
/* CPU that the caller runs on, below topology.nr_cpus; a hint. No lock. */
u32 host_this_cpu(void);

/*
 * Address space that reads as zero and takes memory where it is touched: for
 * metadata.  NULL when the system refuses.  Page aligned.
 */
void *host_reserve(size_t bytes);
void host_release(void *start, size_t bytes);

/* A file that others can read while it has its name: a file's, or that of a
 * descriptor of this process. */
struct host_share {
	char path[48];
	int fd;		    /* -1: none is kept */
	char program[16];   /* name of this one, ends with 0 */
	u64 device, inode;  /* of the file */
	u64 image, made_ns; /* as in struct fixheap_segment */
	u32 pid;
};

/*
 * host_share - as host_reserve, in a new file of this user's alone
 *
 * A file that an earlier program of this process left is replaced.
 * Context: no lock.  Return: NULL and errno: what the system refuses.
 */
void *host_share(size_t bytes, struct host_share *share);
/* This process made it: not a child of vfork, which has its parent's memory. */
bool host_share_is_own(const struct host_share *share);
/* Remove the name, if this process gave it.  Any context.  Keeps errno. */
void host_share_end(const struct host_share *share);
/*
 * Memory with what all of the file has, of which start is the mapping, in this
 * moment: as much as was touched, but for the first word, which is 0 as others
 * can read it meanwhile.  It is of another file, which has no name, in
 * *copy; where there can be none it is private, and copy->fd -1.  NULL: there
 * is none.  Context: others only count there, by atomics.  Keeps errno.
 *
 * The parent gives it back by host_share_drop.  The child puts it where the
 * mapping is by host_share_replace, which makes it the file that *share is.
 */
void *host_share_copy(const struct host_share *share, void *start, size_t bytes,
		      struct host_share *copy);
void host_share_drop(struct host_share *copy, void *memory, size_t bytes);
void host_share_replace(struct host_share *share, void *start,
			const struct host_share *copy, void *memory,
			size_t bytes);
/* A part of it: other threads may count meanwhile, without a lock. */
static inline void share_copy_words(char *to, const char *from, size_t bytes)
{
	size_t words = bytes / sizeof(u64);

	for (size_t i = 0; i < words; i++)
		((u64 *)to)[i] = __atomic_load_n((const u64 *)from + i,
						 __ATOMIC_RELAXED);
	for (size_t i = words * sizeof(u64); i < bytes; i++)
		to[i] = from[i];
}
/* Call fn when the program exits.  0 or -ENOMEM. */
int host_at_exit(void (*fn)(void));

/*
 * Memory for a heap that the caller did not bring, aligned to 2 MiB, which is
 * at least fixheap's largest page; hugepages: ask for huge ones.  NULL when
 * the system refuses.
 */
void *host_map(size_t bytes, bool hugepages);
void host_unmap(void *start, size_t bytes);

/*
 * The same of pages of this size from a pool that is kept for them (hugetlb), a
 * multiple of it; aligned to it.  NULL, errno ENOMEM: the pool has not so many
 * that are not promised yet, or there is none.
 */
void *host_map_pool(size_t bytes, size_t page);
/* Pages of a pool: all, and those that can still be promised. */
struct host_pool {
	u64 total, free;
};
/* 0; -ENODEV: the system has no such pages.  Keeps errno. */
int host_pool(size_t page, struct host_pool *pool);

/* Clear memory; large ranges bypass the cache where the CPU can. */
void host_clear(void *start, size_t bytes);

/* --- which node memory comes from --------------------------------------- */

enum host_policy {
	HOST_POLICY_BIND,	/* the nodes given and no others */
	HOST_POLICY_PREFERRED,	/* the nodes given while they have room */
	HOST_POLICY_INTERLEAVE, /* page by page, in turn */
	HOST_POLICY_LOCAL,	/* the node of whoever touches */
};

/*
 * host_bind - say where pages come from when they are touched from now on
 * @start: a multiple of the page that the range is mapped with
 * @bytes: whole pages of that size, more than 0
 * @nodes: NULL with HOST_POLICY_LOCAL
 *
 * Pages that are in memory stay where they are.  That a node has the memory is
 * not looked at: a program that touches more memory bound to a node than the
 * node has is killed, see host_node_free.
 *
 * Context: no lock.  Keeps errno.  Cost: two system calls, 2 us, and the kernel
 * walks the pages' mappings; each border between policies is a mapping more.
 * Return: 0;
 *   -EINVAL  not such a range, or the process may use none of the nodes;
 *   -EXDEV   the kernel would use only some of the nodes (the others are
 *	      outside the cpuset or have no memory): the range is LOCAL now;
 *   -ENOMEM  no mapping left: part of the range may be bound;
 *   -ENOSYS  the system has no nodes, or does not let the process say so.
 */
int host_bind(void *start, size_t bytes, enum host_policy policy,
	      const struct nodemask *nodes);

/*
 * host_discard - drop the contents of whole pages
 *
 * They read as zero afterwards and are placed anew when touched.  The range is
 * of one kind of memory: all private, or all of one shared object, of which
 * the pages are dropped for everyone; private pages over a file of the disk
 * are refused, as they would read as the file.
 *
 * Context: no lock.  Keeps errno.  Cost: one or two system calls, and the
 * kernel frees each page that is in memory.
 * Return: 0; -EINVAL: locked memory, or not such a range; another -errno.
 */
int host_discard(void *start, size_t bytes);

/*
 * host_nodes_of - nodes of the nr pages that contain these addresses
 *
 * node[i] is negative where no page is in memory (which number differs by
 * kernel), and where a page was only read and never written.  On Linux before
 * 5.14 also for pages of a shared object that were never touched by way of this
 * mapping.
 *
 * Context: no lock.  Keeps errno.  Cost: 0.6 us and 0.15 us a page;
 * as much again where none is.
 * Return: 0 or -errno; -ENOSYS as above; then node[] says nothing.
 */
int host_nodes_of(void *const *addr, int *node, u32 nr);

/*
 * host_policy_of - policy of the range at addr as the kernel stores it
 *
 * Where the range has none, or with addr NULL, that of the calling thread,
 * which the program or numactl has set.  For reports, and for what to use; a
 * mask of one node stays as it was bound when a cpuset takes the node away.
 *
 * Context: no lock.  Keeps errno.  Return: 0 or -errno; -ENOSYS as above.
 */
int host_policy_of(const void *addr, enum host_policy *policy,
		   struct nodemask *nodes);

/*
 * Nodes that the process may take memory from now: its cpuset can change at
 * any time.  Context: no lock.  Keeps errno.  0 or -errno; -ENOSYS as above.
 */
int host_allowed_nodes(struct nodemask *nodes);

/*
 * Size of the pages that memory at addr is mapped with: 2 MiB or 1 GiB with
 * hugetlb, else that of the system (transparent huge pages, too); that of the
 * system where the kernel does not say.  Context: no lock.  Keeps errno.
 * Cost: slow, the kernel looks at each page of the process; for creation.
 */
size_t host_mapping_page(const void *addr);

/*
 * Whether a part of this memory is shared with others, or may be: a child of
 * fork does not get a copy of it.  *alike: all of it is of one kind, as
 * host_discard wants it.  Context: no lock.  Keeps errno.  Cost: slow, a line
 * is read for each mapping of the process below it; once for each region.
 */
bool host_is_shared(const void *start, size_t bytes, bool *alike);

/*
 * host_node_free - bytes that may be touched on a node without harm
 * @mapping_page: as host_mapping_page says
 *
 * Pages of the system: what is free above each zone's reserve, and half of the
 * clean file cache, which the kernel drops before it kills.  hugetlb: the free
 * pages of this size in the node's pool.  Others take memory at the same time,
 * so it is an estimate.  0: no such node.
 *
 * Context: no lock.  Keeps errno.  Cost: some file reads, 60 us.
 */
u64 host_node_free(u32 node, size_t mapping_page);

/*
 * host_run_threads - run fn(data, i) on nr threads and wait for all
 * @node: thread i runs on those CPUs of node[i] that the caller may use;
 *	  wherever the caller may when there are none
 *
 * The caller's own CPUs stay as they are.  If only some threads can be
 * started, the caller runs the rest itself, so fn must not wait for another
 * i.  Signals of the program are not delivered on these threads.
 *
 * Context: no lock.  Keeps errno.  Cost: a thread each, 60 us.
 * Return: 0, or -EAGAIN: none could be started, and fn was not called.
 */
int host_run_threads(u32 nr, const u32 *node, void (*fn)(void *data, u32 i),
		     void *data);

/*
 * Threads share out pieces in order: *next is where those end that have been
 * claimed.  Whether [at, end) is the caller's now.
 */
static inline bool claim_piece(u64 *next, u64 at, u64 end)
{
	u64 seen = __atomic_load_n(next, __ATOMIC_RELAXED);

	while (seen <= at &&
	       !__atomic_compare_exchange_n(next, &seen, end, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return seen <= at;
}

/* --- time ----------------------------------------------------------------- */

/* Nanoseconds since some moment.  Context: any.  Keeps errno.  Cost: 25 ns. */
u64 host_clock(void);

/*
 * host_worker_start - call fn(data) every period nanoseconds, on a thread
 *
 * Signals of the program are not delivered there.  A child of fork has none,
 * and must not stop it.
 *
 * Context: no lock.  Keeps errno.  Return: 0 and *worker, or -EAGAIN.
 */
struct host_worker;
int host_worker_start(struct host_worker **worker, u64 period,
		      void (*fn)(void *data), void *data);
/* Wait until fn is not running, and will not again.  Not from within fn. */
void host_worker_stop(struct host_worker *worker);
/*
 * host_start_thread - run fn(data, 0) on a thread of its own
 *
 * Signals of the program are not delivered on it.  What is returned is for
 * host_join_thread, which waits for its end, once; NULL: it could not be
 * started.  Context: no lock.  Keeps errno.  Cost: 60 us.
 */
void *host_start_thread(void (*fn)(void *data, u32 i), void *data);
void host_join_thread(void *thread);

/* --- bringing pages into memory ------------------------------------------ */

/*
 * host_populate - bring pages into memory as if each were written to
 *
 * Contents are kept, whoever uses them meanwhile.  Where the pages come from is
 * what host_bind says.
 * Context: no lock.  Keeps errno.  Cost: a system call, and for pages that are
 * not in memory what they cost when they are touched.
 * Return: 0; -ENOSYS: not in this system, or not with this memory: touch them;
 * -ENOMEM: there is no memory; -EFAULT: they cannot be touched either.
 */
int host_populate(void *start, size_t bytes);

/* Huge pages are wished for, where the range can have some and they are
 * transparent.  Context: no lock.  Keeps errno.  Cost: a system call, during
 * which nobody's page fault goes on. */
void host_advise_huge(void *start, size_t bytes);

/* --- the rest ----------------------------------------------------------- */

/* 64 bits that nobody outside can guess. */
u64 host_random(void);
/* Make every running thread of the process pass a full barrier. 0 or -errno. */
int host_membarrier(void);
/* Let another thread run. */
void host_yield(void);

/* Write text to stderr: the fault message and validate's report. */
void host_print(const char *text, size_t bytes);
/*
 * Write all of the text to a file descriptor, in as many pieces as it takes,
 * and again where a signal interrupts.  Context: no lock.  Keeps errno.
 * Return: 0 or -errno; then a part of it may be written.
 */
int host_write(int fd, const char *text, size_t bytes);
/*
 * Name the code at an address as MODULE+0xOFFSET, such that `addr2line -e
 * MODULE 0xOFFSET` finds it; as a plain 0xADDRESS where no module is known.  A
 * path that is too long for the room is left out but for its last part.
 */
void host_symbol(const void *address, char *text, size_t bytes);
/*
 * Who called the function that returns to `caller`, and so on: up to nr return
 * addresses, the first of which is not caller itself.  0: not to be found.
 * Context: no lock; on the stack of the call that is asked about.  Takes no
 * memory.  Cost: 0.5 us for each frame.  Return: how many.
 */
u32 host_backtrace(const void *caller, void **frame, u32 nr);
void host_abort(void) __attribute__((noreturn));

#endif
