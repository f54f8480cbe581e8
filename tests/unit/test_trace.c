/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trace.c: static tracepoints, mm/trace.h.
 *
 * The notes of this program say where they are and what they tell.  To see that
 * they are passed, each nop is made a breakpoint, and those that are hit are
 * counted.  Without TRACEPOINTS there are no notes.
 */
#include "support.h"

#include "page_group.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

/* As fixheap(7) has them, with the number of arguments. */
static const struct {
	const char *name;
	u32 nr_args;
} documented[] = {
	{ "alloc", 4 },	   { "free", 4 },   { "steal", 5 },
	{ "fallback", 5 }, { "refill", 4 }, { "fail", 5 },
};

static struct site {
	u32 name; /* in documented */
	unsigned char *address;
	u32 nr_hits;
} sites[100];
static u32 nr_sites;

/* ---- notes --------------------------------------------------------------- */

static char *image; /* of the program's file */

static const ElfW(Shdr) * section(const char *name)
{
	const ElfW(Ehdr) *head = (const void *)image;
	const ElfW(Shdr) *all = (const void *)(image + head->e_shoff);
	const char *names = image + all[head->e_shstrndx].sh_offset;

	for (u32 i = 0; i < head->e_shnum; i++) {
		if (!strcmp(names + all[i].sh_name, name))
			return &all[i];
	}
	return NULL;
}

static int take_bias(struct dl_phdr_info *info, size_t bytes, void *data)
{
	(void)bytes;
	*(uintptr_t *)data = info->dlpi_addr;
	return 1; /* the program is the first */
}

/* One note: three addresses, provider, name, arguments. */
static void read_note(const char *at, uintptr_t base)
{
	uintptr_t address[3], bias = 0;
	const char *name;
	u32 i, nr_args;

	memcpy(address, at, sizeof(address));
	at += sizeof(address);
	if (strcmp(at, "fixheap"))
		return;
	name = at + strlen(at) + 1;
	at = name + strlen(name) + 1;
	nr_args = *at != 0;
	for (; *at; at++)
		nr_args += *at == ' ' && at[1] && strchr(at, '@');
	for (i = 0; strcmp(documented[i].name, name); i++)
		assert_true(i + 1 < ARRAY_LEN(documented));
	assert_int_equal(nr_args, documented[i].nr_args);
	assert_true(nr_sites < ARRAY_LEN(sites));
	dl_iterate_phdr(take_bias, &bias);
	/* what prelink has moved is to be added; here that is nothing */
	sites[nr_sites++] = (struct site){
		i, (unsigned char *)(address[0] + base - address[1] + bias), 0
	};
}

static void read_notes(void)
{
	const ElfW(Shdr) * notes, *base;
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat stat;

	assert_int_equal(fstat(fd, &stat), 0);
	image = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(image != MAP_FAILED);
	close(fd);
	notes = section(".note.stapsdt");
	base = section(".stapsdt.base");
	nr_sites = 0;
	for (size_t at = 0; notes && at < notes->sh_size;) {
		const char *start = image + notes->sh_offset + at;
		const ElfW(Nhdr) *head = (const void *)start;
		size_t name = round_up(head->n_namesz, 4);

		read_note(start + sizeof(*head) + name, base->sh_addr);
		at += sizeof(*head) + name + round_up(head->n_descsz, 4);
	}
	munmap(image, (size_t)stat.st_size);
}

static void test_notes(void **state)
{
	bool seen[ARRAY_LEN(documented)] = { false };

	(void)state;
	read_notes();
	for (u32 i = 0; i < nr_sites; i++)
		seen[sites[i].name] = true;
	for (u32 i = 0; i < ARRAY_LEN(documented); i++) {
		/* what would be filled again */
		bool there = IS_ENABLED(CONFIG_PER_CPU) ||
			     IS_ENABLED(CONFIG_JEMALLOC) ||
			     strcmp(documented[i].name, "refill") != 0;

		if (seen[i] != (there && IS_ENABLED(CONFIG_TRACEPOINTS)))
			fail_msg("%s: %d", documented[i].name, seen[i]);
	}
}

/* ---- hits ---------------------------------------------------------------- */

#if defined(__x86_64__)

