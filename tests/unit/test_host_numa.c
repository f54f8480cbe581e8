/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_numa.c: where pages are on the simulated machine, arch/sim.  Tests
 * of placement lean on it: each rule of settle.c is checked page by page.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "host_numa_test.h"
#include "lacks.h"

/* --- policies ---------------------------------------------------------- */

static void test_policies(void **state)
{
	static const struct {
		enum host_policy policy;
		u64 bits;
		u32 cpu;
		const char *nodes;
	} table[] = {
		{ HOST_POLICY_BIND, 1, 0, "00000000" },
		{ HOST_POLICY_BIND, 8, 0, "33333333" },
		{ HOST_POLICY_BIND, 6, 7, "11111111" },
		{ HOST_POLICY_PREFERRED, 4, 0, "22222222" },
		{ HOST_POLICY_PREFERRED, 12, 0, "22222222" },
		{ HOST_POLICY_LOCAL, 0, 0, "00000000" },
		{ HOST_POLICY_LOCAL, 0, 1, "00000000" },
		{ HOST_POLICY_LOCAL, 0, 5, "22222222" },
		{ HOST_POLICY_INTERLEAVE, 2, 0, "11111111" },
		{ HOST_POLICY_INTERLEAVE, 15, 0, "01230123" },
		{ HOST_POLICY_INTERLEAVE, 9, 0, "03030303" },
	};
	struct nodemask nodes;
	enum host_policy policy;
	size_t i;

	(void)state;
	assert_int_equal((uintptr_t)area % (4 * page), 0);
	for (i = 0; i < ARRAY_LEN(table); i++) {
		host_sim_set_cpu(table[i].cpu);
		assert_int_equal(bind(0, 8, table[i].policy, table[i].bits), 0);
		assert_string_equal(picture(0, 8), "........");
		touch(0, 8);
		assert_string_equal(picture(0, 8), table[i].nodes);
		assert_int_equal(host_policy_of(at(7) + 5, &policy, &nodes), 0);
		assert_int_equal(policy, table[i].policy);
		assert_int_equal(nodes.word[0], table[i].bits);
		assert_int_equal(host_discard(at(0), 8 * page), 0);
	}
	assert_int_equal(host_policy_of(at(8), &policy, &nodes), 0);
	assert_int_equal(policy, HOST_POLICY_LOCAL);
	assert_true(nodemask_empty(&nodes));
	assert_int_equal(host_sim_killed(), 0);
}

/* Pages are where they were when they were touched, whatever is said later. */
static void test_stays(void **state)
{
	(void)state;
	host_sim_set_cpu(2);
	touch(0, 2);
	assert_int_equal(bind(0, 8, HOST_POLICY_BIND, 8), 0);
	touch(2, 2);
	assert_int_equal(bind(1, 5, HOST_POLICY_INTERLEAVE, 5), 0);
	touch(4, 3);
	host_sim_set_cpu(0);
	assert_int_equal(bind(0, 16, HOST_POLICY_LOCAL, 0), 0);
	touch(7, 1);
	assert_string_equal(picture(0, 9), "11330230.");
	/* Dropped, one page comes anew and reads as zero. */
	assert_int_equal(host_discard(at(2), page), 0);
	assert_int_equal(host_sim_touched(at(0), 9 * page), 7 * page);
	assert_int_equal(*at(3), 1);
	assert_string_equal(picture(0, 9), "11.30230.");
	assert_int_equal(*at(2), 0);
	assert_string_equal(picture(0, 9), "11030230.");
}

/* A thread that settles its own pages is the one that touched them. */
static void *touch_as(void *data)
{
	const u32 *cpu = data;

	host_sim_set_cpu(*cpu);
	touch(*cpu, 1);
	host_sim_settle(at(*cpu), page);
	host_clear(at(8 + 2 * *cpu), 2 * page);
	return NULL;
}

