/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_heap.cc: the owner of a heap, and what types promise
 */
#include <memory>
#include <type_traits>
#include <vector>

#include "tap.h"

using traits = std::allocator_traits<fixheap::allocator<int>>;

static_assert(std::is_same<traits::value_type, int>::value, "");
static_assert(std::is_same<traits::pointer, int *>::value, "");
static_assert(std::is_same<traits::size_type, std::size_t>::value, "");
static_assert(std::is_same<traits::rebind_alloc<long>,
			   fixheap::allocator<long>>::value,
	      "");
static_assert(!traits::is_always_equal::value, "");
static_assert(traits::propagate_on_container_move_assignment::value, "");
static_assert(traits::propagate_on_container_swap::value, "");
static_assert(!traits::propagate_on_container_copy_assignment::value, "");
static_assert(!std::is_default_constructible<fixheap::allocator<int>>::value,
	      "");
static_assert(
	std::is_nothrow_copy_constructible<fixheap::allocator<int>>::value, "");
static_assert(std::is_nothrow_copy_assignable<fixheap::allocator<int>>::value,
	      "");
static_assert(std::is_nothrow_constructible<fixheap::allocator<int>,
					    fixheap::allocator<long>>::value,
	      "");
static_assert(
	!std::is_constructible<fixheap::allocator<int>, fixheap::heap>::value,
	"not of a heap that is gone at once");
static_assert(!std::is_constructible<fixheap::allocator<int>, fixheap::heap &,
				     fixheap::place>::value,
	      "nor of such a place");
static_assert(std::is_constructible<fixheap::allocator<int>, fixheap::heap &,
				    fixheap::place &>::value,
	      "");
static_assert(
	!std::is_constructible<fixheap::allocator<int>, std::nullptr_t>::value,
	"");
static_assert(sizeof(fixheap::allocator<int>) == 2 * sizeof(void *), "");
static_assert(std::is_nothrow_move_constructible<fixheap::heap>::value, "");
static_assert(std::is_nothrow_move_assignable<fixheap::heap>::value, "");
static_assert(!std::is_copy_constructible<fixheap::heap>::value, "");
static_assert(!std::is_copy_assignable<fixheap::heap>::value, "");
static_assert(!std::is_copy_assignable<fixheap::place>::value, "");
static_assert(!std::is_destructible<fixheap>::value, "only the library's");
static_assert(!std::is_convertible<fixheap *, fixheap::heap>::value, "");
static_assert(std::is_nothrow_move_assignable<
		      std::vector<int, fixheap::allocator<int>>>::value,
	      "");

constexpr std::size_t mib = 1 << 20;

static void moves()
{
	fixheap::heap none, first = tap::heap(16 * mib);
	fixheap *raw = first.get();

	CHECK(!none);
	CHECK(first);
	fixheap::heap second(std::move(first));
	CHECK(!first);
	CHECK(second.get() == raw);
	none = std::move(second);
	CHECK(!second);
	CHECK(none.get() == raw);
	/* The one owned before is destroyed. */
	none = tap::heap(16 * mib);
	CHECK(none);
	swap(none, first);
	CHECK(!none);
	CHECK(first);
	auto &self = first;
	raw = first.get();
	first = std::move(self);
	CHECK(first.get() == raw);
	first.reset();
	CHECK(!first);
}

/* Memory of the caller's tells whether the heap is gone: no other heap may be
 * made over it as long as there is one. */
static void takes_over()
{
	std::unique_ptr<char[]> memory(new char[4 * mib]);
	fixheap_config config = FIXHEAP_CONFIG_INIT;
	std::error_code error;
	fixheap *raw = nullptr;

	config.base = memory.get();
	config.length = 4 * mib;
	CHECK(fixheap_create(&config, &raw) == 0);
	{
		fixheap::heap owner(raw);
		fixheap::heap other(config, error);

		CHECK(!other);
		CHECK(error == std::errc::invalid_argument);
		CHECK(owner.get() == raw);
	}
	fixheap::heap again(config, error);
	CHECK(again);
	CHECK(!error);
	raw = again.release();
	CHECK(!again);
	CHECK(fixheap_validate(raw) == 0);
	again.reset(raw);
	CHECK(again.get() == raw);
}

static void refused()
{
	fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.length = 1;
	try {
		fixheap::heap heap(config);

		CHECK(!"made");
	} catch (const std::system_error &error) {
		CHECK(error.code() == std::errc::invalid_argument);
		CHECK(error.code().category() == std::generic_category());
	}
}

static void equal()
{
	fixheap::heap a = tap::heap(16 * mib), b = tap::heap(16 * mib);
	const fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const fixheap::place node(0), large(attr, mib), larger(attr, 2 * mib);
	const fixheap::place alike(attr, mib, 0);
	fixheap::allocator<int> plain(a), near(a, node), arrays(a, large);
	fixheap::allocator<long> longs(plain);

	CHECK(plain == longs);
	CHECK(plain == near);
	CHECK(!(plain != near));
	CHECK(plain != fixheap::allocator<int>(b));
	CHECK(plain != arrays);
	CHECK(arrays == fixheap::allocator<char>(a, large));
	CHECK(arrays == fixheap::allocator<char>(a, alike));
	CHECK(arrays != fixheap::allocator<int>(a, larger));
	CHECK(traits::select_on_container_copy_construction(arrays) == arrays);
	CHECK(plain == fixheap::allocator<int>(a.get()));
	CHECK(arrays.where() == &large);
	CHECK(fixheap::allocator<long>(arrays).where() == &large);

	fixheap::memory_resource r(a), s(a, node), t(a, large), u(b);
	CHECK(r == s);
	CHECK(r == r);
	CHECK(r != t);
	CHECK(r != u);
	CHECK(r != *std::pmr::new_delete_resource());
	CHECK(t == fixheap::memory_resource(a, alike));
}

static void exchange(const fixheap::heap &heap, const fixheap::source &from,
		     const fixheap::source &to)
{
	for (std::size_t bytes :
	     { std::size_t{ 0 }, std::size_t{ 1 }, std::size_t{ 20000 },
	       mib - 1, mib, 3 * mib + 5 }) {
		void *got = from.allocate(bytes, 8);
		auto use = tap::use(heap, got);

		CHECK((use == FIXHEAP_USE_ARRAY) ==
		      (bytes >= mib && from.where() &&
		       from.where()->array_bytes() == mib));
		to.deallocate(got, bytes);
	}
}

/* One frees what the other made, in all pairs that are equal. */
static void interchange()
{
	fixheap::heap heap = tap::heap(64 * mib);
	fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const fixheap::place node(0), large(attr, mib);
	attr.policy = FIXHEAP_POLICY_LOCAL;
	const fixheap::place alike(attr, mib, 0);
	fixheap::source sources[] = {
		heap, { heap, node }, { heap, large }, { heap, alike }
	};

	for (auto &from : sources) {
		for (auto &to : sources) {
			if (from == to)
				exchange(heap, from, to);
		}
	}
	for (auto &source : sources) {
		source.deallocate(nullptr, 1);
		source.deallocate(nullptr, 2 * mib);
	}
	CHECK(tap::empty(heap));
}

int main()
{
	static const tap::test tests[] = {
		{ "a heap is moved, not copied", moves },
		{ "an owner takes over, and gives up", takes_over },
		{ "what cannot be made is a system_error", refused },
		{ "equal are those that may free for each other", equal },
		{ "and they can", interchange },
	};

	return tap::run(tests);
}
