/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_calls.c: system calls that can be missing, arch/linux/host.c.  Each
 * way around is taken in a child whose system calls fail.  And names of code.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cpu.h"
#include "host.h"

/*
 * Two threads each announce themselves, then look for the other; the one side
 * has no barrier of its own but the compiler's.  That both see nobody is what
 * host_membarrier on the other side has to rule out.
 */
struct side {
	int announced, saw;
} __attribute__((aligned(128)));

struct duel {
	struct side fast, slow;
	int begun __attribute__((aligned(128))); /* round */
	int ended __attribute__((aligned(128))); /* round */
	int rounds;
};

static void wait_for(const int *word, int value)
{
	int i = 0;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		if (++i % 1000)
			cpu_relax();
		else
			sched_yield();
}

static void announce_and_look(struct side *self, const struct side *other,
			      int (*barrier)(void), int *err)
{
	__atomic_store_n(&self->announced, 1, __ATOMIC_RELAXED);
	*err |= barrier();
	self->saw = __atomic_load_n(&other->announced, __ATOMIC_RELAXED);
}

static int compiler_barrier(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return 0;
}

static void *duel_fast(void *data)
{
	struct duel *duel = data;
	int round, err = 0;

	for (round = 1; round <= duel->rounds; round++) {
		wait_for(&duel->begun, round);
		announce_and_look(&duel->fast, &duel->slow, compiler_barrier,
				  &err);
		__atomic_store_n(&duel->ended, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Rounds in which both saw nobody; -1: no barrier, no thread. */
static int duel_fight(int (*barrier)(void), int rounds)
{
	struct duel duel = { .rounds = rounds };
	int round, i, err = 0, lost = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, duel_fast, &duel))
		return -1;
	for (round = 1; round <= rounds; round++) {
		duel.fast.announced = duel.slow.announced = 0;
		__atomic_store_n(&duel.begun, round, __ATOMIC_RELEASE);
		/* The other side needs a while to see that; meet it at all
		 * points of its way. */
		for (i = 0; i < round % 1024; i++)
			compiler_barrier();
		announce_and_look(&duel.slow, &duel.fast, barrier, &err);
		wait_for(&duel.ended, round);
		lost += !duel.fast.saw && !duel.slow.saw;
	}
	pthread_join(thread, NULL);
	return err ? -1 : lost;
}

static void test_membarrier(void **state)
{
	(void)state;
	errno = 77;
	assert_int_equal(host_membarrier(), 0);
	assert_int_equal(host_membarrier(), 0);
	assert_int_equal(errno, 77);
	assert_int_equal(duel_fight(host_membarrier, 5000), 0);
}

static int visit_cpus(void)
{
	cpu_set_t before, after;

	if (!forbid(SYS_membarrier, SYS_membarrier, ENOSYS))
		return CANNOT_FORBID;
	if (sched_getaffinity(0, sizeof(before), &before))
		return 1;
	errno = 77;
	if (host_membarrier() || errno != 77)
		return 2;
	if (duel_fight(host_membarrier, 500))
		return 3;
	if (sched_getaffinity(0, sizeof(after), &after))
		return 4;
	return CPU_EQUAL(&before, &after) ? 0 : 5;
}

static int visit_refused(void)
{
	if (!forbid(SYS_membarrier, SYS_sched_setaffinity, EACCES))
		return CANNOT_FORBID;
	return host_membarrier() == -EACCES ? 0 : 1;
}

static void test_membarrier_missing(void **state)
{
	(void)state;
	assert_child(visit_cpus, 0);
}

static void test_membarrier_refused(void **state)
{
	(void)state;
	assert_child(visit_refused, 0);
}

static int random_differs(void)
{
	u64 first = host_random(), ones = first, zeros = first;
	int i;

	errno = 77;
	for (i = 0; i < 200; i++) {
		u64 next = host_random();

		if (next == first)
			return 1;
		ones &= next;
		zeros |= next;
	}
	/* A bit that never changes in 200 numbers is not random. */
	return errno != 77 || ones != 0 || zeros != UINT64_MAX;
}

static int random_without_getrandom(void)
{
	if (!forbid(SYS_getrandom, SYS_getrandom, ENOSYS))
		return CANNOT_FORBID;
	return random_differs();
}

static void test_random(void **state)
{
	(void)state;
	assert_int_equal(random_differs(), 0);
}

static void test_random_missing(void **state)
{
	(void)state;
	assert_child(random_without_getrandom, 0);
}

/* The text is MODULE+0xOFFSET, as dladdr1 and the module's file have it. */
static void check_symbol(const void *address, const char *module)
{
	struct link_map *map;
	char text[PATH_MAX + 20], want[PATH_MAX + 20];
	Dl_info info;

	assert_true(dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP));
	snprintf(want, sizeof(want), "%s+0x%zx", module ? module : map->l_name,
		 (size_t)address - map->l_addr);
	errno = 77;
	host_symbol(address, text, sizeof(text));
	assert_int_equal(errno, 77);
	assert_string_equal(text, want);
	/* no room for the path: its last part */
	if (strlen(want) < 30)
		return;
	host_symbol(address, text, 30);
	assert_string_equal(text, strrchr(want, '/') + 1);
}

