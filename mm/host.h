/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h: the only door to the machine.  mm/ calls nothing else of the
 * operating system but pthread locks.  arch/linux/host.c is the real one,
 * arch/sim/host.c (with arch/sim/host_sim.h) a simulated machine for tests;
 * which is used is decided at link time.
 *
 * Nothing here may be called with a zone lock held, except host_this_cpu.
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

/*
 * Memory for a heap that the caller did not bring, aligned to 2 MiB, which is
 * at least fixheap's largest page; hugepages: ask for huge ones.  NULL when
 * the system refuses.
 */
void *host_map(size_t bytes, bool hugepages);
void host_unmap(void *start, size_t bytes);

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
 * Name the code at an address as MODULE+0xOFFSET, such that `addr2line -e
 * MODULE 0xOFFSET` finds it; as a plain 0xADDRESS where no module is known.  A
 * path that is too long for the room is left out but for its last part.
 */
void host_symbol(const void *address, char *text, size_t bytes);
void host_abort(void) __attribute__((noreturn));

#endif