static void test_who_touches(void **state)
{
	pthread_t thread;
	u32 cpu;

	(void)state;
	for (cpu = 0; cpu < 8; cpu++) {
		assert_int_equal(pthread_create(&thread, NULL, touch_as, &cpu),
				 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_string_equal(picture(0, 24), "001122330000111122223333");
	/* A node without memory has none to give. */
	assert_int_equal(host_sim_describe("0/1/2:1G,0,1G;10,20,30;20,10,15;"
					   "30,15,10"),
			 0);
	host_sim_set_cpu(1);
	touch(30, 1);
	assert_string_equal(picture(30, 1), "2");
}

static void test_refused(void **state)
{
	struct nodemask nodes = nodemask_of(0);
	enum host_policy policy;
	void *gone =
		mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(gone != MAP_FAILED);
	assert_int_equal(munmap(gone, page), 0);
	assert_int_equal(host_sim_describe("0/1/2/3:1G,1G,0,1G"), 0);
	assert_int_equal(bind(0, 8, HOST_POLICY_BIND, 2), 0);
	errno = 77;
	assert_int_equal(bind(0, 8, HOST_POLICY_BIND, 4), -EINVAL);
	assert_int_equal(bind(0, 8, HOST_POLICY_PREFERRED, 4), -EINVAL);
	assert_int_equal(bind(0, 8, HOST_POLICY_BIND, 0), -EINVAL);
	assert_int_equal(bind(0, 8, HOST_POLICY_INTERLEAVE, 16), -EINVAL);
	assert_int_equal(bind(0, 0, HOST_POLICY_BIND, 1), -EINVAL);
	assert_int_equal(bind(0, 8, (enum host_policy)4, 1), -EINVAL);
	assert_int_equal(host_bind(at(0), page, HOST_POLICY_BIND, NULL),
			 -EINVAL);
	assert_int_equal(host_bind(at(0) + 1, page, HOST_POLICY_BIND, &nodes),
			 -EINVAL);
	assert_int_equal(host_bind(at(0), page - 1, HOST_POLICY_BIND, &nodes),
			 -EINVAL);
	assert_int_equal(host_bind(gone, page, HOST_POLICY_BIND, &nodes),
			 -EINVAL);
	assert_int_equal(host_bind(at(0), -page, HOST_POLICY_BIND, &nodes),
			 -EINVAL);
	assert_int_equal(host_discard(at(0) + 1, page), -EINVAL);
	assert_int_equal(host_discard(at(0), 0), -EINVAL);
	assert_int_equal(host_discard(gone, page), -EINVAL);
	/* All this changed nothing. */
	assert_int_equal(host_policy_of(at(0), &policy, &nodes), 0);
	assert_int_equal(policy, HOST_POLICY_BIND);
	assert_int_equal(nodes.word[0], 2);
	assert_int_equal(host_sim_policies(), 1);
	/* A mask of which the kernel would use a part. */
	assert_int_equal(bind(2, 2, HOST_POLICY_BIND, 6), -EXDEV);
	assert_int_equal(bind(4, 2, HOST_POLICY_INTERLEAVE, 0x1f), -EXDEV);
	assert_int_equal(errno, 77);
	touch(0, 8);
	assert_string_equal(picture(0, 8), "11000011");
}

static void test_discard_locked(void **state)
{
	(void)state;
	assert_int_equal(bind(0, 4, HOST_POLICY_BIND, 2), 0);
	touch(0, 4);
	/* Sanitizers make mlock do nothing. */
	if (syscall(SYS_mlock, at(1), page))
		skip();
	errno = 77;
	assert_int_equal(host_discard(at(1), page), -EINVAL);
	assert_int_equal(errno, 77);
	assert_int_equal(*at(1), 1);
	assert_string_equal(picture(0, 4), "1111");
	assert_int_equal(syscall(SYS_munlock, at(1), page), 0);
	assert_int_equal(host_discard(at(1), page), 0);
	assert_int_equal(*at(1), 0);
}

static void test_discard_shared(void **state)
{
	const int prot = PROT_READ | PROT_WRITE;
	char *a, *b;
	int fd;

	(void)state;
	need(!lacks("remove"), "the system ignores MADV_REMOVE");
	fd = memfd_create("pages", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)page), 0);
	a = mmap(at(0), page, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	b = mmap(at(1), page, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	assert_true(a != MAP_FAILED && b != MAP_FAILED);
	*a = 1;
	assert_int_equal(*b, 1);
	assert_int_equal(host_discard(a, page), 0);
	assert_int_equal(*a, 0);
	assert_int_equal(*b, 0);
	close(fd);
}

/* --- room -------------------------------------------------------------- */

static void test_room(void **state)
{
	(void)state;
	assert_true(host_node_free(0, page) >= TIB);
	assert_int_equal(host_node_free(4, page), 0);
	host_sim_set_node_free(1, 3 * page + page / 2);
	assert_int_equal(host_node_free(1, page), 3 * page);
	assert_int_equal(host_node_free(1, 4 * page), 0);
	assert_int_equal(bind(0, 8, HOST_POLICY_PREFERRED, 10), 0);
	touch(0, 6);
	/* Nobody asked for nodes yet, and still it is taken. */
	assert_int_equal(host_node_free(1, page), 0);
	assert_string_equal(picture(0, 8), "111333..");
	assert_int_equal(host_discard(at(0), 2 * page), 0);
	assert_int_equal(host_node_free(1, page), 2 * page);
	/* Interleaved and local pages go to the nearest that has room. */
	assert_int_equal(host_sim_describe("3x1:1G;10,20,15;20,10,15;15,15,10"),
			 0);
	host_sim_set_node_free(0, 0);
	host_sim_set_node_free(1, page);
	assert_int_equal(bind(8, 8, HOST_POLICY_INTERLEAVE, 3), 0);
	touch(8, 4);
	assert_string_equal(picture(8, 8), "2122....");
	host_sim_set_cpu(0);
	touch(32, 2);
	assert_string_equal(picture(32, 3), "22.");
	assert_int_equal(host_sim_killed(), 0);
	/* To bind more than there is ends the process. */
	assert_int_equal(bind(16, 4, HOST_POLICY_BIND, 3), 0);
	touch(16, 3);
	assert_int_equal(host_sim_killed(), 3 * page);
	assert_string_equal(picture(16, 4), "000.");
	host_sim_set_node_free(0, 4 * page);
	touch(19, 1);
	assert_string_equal(picture(16, 4), "0000");
	assert_int_equal(host_sim_killed(), 3 * page);
	assert_int_equal(host_node_free(0, page), 3 * page);
}

static void test_unmapped(void **state)
{
	char *other = host_map(4 * page, false);
	struct nodemask nodes = nodemask_of(2);

	(void)state;
	assert_non_null(other);
	host_sim_set_node_free(2, 4 * page);
	assert_int_equal(host_bind(other, 4 * page, HOST_POLICY_BIND, &nodes),
			 0);
	memset(other, 1, 4 * page);
	assert_int_equal(host_node_free(2, page), 0);
	assert_int_equal(host_sim_on_node(other, 4 * page, 2), 4 * page);
	/* Gone behind the back of the host: seen when somebody looks. */
	assert_int_equal(madvise(other, page, MADV_DONTNEED), 0);
	assert_int_equal(host_node_free(2, page), page);
	host_unmap(other, 4 * page);
	assert_int_equal(host_node_free(2, page), 4 * page);
	assert_int_equal(host_sim_policies(), 0);
}

/* --- the cpuset -------------------------------------------------------- */

static void allow(u64 bits)
{
	struct nodemask nodes = nodemask_of_bits(bits);

	host_sim_set_allowed(&nodes);
	assert_int_equal(host_allowed_nodes(&nodes), 0);
	assert_int_equal(nodes.word[0], bits & 15);
}

static void test_allowed(void **state)
{
	struct nodemask nodes;
	enum host_policy policy;

	(void)state;
	assert_int_equal(host_allowed_nodes(&nodes), 0);
	assert_int_equal(nodes.word[0], 15);
	assert_int_equal(bind(0, 4, HOST_POLICY_BIND, 8), 0);
	assert_int_equal(bind(4, 4, HOST_POLICY_BIND, 12), 0);
	assert_int_equal(bind(8, 4, HOST_POLICY_INTERLEAVE, 15), 0);
	assert_int_equal(bind(12, 4, HOST_POLICY_PREFERRED, 8), 0);
	host_sim_set_cpu(7);
	touch(0, 2);
	touch(4, 2);
	touch(8, 4);
	touch(12, 2);
	allow(0xf7);
	/* Pages move; masks are rewritten, but for one node bound. */
	assert_string_equal(picture(0, 16), "00..22..012000..");
	assert_int_equal(host_policy_of(at(0), &policy, &nodes), 0);
	assert_int_equal(nodes.word[0], 8);
	assert_int_equal(host_policy_of(at(4), &policy, &nodes), 0);
	assert_int_equal(nodes.word[0], 5);
	assert_int_equal(policy, HOST_POLICY_BIND);
	assert_int_equal(host_policy_of(at(8), &policy, &nodes), 0);
	assert_int_equal(nodes.word[0], 7);
	assert_int_equal(host_policy_of(at(12), &policy, &nodes), 0);
	assert_int_equal(nodes.word[0], 8);
	touch(0, 8);
	touch(20, 1);
	assert_string_equal(picture(0, 8), "00002200");
	assert_int_equal(picture(20, 1)[0] != '3', 1);
	assert_int_equal(bind(0, 4, HOST_POLICY_BIND, 8), -EINVAL);
	assert_int_equal(bind(20, 4, HOST_POLICY_BIND, 9), -EXDEV);
	/* The node comes back: what was bound to it goes there again. */
	allow(15);
	assert_int_equal(host_discard(at(0), 8 * page), 0);
	touch(0, 8);
	assert_string_equal(picture(0, 8), "33330000");
}

/* --- what tests do ----------------------------------------------------- */

static void test_move(void **state)
{
	(void)state;
	assert_int_equal(bind(0, 8, HOST_POLICY_BIND, 2), 0);
	touch(0, 6);
	host_sim_move(at(1), 2 * page, 3);
	host_sim_move(at(5), 2 * page, 0);
	assert_string_equal(picture(0, 8), "133110..");
	touch(6, 1);
	assert_string_equal(picture(0, 8), "1331101.");
	assert_int_equal(host_sim_on_node(at(0), 8 * page, 1), 4 * page);
	assert_int_equal(host_sim_on_node(at(0), 8 * page, 3), 2 * page);
	assert_int_equal(host_sim_on_node(at(2), page, 3), page);
	assert_int_equal(host_sim_on_node(at(0), 8 * page, 2), 0);
}

static void test_refuse(void **state)
{
	struct nodemask nodes = nodemask_of(0);
	enum host_policy policy;
	void *addr = area;
	int node;

	(void)state;
	host_sim_refuse_placement(-ENOSYS);
	assert_int_equal(bind(0, 1, HOST_POLICY_BIND, 1), -ENOSYS);
	assert_int_equal(host_nodes_of(&addr, &node, 1), -ENOSYS);
	assert_int_equal(host_policy_of(area, &policy, &nodes), -ENOSYS);
	assert_int_equal(host_allowed_nodes(&nodes), -ENOSYS);
	assert_int_equal(host_discard(area, page), 0);
	host_sim_refuse_placement(0);
	assert_int_equal(bind(0, 1, HOST_POLICY_BIND, 1), 0);
	host_sim_fail_with(HOST_SIM_BIND, 2, -EXDEV);
	assert_int_equal(bind(0, 1, HOST_POLICY_BIND, 2), 0);
	assert_int_equal(bind(0, 1, HOST_POLICY_BIND, 4), -EXDEV);
	assert_int_equal(host_policy_of(area, &policy, &nodes), 0);
	assert_int_equal(nodes.word[0], 2);
	host_sim_fail(HOST_SIM_BIND, 1);
	assert_int_equal(bind(0, 1, HOST_POLICY_BIND, 4), -ENOMEM);
	assert_int_equal(host_sim_mapping_calls(), 6);
	assert_int_equal(host_sim_failed(), 2);
}

static void test_mapping_page(void **state)
{
	(void)state;
	assert_int_equal(host_mapping_page(area), page);
	host_sim_set_mapping_page(4 * page);
	assert_int_equal(host_mapping_page(area), 4 * page);
	assert_int_equal(bind(0, 2, HOST_POLICY_BIND, 1), -EINVAL);
	assert_int_equal(bind(2, 4, HOST_POLICY_BIND, 1), -EINVAL);
	assert_int_equal(bind(0, 16, HOST_POLICY_INTERLEAVE, 3), 0);
	touch(0, 16);
	assert_string_equal(picture(0, 16), "0000111100001111");
	assert_int_equal(host_discard(at(0), page), -EINVAL);
	assert_int_equal(host_discard(at(0), 4 * page), 0);
	assert_string_equal(picture(0, 5), "....1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(policies), TEST(stays),	      TEST(who_touches),
		TEST(refused),	TEST(discard_locked), TEST(discard_shared),
		TEST(room),	TEST(unmapped),	      TEST(allowed),
		TEST(move),	TEST(refuse),	      TEST(mapping_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
