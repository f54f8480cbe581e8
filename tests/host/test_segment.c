/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_segment.c: tools/segment.c, figures.c, picture.c and stat_runs.c:
 * whatever is done to the file, the reader gives an error or figures, and does
 * not crash.
 */
#include "segment_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "picture.h"
#include "stat_runs.h"

/* --- files that are not to be read --------------------------------------- */

static char path[] = "/tmp/fixheap-test-XXXXXX";

static int make_copy(const struct fixheap *heap)
{
	int from = open(fixheap_segment_path(heap), O_RDONLY), to;
	off_t at = 0, end;
	char *text;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	to = mkstemp(path);
	assert_true(from >= 0 && to >= 0);
	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		end = lseek(from, at, SEEK_HOLE);
		text = malloc((size_t)(end - at));
		assert_int_equal(pread(from, text, (size_t)(end - at), at),
				 end - at);
		assert_int_equal(pwrite(to, text, (size_t)(end - at), at),
				 end - at);
		free(text);
		at = end;
	}
	end = lseek(from, 0, SEEK_END);
	assert_int_equal(ftruncate(to, end), 0);
	close(from);
	return to;
}

static void assert_wrong(const char *name, const char *wanted)
{
	struct segment segment;
	const char *wrong = segment_open(&segment, name);

	assert_non_null(wrong);
	if (!strstr(wrong, wanted))
		fail_msg("'%s' instead of '%s'", wrong, wanted);
}

static void test_refused(void **state)
{
	struct fixheap *heap = make_heap(0);
	char link[sizeof(path) + 8];
	struct segment segment;
	int fd = make_copy(heap);

	(void)state;
	assert_null(segment_open(&segment, path));
	assert_false(segment_is_alive(&segment));
	segment_close(&segment);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_wrong(path, "others");
	assert_int_equal(fchmod(fd, 0600), 0);
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	assert_wrong(link, "symbolic link");
	unlink(link);
	assert_int_equal(mkfifo(link, 0600), 0);
	assert_wrong(link, "plain file");
	unlink(link);
	assert_wrong(link, "No such file");
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_wrong(path, "cut short");
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_wrong(path, "cut short");
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_wrong(path, "not a segment");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_wrong(path, "just making");
	close(fd);
	unlink(path);
	if (!geteuid()) {
		fd = make_copy(heap);
		assert_int_equal(fchown(fd, 65534, 65534), 0);
		assert_wrong(path, "another user");
		close(fd);
		unlink(path);
	}
	fixheap_destroy(heap);
}

/* --- random damage ------------------------------------------------------- */

/* A place that holds something, most often the header. */
static off_t some_place(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END), at;

	if (next_random() % 2)
		return (off_t)(next_random() % sizeof(struct fixheap_segment));
	at = lseek(fd, (off_t)(next_random() % (uint64_t)size), SEEK_DATA);
	if (at < 0)
		at = 0;
	at += (off_t)(next_random() % 4096);
	return at < size - 8 ? at & ~(off_t)7 : size - 8;
}

static uint64_t some_value(uint64_t old)
{
	switch (next_random() % 6) {
	case 0:
		return next_random();
	case 1:
		return old ^ UINT64_C(1) << next_random() % 64;
	case 2:
		return old + next_random() % 16 - 8;
	case 3:
		return UINT64_MAX - next_random() % 2;
	case 4:
		return next_random() % 4096;
	default:
		return 0;
	}
}

struct damage {
	off_t at;
	uint64_t old;
};

static void do_damage(int fd, struct damage *damage)
{
	uint64_t value;

	damage->at = some_place(fd);
	assert_int_equal(pread(fd, &damage->old, 8, damage->at), 8);
	value = some_value(damage->old);
	assert_int_equal(pwrite(fd, &value, 8, damage->at), 8);
}

/* Read it; whether it could be read. */
static bool is_readable(void)
{
	struct picture picture = { .width = 64, .want_lines = 4 };
	struct segment segment;
	struct figures figures;
	const char *wrong = segment_open(&segment, path), *drawn, *listed;
	json_t *runs = NULL;

	if (wrong) {
		assert_true(*wrong);
		return false;
	}
	wrong = figures_read(&figures, &segment);
	assert_true(!wrong || *wrong);
	if (!wrong) {
		listed = stat_runs(&figures, &segment, &runs);
		assert_true(listed ? *listed : json_is_array(runs));
		json_decref(runs);
	}
	figures_end(&figures);
	picture.by = (enum picture_by)(next_random() % 4);
	/* which wants more of the file */
	drawn = picture_make(&picture, &segment);
	assert_true(drawn ? *drawn : !wrong);
	picture_end(&picture);
	segment_close(&segment);
	return !wrong;
}

static void damage_it(size_t max_bytes, int rounds)
{
	struct fixheap *heap = make_heap(max_bytes);
	int readable = 0, fd;
	struct damage damage[8];
	off_t size;

	use_heap(heap);
	fd = make_copy(heap);
	size = lseek(fd, 0, SEEK_END);
	assert_true(is_readable());
	for (int i = 0; i < rounds; i++) {
		int nr = (int)(next_random() % 8), n;
		bool cut = next_random() % 16 == 0;

		for (n = 0; n < nr; n++)
			do_damage(fd, &damage[n]);
		if (cut) {
			off_t at = (off_t)(next_random() % (uint64_t)size);

			close(fd);
			fd = open(path, O_RDWR);
			assert_int_equal(ftruncate(fd, at), 0);
			is_readable();
			/* what was behind it is lost: begin anew */
			close(fd);
			unlink(path);
			fd = make_copy(heap);
			continue;
		}
		readable += is_readable();
		while (n--)
			assert_int_equal(
				pwrite(fd, &damage[n].old, 8, damage[n].at), 8);
	}
	assert_true(is_readable());
	assert_true(readable > rounds / 50 && readable < rounds);
	close(fd);
	unlink(path);
	fixheap_destroy(heap);
}

static void test_damage(void **state)
{
	(void)state;
	damage_it(0, 4000);
	damage_it(256 * MIB, 1000);
}

/* One that has page numbers for far more than there is. */
static void test_growing(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct segment segment;
	struct figures figures;
	struct fixheap *heap;

	(void)state;
	config.mode = FIXHEAP_SIMPLE;
	config.length = 64 * MIB;
	config.flags = FIXHEAP_SHARE;
	if (fixheap_create(&config, &heap))
		skip();
	use_heap(heap);
	assert_null(segment_open(&segment, fixheap_segment_path(heap)));
	assert_null(figures_read(&figures, &segment));
	figures_end(&figures);
	segment_close(&segment);
	fixheap_destroy(heap);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(refused),
		TEST(damage),
		TEST(growing),
	};

	random_begin(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
