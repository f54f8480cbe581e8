/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_places.cc: alignment, nodes, policies, and memory that runs out
 *
 * The machine has four nodes here, given as plain data: what goes where is
 * asked of the heap's books (fixheap_node_of), as a kernel with one node knows
 * less.
 */
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tap.h"

constexpr std::size_t mib = 1 << 20;
constexpr unsigned nr_nodes = 4;

/* Zones of 32 MiB, one of each node. */
static fixheap::heap four_nodes()
{
	static const unsigned cpu_node[] = { 0, 1, 2, 3 };
	fixheap_topology topology = {};
	fixheap_config config = FIXHEAP_CONFIG_INIT;

	topology.size = sizeof(topology);
	topology.nr_nodes = nr_nodes;
	topology.nr_cpus = 4;
	topology.cpu_node = cpu_node;
	config.topology = &topology;
	config.length = nr_nodes * 32 * mib;
	return fixheap::heap(config);
}

static bool aligned(const void *ptr, std::size_t alignment)
{
	return !(reinterpret_cast<std::uintptr_t>(ptr) & (alignment - 1));
}

/* ---- alignment ----------------------------------------------------------- */

static void all_alignments(const fixheap::heap &heap, fixheap::source source,
			   std::size_t largest)
{
	static const std::size_t sizes[] = { 0,	   1,	 7,	8,     16,
					     24,   33,	 80,	100,   160,
					     200,  500,	 1025,	2000,  4096,
					     4097, 5000, 14336, 14337, 100000,
					     mib };

	for (std::size_t alignment = 1; alignment <= largest; alignment *= 2) {
		for (std::size_t bytes : sizes) {
			char *got[20];

			for (auto &one : got) {
				one = static_cast<char *>(
					source.allocate(bytes, alignment));
				CHECK(aligned(one, alignment));
				CHECK(fixheap_owns(heap.get(), one));
				std::memset(one, 1, bytes);
			}
			for (auto one : got)
				source.deallocate(one, bytes);
		}
	}
}

static void alignments()
{
	fixheap::heap heap = four_nodes();
	fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const fixheap::place small_arrays(attr, 0), large_arrays(attr, 14337);
	attr.alignment = 64 << 10;
	const fixheap::place far_apart(attr, 4096);
	const fixheap::place node(2);
	const std::size_t page = fixheap_page_size();

	all_alignments(heap, heap, mib);
	all_alignments(heap, { heap, small_arrays }, mib);
	all_alignments(heap, { heap, large_arrays }, mib);
	all_alignments(heap, { heap, node }, page);

	fixheap::source source(heap, far_apart);
	for (std::size_t alignment : { std::size_t{ 8 }, mib }) {
		void *got = source.allocate(4096, alignment);
		CHECK(aligned(got, std::max(alignment, attr.alignment)));
		source.deallocate(got, 4096);
	}
	CHECK(tap::empty(heap));
}

/* What no C function serves is said, not served otherwise. */
static void no_alignment()
{
	fixheap::heap heap = four_nodes();
	const fixheap::place node(1);
	fixheap::source plain(heap), near(heap, node);

	for (std::size_t alignment : { std::size_t{ 0 }, std::size_t{ 24 } }) {
		errno = 0;
		CHECK(!near.try_allocate(100, alignment));
		CHECK(errno == EINVAL);
		errno = 0;
		CHECK(!plain.try_allocate(10, alignment ? 24 : 48));
		CHECK(errno == EINVAL);
	}
	errno = 0;
	CHECK(!near.try_allocate(100, 2 * fixheap_page_size()));
	CHECK(errno == EINVAL);
	errno = 0;
	CHECK(!near.try_allocate(std::numeric_limits<std::size_t>::max(), 16));
	CHECK(errno == ENOMEM);
	CHECK(tap::empty(heap));
}

template <std::size_t N> struct alignas(N) wide {
	unsigned char bytes[N + 1];
};