static void test_symbol(void **state)
{
	char program[PATH_MAX] = "", module[PATH_MAX] = "", text[PATH_MAX];
	const void *here = (const void *)(uintptr_t)test_symbol;

	(void)state;
	host_symbol(here, text, sizeof(text));
	assert_non_null(strchr(text, '+'));
	*strchr(text, '+') = '\0';
	assert_true(readlink("/proc/self/exe", program, PATH_MAX - 1) > 0);
	assert_non_null(realpath(text, module));
	assert_string_equal(module, program);
	check_symbol(here, text);
	check_symbol(dlsym(RTLD_DEFAULT, "abort"), NULL);
	/* no module at all */
	host_symbol(text, text, sizeof(text));
	assert_ptr_equal(strtoul(text, NULL, 16), text);
	host_symbol((const void *)0x123, text, sizeof(text));
	assert_string_equal(text, "0x123");
}

#define NR_FRAMES 4

struct stack {
	void *frame[NR_FRAMES];
	u32 nr, wanted;
};

/* As a function of the library does. */
static __attribute__((noinline)) void asked(struct stack *stack)
{
	stack->nr = host_backtrace(__builtin_return_address(0), stack->frame,
				   stack->wanted);
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void inner(struct stack *stack)
{
	asked(stack);
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void outer(struct stack *stack)
{
	inner(stack);
	__asm__ volatile("" ::: "memory");
}

static bool lies_in(const void *address, void (*function)(struct stack *))
{
	return (uintptr_t)address - (uintptr_t)function < 100;
}

static void test_backtrace(void **state)
{
	struct stack stack = { .wanted = NR_FRAMES };

	(void)state;
	outer(&stack);
	assert_true(stack.nr >= 3);
	assert_true(lies_in(stack.frame[0], outer));
	assert_true((uintptr_t)stack.frame[1] - (uintptr_t)test_backtrace <
		    400);
	stack.wanted = 1;
	stack.frame[1] = NULL;
	outer(&stack);
	assert_int_equal(stack.nr, 1);
	assert_null(stack.frame[1]);
	stack.wanted = 0;
	outer(&stack);
	assert_int_equal(stack.nr, 0);
	/* nobody returns there */
	assert_int_equal(host_backtrace(&stack, stack.frame, 1), 0);
}

/* What goes wrong is told; partial writes, see test_print in test_host.c. */
static void test_write(void **state)
{
	static char large[1 << 20];
	int fds[2], full = open("/dev/full", O_WRONLY);
	char got[8] = "";

	(void)state;
	errno = 77;
	assert_int_equal(host_write(-1, "a", 1), -EBADF);
	assert_int_equal(host_write(-1, "", 0), 0);
	assert_int_equal(host_write(full, "a", 1), -ENOSPC);
	assert_int_equal(errno, 77);
	close(full);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(host_write(fds[1], "abc", 3), 0);
	assert_int_equal(read(fds[0], got, sizeof(got)), 3);
	assert_string_equal(got, "abc");
	/* as much as there is room for, then an error */
	assert_int_equal(host_write(fds[1], large, sizeof(large)), -EAGAIN);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_membarrier),
		cmocka_unit_test(test_membarrier_missing),
		cmocka_unit_test(test_membarrier_refused),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_missing),
		cmocka_unit_test(test_symbol),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_backtrace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
