/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * family.c: what the C library promises of each function of malloc's family
 *
 * Prints what does not hold and ends with 1.  Also checks that nothing went to
 * the C library's own heap, which would make all the rest worthless.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void __libc_free(void *ptr);

static int failures;

#define CHECK(condition)                                               \
	do {                                                           \
		if (!(condition)) {                                    \
			printf("line %d: %s\n", __LINE__, #condition); \
			failures++;                                    \
		}                                                      \
	} while (0)

static bool aligned_to(const void *ptr, size_t alignment)
{
	return !((uintptr_t)ptr % alignment);
}

static bool all_bytes(const unsigned char *ptr, size_t bytes, int value)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (ptr[i] != value)
			return false;
	return true;
}

static void sizes(void)
{
	static const size_t table[] = {
		0,
		1,
		16,
		17,
		100,
		2048,
		14336,
		14337,
		16384,
		100000,
		(size_t)1 << 20,
		((size_t)5 << 20) + 1,
	};
	unsigned char *ptr, *more;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ptr = malloc(table[i]);
		CHECK(ptr && aligned_to(ptr, 16));
		CHECK(malloc_usable_size(ptr) >= table[i]);
		memset(ptr, 0x5a, malloc_usable_size(ptr));
		more = realloc(ptr, table[i] * 2 + 1);
		CHECK(more && all_bytes(more, table[i], 0x5a));
		more = realloc(more, table[i] / 2 + 1);
		CHECK(more && all_bytes(more, table[i] / 2, 0x5a));
		memset(more, 0xff, malloc_usable_size(more));
		free(more);
		ptr = calloc(1, table[i]);
		CHECK(ptr && all_bytes(ptr, table[i], 0));
		free(ptr);
	}
}

static void zero_sizes(void)
{
	void *one = malloc(0), *two = malloc(0);

	CHECK(one && two && one != two);
	free(one);
	free(two);
	one = calloc(0, 8);
	CHECK(one);
	free(one);
	one = realloc(NULL, 0);
	CHECK(one);
	CHECK(!realloc(one, 0));
	free(NULL);
	CHECK(malloc_usable_size(NULL) == 0);
}

/* noinline: or the compiler knows the answer. */
static __attribute__((noinline)) size_t huge(size_t bytes)
{
	return SIZE_MAX - bytes;
}

static void refusals(void)
{
	char *ptr = malloc(100);
	void *other = ptr;

	errno = 0;
	CHECK(!malloc(huge(0)) && errno == ENOMEM);
	errno = 0;
	CHECK(!malloc(huge(4096)) && errno == ENOMEM);
	errno = 0;
	CHECK(!calloc(huge(0) / 2, 3) && errno == ENOMEM);
	errno = 0;
	CHECK(!reallocarray(NULL, huge(0) / 2, 3) && errno == ENOMEM);
	errno = 0;
	strcpy(ptr, "kept");
	CHECK(!realloc(ptr, huge(100)) && errno == ENOMEM);
	CHECK(!strcmp(ptr, "kept"));
	errno = 0;
	CHECK(!aligned_alloc(24, 100) && errno == EINVAL);
	errno = 0;
	CHECK(posix_memalign(&other, 24, 100) == EINVAL);
	CHECK(posix_memalign(&other, 2, 100) == EINVAL);
	CHECK(posix_memalign(&other, 64, huge(10)) == ENOMEM);
	CHECK(other == ptr && errno == 0);
	errno = 0;
	CHECK(!pvalloc(huge(1)) && errno == ENOMEM);
	free(ptr);
}

static void alignments(void)
{
	size_t alignment, page = (size_t)sysconf(_SC_PAGESIZE);
	void *ptr;

	for (alignment = 8; alignment <= (size_t)4 << 20; alignment *= 2) {
		CHECK(!posix_memalign(&ptr, alignment, 100));
		CHECK(aligned_to(ptr, alignment));
		free(ptr);
		ptr = aligned_alloc(alignment, 3 * alignment);
		CHECK(ptr && aligned_to(ptr, alignment));
		memset(ptr, 1, 3 * alignment);
		free(ptr);
		ptr = memalign(alignment, 1);
		CHECK(ptr && aligned_to(ptr, alignment));
		free(ptr);
	}
	ptr = memalign(48, 10); /* rounded up, as glibc does */
	CHECK(ptr && aligned_to(ptr, 64));
	free(ptr);
	ptr = valloc(10);
	CHECK(ptr && aligned_to(ptr, page));
	free(ptr);
	ptr = pvalloc(10);
	CHECK(ptr && aligned_to(ptr, page) && malloc_usable_size(ptr) >= page);
	free(ptr);
	ptr = reallocarray(NULL, 10, 10);
	CHECK(ptr);
	free(ptr);
}

static void errno_kept(void)
{
	void *small = malloc(10), *large = malloc((size_t)1 << 20);

	errno = 4711;
	free(small);
	free(large);
	free(NULL);
	CHECK(errno == 4711);
}

/* What the C library would tell of its heap. */
static void told(void)
{
	size_t bytes = (size_t)10 << 20, size = 0;
	struct mallinfo2 before = mallinfo2(), after;
	void *large = malloc(bytes);
	char *text = NULL;
	FILE *stream;

	after = mallinfo2();
	CHECK(large && after.arena == before.arena && after.arena > bytes);
	CHECK(after.uordblks >= before.uordblks + bytes / 16 * 15);
	CHECK(after.uordblks + after.fordblks == after.arena);
	CHECK(mallinfo().uordblks == (int)mallinfo2().uordblks);
	free(large);
	CHECK(mallinfo2().uordblks <= after.uordblks - bytes / 16 * 15);
	stream = open_memstream(&text, &size);
	CHECK(stream && !malloc_info(0, stream));
	CHECK(malloc_info(1, stream) == EINVAL);
	fclose(stream);
	CHECK(text && strstr(text, "<malloc version=\"1\">"));
	free(text);
}

/* glibc's other names for the same. */
static void other_names(void)
{
	void *a = __libc_malloc(100), *b = __libc_calloc(10, 10);

	CHECK(a && malloc_usable_size(a) >= 100);
	CHECK(b && malloc_usable_size(b) >= 100);
	a = realloc(a, 5000);
	CHECK(a && malloc_usable_size(a) >= 5000);
	__libc_free(a);
	free(b);
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	struct mallinfo2 (*glibc_info)(void) = NULL;
	struct mallinfo2 info;

	sizes();
	zero_sizes();
	refusals();
	alignments();
	errno_kept();
	if (libc)
		*(void **)&glibc_info = dlsym(libc, "mallinfo2");
	CHECK(glibc_info && glibc_info != mallinfo2);
	/* the C library's own allocator was not used by anybody */
	if (glibc_info) {
		info = glibc_info();
		CHECK(info.uordblks == 0 && info.hblkhd == 0);
	}
	told();
	other_names();
	return failures ? 1 : 0;
}