template <std::size_t N> static void wide_types(const fixheap::heap &heap)
{
	using type = wide<N>;
	fixheap::memory_resource resource(heap);
	std::vector<type, fixheap::allocator<type>> some(heap);
	std::pmr::list<type> list(&resource);
	std::map<int, type, std::less<int>,
		 fixheap::allocator<std::pair<const int, type>>>
		map(heap);
	auto shared =
		std::allocate_shared<type>(fixheap::allocator<type>(heap));

	CHECK(aligned(shared.get(), N));
	for (int i = 0; i < 20; i++) {
		some.emplace_back();
		list.emplace_back();
		CHECK(aligned(&some[0], N));
		CHECK(aligned(&list.back(), N));
		CHECK(aligned(&map[i], N));
	}
}

static void types()
{
	fixheap::heap heap = tap::heap(64 * mib);

	wide_types<1>(heap);
	wide_types<32>(heap);
	wide_types<64>(heap);
	wide_types<512>(heap);
	wide_types<4096>(heap);
	wide_types<65536>(heap);
	CHECK(tap::empty(heap));
}

/* ---- nodes and policies -------------------------------------------------- */

static void nodes()
{
	fixheap::heap heap = four_nodes();

	for (int n = 0; n < static_cast<int>(nr_nodes); n++) {
		const fixheap::place place(n);
		fixheap::allocator<std::string> near(heap, place);
		fixheap::memory_resource resource(heap, place);
		std::vector<std::string, decltype(near)> names(near);
		std::pmr::map<int, std::pmr::string> map(&resource);

		for (int i = 0; i < 2000; i++) {
			names.emplace_back(std::to_string(i));
			map[i].assign(50, 'x');
			CHECK(fixheap_node_of(heap.get(), &map[i]) == n);
			CHECK(fixheap_node_of(heap.get(), map[i].data()) == n);
		}
		CHECK(fixheap_node_of(heap.get(), names.data()) == n);
		CHECK(tap::use(heap, names.data()) == FIXHEAP_USE_LARGE);
	}
	const fixheap::place none(17);
	fixheap::allocator<int> nowhere(heap, none);
	try {
		CHECK(!nowhere.allocate(1));
	} catch (const std::bad_alloc &) {
		CHECK(errno == EINVAL);
	}
	CHECK(tap::empty(heap));
}

/* A vector that grows from objects into arrays, under each policy. */
static void policies()
{
	fixheap::heap heap = four_nodes();
	const std::size_t from = 100000;

	for (auto policy : { FIXHEAP_POLICY_DEFAULT, FIXHEAP_POLICY_LOCAL,
			     FIXHEAP_POLICY_BIND, FIXHEAP_POLICY_PREFERRED }) {
		fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		attr.policy = policy;
		attr.nodes = 1 << 3;
		const fixheap::place place(attr, from);
		std::vector<int, fixheap::allocator<int>> numbers(
			fixheap::allocator<int>(heap, place));
		bool strict = policy == FIXHEAP_POLICY_BIND ||
			      policy == FIXHEAP_POLICY_PREFERRED;

		for (int i = 0; i < 1000000; i++) {
			bool moved = numbers.size() == numbers.capacity();

			numbers.push_back(i);
			if (!moved)
				continue;
			auto bytes = numbers.capacity() * sizeof(int);
			auto use = tap::use(heap, numbers.data());
			CHECK((use == FIXHEAP_USE_ARRAY) == (bytes >= from));
			if (bytes >= from && strict)
				CHECK(fixheap_node_of(heap.get(),
						      numbers.data()) == 3);
		}
		for (int i = 0; i < 1000000; i++) {
			if (numbers[static_cast<std::size_t>(i)] != i) {
				CHECK(!"the numbers are there");
				break;
			}
		}
		numbers.resize(10);
		numbers.shrink_to_fit();
		CHECK(tap::use(heap, numbers.data()) == FIXHEAP_USE_SMALL);
	}
	CHECK(tap::empty(heap));
}