static void hit(int number, siginfo_t *info, void *context)
{
	ucontext_t *frame = context;
	uintptr_t at = (uintptr_t)frame->uc_mcontext.gregs[REG_RIP] - 1;

	(void)number;
	(void)info;
	for (u32 i = 0; i < nr_sites; i++) {
		if ((uintptr_t)sites[i].address == at)
			sites[i].nr_hits++;
	}
}

/* false: it cannot be done here. */
static bool break_at_all(void)
{
	struct sigaction action = { .sa_sigaction = hit,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGTRAP, &action, NULL);
	for (u32 i = 0; i < nr_sites; i++) {
		uintptr_t page = round_down((uintptr_t)sites[i].address, 4096);

		assert_int_equal(*sites[i].address, 0x90); /* nop */
		if (mprotect((void *)page, 4096,
			     PROT_READ | PROT_WRITE | PROT_EXEC))
			return false;
		*sites[i].address = 0xcc; /* int3 */
	}
	return true;
}

#else

static bool break_at_all(void)
{
	return false;
}

#endif

/* Hits of one tracepoint since the last time, wherever it is. */
static u32 hits(const char *name)
{
	u32 nr = 0;

	for (u32 i = 0; i < nr_sites; i++) {
		if (strcmp(documented[sites[i].name].name, name))
			continue;
		nr += sites[i].nr_hits;
		sites[i].nr_hits = 0;
	}
	return nr;
}

static void test_hits(void **state)
{
	struct test_heap t;
	char *pages, *small, *object;

	(void)state;
	need(IS_ENABLED(CONFIG_TRACEPOINTS), "TRACEPOINTS is off");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(8),
					   .unbound = 1 });
	need(break_at_all(), "breakpoints cannot be set");
	pages = fixheap_pages_alloc(t.heap, 100, 0, NULL);
	assert_int_equal(hits("alloc"), 1);
	assert_int_equal(hits("fallback") | hits("steal") | hits("fail"), 0);
	/* a part, then the rest, which are two */
	fixheap_pages_free(t.heap, pages + BYTES(40), 20);
	assert_int_equal(hits("free"), 1);
	fixheap_pages_free(t.heap, pages, 40);
	fixheap_pages_free(t.heap, pages + BYTES(60), 40);
	assert_int_equal(hits("free"), 2);
	if (IS_ENABLED(CONFIG_PER_CPU)) {
		hits("refill");
		small = fixheap_pages_alloc(t.heap, 1, 0, NULL);
		assert_int_equal(hits("refill"), 1);
		fixheap_pages_free(t.heap, small, 1);
		/* what a thread keeps is not told */
		assert_int_equal(hits("free"), !THREAD_PAGES);
	}
	if (IS_ENABLED(CONFIG_JEMALLOC)) {
		object = fixheap_malloc(t.heap, 100);
		assert_true(hits("refill") > 0);
		fixheap_free(t.heap, object);
	}
	hits("alloc");
	/* more than a zone has: the next ones, then none */
	pages = fixheap_pages_alloc(t.heap, BLOCKS(5), 0, NULL);
	assert_non_null(pages);
	assert_true(hits("fallback") > 0);
	assert_null(fixheap_pages_alloc(t.heap, BLOCKS(8), 0, NULL));
	assert_int_equal(hits("fail"), 1);
	fixheap_pages_free(t.heap, pages, BLOCKS(5));
	assert_int_equal(hits("alloc"), 1);
	heap_end(&t);
}

static void test_steal(void **state)
{
	struct test_heap t;
	char *small, *medium;

	(void)state;
	need(IS_ENABLED(CONFIG_TRACEPOINTS), "TRACEPOINTS is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(1) });
	need(nr_sites && *sites[0].address == 0xcc, "no breakpoints");
	hits("steal");
	medium = fixheap_pages_alloc(t.heap, 100, 0, NULL);
	assert_int_equal(hits("steal"), 0);
	/* there is no other pageblock */
	small = fixheap_pages_alloc(t.heap, 3, 0, NULL);
	assert_int_equal(hits("steal"), 1);
	fixheap_pages_free(t.heap, medium, 100);
	fixheap_pages_free(t.heap, small, 3);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_hits),
		cmocka_unit_test(test_steal),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
