/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads.c: threads, and barriers for them, on the simulated machine.
 *
 * The threads are real and run at the same time; each is on the first CPU of
 * its node, or, when the node has none, on the CPU of the caller.
 *
 * Locking: none.  Cost: a thread each.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "placement.h"
#include "sim.h"

struct worker {
	pthread_t thread;
	u32 i, cpu;
	void (*fn)(void *data, u32 i);
	void *data;
};

static u32 threads_max = UINT32_MAX;

static void *work(void *data)
{
	const struct worker *worker = data;

	host_sim_set_cpu(worker->cpu);
	worker->fn(worker->data, worker->i);
	return NULL;
}

/* CPU for a thread that belongs on the node with this number. */
static u32 cpu_for(u32 number)
{
	const struct topology *topo = sim_topology();
	u32 node = placement_node(number), cpu = 0;

	while (cpu < topo->nr_cpus && topo->cpu_node[cpu] != node)
		cpu++;
	return cpu < topo->nr_cpus ? cpu : sim_cpu();
}

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;
}

/* The threads are real, so the barrier is too. */
int host_membarrier(void)
{
	int saved = errno;
	int err = sim_enter(HOST_SIM_MEMBARRIER);

	if (err)
		return err;
	err = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	if (!err)
		err = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	errno = saved;
	return err;
}

void *host_start_thread(void (*fn)(void *data, u32 i), void *data)
{
	int err = sim_enter(HOST_SIM_START_THREAD), saved = errno;
	struct worker *w = err ? NULL : calloc(1, sizeof(*w));

	if (w) {
		*w = (struct worker){ .cpu = sim_cpu(),
				      .fn = fn,
				      .data = data };
		if (pthread_create(&w->thread, NULL, work, w))
			sim_misuse("no thread");
	}
	errno = saved;
	return w;
}

void host_join_thread(void *thread)
{
	struct worker *w = thread;

	pthread_join(w->thread, NULL);
	free(w);
}

int host_run_threads(u32 nr, const u32 *node, void (*fn)(void *data, u32 i),
		     void *data)
{
	int err = sim_enter(HOST_SIM_RUN_THREADS), saved = errno;
	struct worker *worker;
	u32 started = 0, i;

	if (err || !nr)
		return err;
	worker = calloc(nr, sizeof(*worker));
	if (!worker)
		sim_misuse("no memory for threads");
	for (; started < nr && started < threads_max; started++) {
		struct worker *w = &worker[started];

		*w = (struct worker){ .i = started, .fn = fn, .data = data };
		w->cpu = cpu_for(node[started]);
		if (pthread_create(&w->thread, NULL, work, w))
			break;
	}
	for (i = started; started && i < nr; i++)
		fn(data, i);
	for (i = 0; i < started; i++)
		pthread_join(worker[i].thread, NULL);
	free(worker);
	errno = saved;
	return started ? 0 : -EAGAIN;
}

void host_sim_set_threads(u32 nr)
{
	threads_max = nr;
}

void threads_reset(void)
{
	threads_max = UINT32_MAX;
}