/* Strict: no more than the node has, though the heap has it. */
static void strict()
{
	fixheap::heap heap = four_nodes();
	fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	attr.policy = FIXHEAP_POLICY_BIND;
	attr.nodes = 1 << 1;
	fixheap::memory_resource resource(heap, fixheap::place(attr, mib));
	std::pmr::vector<char> bytes(&resource);

	bytes.resize(20 * mib, 'a');
	CHECK(fixheap_node_of(heap.get(), &bytes.back()) == 1);
	try {
		std::pmr::vector<char> more(40 * mib, &resource);

		CHECK(!"there are 32 MiB of it");
	} catch (const std::bad_alloc &) {
		CHECK(errno == ENOMEM);
	}
	CHECK(bytes[20 * mib - 1] == 'a');
	attr.policy = static_cast<fixheap_policy>(99);
	fixheap::memory_resource unknown(heap, fixheap::place(attr, mib));
	try {
		std::pmr::vector<char> never(mib, &unknown);

		CHECK(!"there is no such policy");
	} catch (const std::bad_alloc &) {
		CHECK(errno == EINVAL);
	}
	bytes = std::pmr::vector<char>(&resource);
	CHECK(tap::empty(heap));
}

/* One contiguous vector over the border of two nodes. */
static void blocked()
{
	fixheap::heap heap = four_nodes();
	fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	attr.policy = FIXHEAP_POLICY_BLOCKED;
	attr.nodes = 1 << 1 | 1 << 2;
	const fixheap::place place(attr, mib);
	{
		std::vector<double, fixheap::allocator<double>> numbers(
			mib, 1.0, { heap, place });

		CHECK(fixheap_node_of(heap.get(), &numbers.front()) == 1);
		CHECK(fixheap_node_of(heap.get(), &numbers.back()) == 2);
		CHECK(fixheap_array_touch(heap.get(), numbers.data(), 1, 0) ==
		      0);
	}
	CHECK(tap::empty(heap));
}

/* ---- memory that runs out ------------------------------------------------ */

static void overflow()
{
	fixheap::heap heap = tap::heap(16 * mib);
	fixheap::allocator<wide<64>> wides(heap);
	const auto max = std::numeric_limits<std::size_t>::max();

	for (std::size_t n : { max, max / 128 + 1 }) {
		try {
			CHECK(!wides.allocate(n));
		} catch (const std::bad_array_new_length &) {
		}
	}
	for (std::size_t n : { max / 128, std::size_t{ mib } }) {
		try {
			CHECK(!wides.allocate(n));
		} catch (const std::bad_array_new_length &) {
			CHECK(!"this does not overflow");
		} catch (const std::bad_alloc &) {
			CHECK(errno == ENOMEM);
		}
	}
	CHECK(tap::empty(heap));
}

/* Fill it, twice: what a full heap holds is whole, and comes back. */
static void full()
{
	fixheap::heap heap = tap::heap(16 * mib);
	fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const fixheap::place place(attr, 50000);
	fixheap::allocator<std::string> source(heap, place);
	using string = std::basic_string<char, std::char_traits<char>,
					 fixheap::allocator<char>>;
	std::size_t most = 0;

	for (int round = 0; round < 2; round++) {
		std::list<string, fixheap::allocator<string>> kept(source);
		std::size_t bytes = 0;

		try {
			for (std::size_t n = 1;; n = (n * 7 + 3) % 70001) {
				kept.emplace_back(n, 'a', source);
				bytes += n;
			}
		} catch (const std::bad_alloc &) {
			CHECK(bytes > 12 * mib);
		}
		for (const auto &one : kept)
			bytes -= static_cast<std::size_t>(
				std::count(one.begin(), one.end(), 'a'));
		CHECK(bytes == 0);
		if (round == 0)
			most = kept.size();
		CHECK(kept.size() > most / 2);
		/* Half of it is enough to go on. */
		kept.resize(kept.size() / 2, string(source));
		kept.emplace_back(100000, 'b', source);
		CHECK(kept.back()[99999] == 'b');
	}
	CHECK(tap::empty(heap));
	std::vector<char, fixheap::allocator<char>> most_of_it(15 * mib, heap);
	CHECK(most_of_it.size() == 15 * mib);
}

int main()
{
	static const tap::test tests[] = {
		{ "every alignment", alignments },
		{ "alignments that are not possible", no_alignment },
		{ "over-aligned types in containers", types },
		{ "objects of a node", nodes },
		{ "a vector grows into an array of a policy", policies },
		{ "a strict policy is strict", strict },
		{ "one vector on two nodes", blocked },
		{ "overflow is a bad_alloc", overflow },
		{ "a full heap is a bad_alloc, and goes on", full },
	};

	return tap::run(tests);
}
