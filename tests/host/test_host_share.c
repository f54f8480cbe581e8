/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_share.c: files of metadata on a real machine, arch/linux/share.c.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fixheap/segment.h>

#include "host.h"

#define MIB ((size_t)1 << 20)
#define TEST(name) cmocka_unit_test(test_##name)

static bool is_there(const struct host_share *share)
{
	return !access(share->path, F_OK);
}

static void test_file(void **state)
{
	struct host_share share, other;
	char *start, *second;
	struct stat st;
	mode_t mask = umask(0777);

	(void)state;
	start = host_share(8 * MIB + 1, &share);
	umask(mask);
	if (!start)
		skip();
	assert_int_equal(lstat(share.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 8 * MIB + 1);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(st.st_uid, geteuid());
	start[8 * MIB] = 1;
	assert_int_equal(lstat(share.path, &st), 0);
	assert_true(st.st_blocks > 0 && st.st_blocks <= 128);
	second = host_share(1, &other);
	assert_non_null(second);
	assert_string_not_equal(share.path, other.path);
	errno = 77;
	host_share_end(&share);
	assert_int_equal(errno, 77);
	assert_false(is_there(&share));
	assert_true(is_there(&other));
	host_share_end(&share);
	host_share_end(&other);
	host_release(start, 8 * MIB + 1);
	host_release(second, 1);
}

/* As a program leaves them that this process was before exec. */
static void test_stale(void **state)
{
	struct fixheap_segment old = { .magic = FIXHEAP_SEGMENT_MAGIC };
	struct host_share share, again;
	char *start = host_share(MIB, &share), *second;

	(void)state;
	if (!start)
		skip();
	old.image = share.image;
	memcpy(start, &old, sizeof(old));
	second = host_share(MIB, &again);
	assert_string_not_equal(share.path, again.path);
	host_share_end(&again);
	host_release(second, MIB);
	/* now it is one of the same number in another namespace, */
	old.image++;
	memcpy(start, &old, sizeof(old));
	second = host_share(MIB, &again);
	assert_string_not_equal(share.path, again.path);
	host_share_end(&again);
	host_release(second, MIB);
	/* which is killed */
	host_release(start, MIB);
	second = host_share(MIB, &again);
	assert_string_equal(share.path, again.path);
	/* it is not ours any more */
	host_share_end(&share);
	assert_true(is_there(&again));
	host_share_end(&again);
	assert_false(is_there(&again));
	host_release(second, MIB);
}

/* What was touched, wherever the name went. */
static void test_copy(void **state)
{
	const size_t bytes = 64 * MIB + 100;
	struct host_share share, other;
	char *start = host_share(bytes, &share), *copy;
	struct stat st;

	(void)state;
	if (!start)
		skip();
	memset(start, 3, sizeof(u64)); /* the first word is not for the copy */
	for (size_t at = 0; at < bytes; at += 7 * MIB)
		start[at + 8] = 1;
	start[bytes - 1] = 2;
	for (int named = 1; named >= 0; named--) {
		if (!named)
			host_share_end(&share);
		errno = 77;
		copy = host_share_copy(&share, start, bytes, &other);
		assert_int_equal(errno, 77);
		assert_non_null(copy);
		assert_true(other.fd > 2);
		assert_int_equal(fstat(other.fd, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(st.st_size, bytes);
		assert_true(st.st_blocks > 0 && st.st_blocks <= 12 * 128);
		for (size_t at = 0; at < bytes; at += MIB)
			assert_int_equal(copy[at + 8], at % (7 * MIB) == 0);
		assert_int_equal(*(u64 *)copy, 0);
		assert_int_equal(copy[bytes - 1], 2);
		host_share_drop(&other, copy, bytes);
	}
	copy = host_share_copy(&share, start, bytes, &other);
	start[8] = 5;
	host_share_replace(&share, start, &other, copy, bytes);
	assert_int_equal(start[8], 1);
	start[8] = 6;
	assert_int_equal(pread(share.fd, start + 9, 1, 8), 1);
	assert_int_equal(start[9], 6);
	assert_true(is_there(&share));
	/* and once more, of that one */
	copy = host_share_copy(&share, start, bytes, &other);
	assert_int_equal(copy[8], 6);
	assert_int_equal(copy[bytes - 1], 2);
	host_share_drop(&other, copy, bytes);
	host_share_end(&share);
	assert_false(is_there(&share));
	host_release(start, bytes);
}

/* Where descriptors must be low, none that a program believes to be closed. */
static int low_limit(void)
{
	struct rlimit limit = { 64, 64 };
	struct host_share share, other;
	char *start = host_share(MIB, &share), *copy;

	if (!start || setrlimit(RLIMIT_NOFILE, &limit))
		return CANNOT_FORBID;
	host_share_end(&share);
	close(0);
	close(1);
	copy = host_share_copy(&share, start, MIB, &other);
	if (!copy || other.fd < 3)
		return 1;
	return write(1, "x", 1) == -1 ? 0 : 2;
}

/* No signal where files may not be so long. */
static int beyond_limit(void)
{
	struct rlimit limit = { MIB, MIB };
	struct host_share share;

	if (setrlimit(RLIMIT_FSIZE, &limit))
		return CANNOT_FORBID;
	if (host_share(2 * MIB, &share) || errno != EFBIG)
		return 1;
	return is_there(&share) ? 2 : 0;
}

static void test_limit(void **state)
{
	(void)state;
	assert_child(beyond_limit, 0);
	assert_child(low_limit, 0);
}

static struct host_share made;

static int ends_a_name(void)
{
	host_share_end(&made);
	return !is_there(&made);
}

static void test_child_leaves_the_name(void **state)
{
	char *start = host_share(MIB, &made);

	(void)state;
	if (!start)
		skip();
	assert_child(ends_a_name, 0);
	host_share_end(&made);
	assert_false(is_there(&made));
	host_release(start, MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file),
		TEST(stale),
		TEST(copy),
		TEST(limit),
		TEST(child_leaves_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
