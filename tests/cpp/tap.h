/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap.h: the output of the tests in C++, and the heaps that they make.
 *
 * A test is a function that calls CHECK; one that fails is printed where it is,
 * and the test goes on.
 */
#ifndef TESTS_CPP_TAP_H
#define TESTS_CPP_TAP_H

#include <cstddef>
#include <cstdio>
#include <mutex>

#include <fixheap/fixheap.hpp>

namespace tap
{
inline std::mutex lock;
inline bool failed;

inline bool check(bool right, const char *what, const char *file, int line)
{
	if (!right) {
		std::lock_guard<std::mutex> guard(lock);
		failed = true;
		std::printf("# %s:%d: %s\n", file, line, what);
	}
	return right;
}

struct test {
	const char *name;
	void (*run)();
};

template <std::size_t N> int run(const test (&tests)[N])
{
	int status = 0;

	std::printf("1..%zu\n", N);
	for (std::size_t i = 0; i < N; i++) {
		failed = false;
		tests[i].run();
		std::printf("%sok %zu - %s\n", failed ? "not " : "", i + 1,
			    tests[i].name);
		std::fflush(stdout);
		if (failed)
			status = 1;
	}
	return status;
}

/* A heap of its own for each test, which must be empty and sound at the end. */
inline fixheap::heap heap(std::size_t bytes)
{
	fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.length = bytes;
	return fixheap::heap(config);
}

inline std::size_t used(const fixheap::heap &heap)
{
	struct fixheap_stats stats; /* there is a function of that name */

	stats.size = sizeof(stats);
	fixheap_reclaim(heap.get());
	if (fixheap_stats(heap.get(), &stats))
		return 1;
	return stats.used_bytes;
}

inline bool empty(const fixheap::heap &heap)
{
	return used(heap) == 0 && fixheap_validate(heap.get()) == 0;
}

/* What fixheap_walk says of the page at ptr. */
inline fixheap_use use(const fixheap::heap &heap, const void *ptr)
{
	struct question {
		const char *ptr;
		fixheap_use use;
	} question = { static_cast<const char *>(ptr), FIXHEAP_USE_FREE };

	fixheap_walk(
		heap.get(),
		[](void *data, const void *start, std::size_t bytes,
		   fixheap_use use) {
			auto *asked = static_cast<struct question *>(data);
			auto *first = static_cast<const char *>(start);

			if (asked->ptr < first || asked->ptr >= first + bytes)
				return 0;
			asked->use = use;
			return 1;
		},
		&question);
	return question.use;
}
} // namespace tap

#define CHECK(what) \
	tap::check(static_cast<bool>(what), #what, __FILE__, __LINE__)

#endif
