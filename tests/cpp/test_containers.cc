/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_containers.cc: the containers of the standard library on a fixed heap
 *
 * The same random operations are done with containers on the heap, and with
 * those of the C++ library as they come; they must agree.  Once with
 * fixheap::allocator, once by std::pmr; with objects only, and with a place
 * that makes arrays of all that is above a page, which most containers pass.
 *
 *	test_containers [SEED]
 */
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <scoped_allocator>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tap.h"

constexpr std::size_t mib = 1 << 20;
static unsigned long seed;

template <class T> using on_heap = fixheap::allocator<T>;
using string = std::basic_string<char, std::char_traits<char>, on_heap<char>>;

struct hash {
	std::size_t operator()(const string &text) const
	{
		return std::hash<std::string_view>()(
			std::string_view(text.data(), text.size()));
	}
};

/* Strings of any length up to 300, a few are much longer. */
static std::string word(std::mt19937_64 &random)
{
	std::string text = std::to_string(random() % 500);

	text.append(random() % 300, static_cast<char>('a' + random() % 26));
	if (random() % 200 == 0)
		text.append(random() % 50000, 'z');
	return text;
}

static std::string_view view(const string &text)
{
	return { text.data(), text.size() };
}

/* ---- fixheap::allocator ------------------------------------------------- */

template <class A, class B> static bool same(const A &a, const B &b)
{
	return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

template <class A, class B> static bool same_map(const A &a, const B &b)
{
	if (a.size() != b.size())
		return false;
	for (const auto &[key, value] : a) {
		auto at = b.find(std::string(view(key)));

		if (at == b.end() || at->second != value)
			return false;
	}
	return true;
}

/* One container at a time; the model is what std::allocator serves. */
static void sequences(fixheap::source source)
{
	std::mt19937_64 random(seed);
	std::vector<int, on_heap<int>> vector(source);
	std::deque<int, on_heap<int>> deque(source);
	std::list<int, on_heap<int>> list(source);
	std::deque<int> model;

	for (int i = 0; i < 60000; i++) {
		if (model.empty() || random() % 3) {
			model.push_back(i);
			vector.push_back(i);
			deque.push_back(i);
			list.push_back(i);
		} else if (random() % 2) {
			model.pop_front();
			deque.pop_front();
			list.pop_front();
			vector.erase(vector.begin());
		} else {
			model.pop_back();
			deque.pop_back();
			list.pop_back();
			vector.pop_back();
		}
		if (random() % 5000 == 0)
			vector.shrink_to_fit();
	}
	CHECK(same(vector, model));
	CHECK(same(deque, model));
	CHECK(same(list, model));
	list.sort(std::greater<int>());
	CHECK(std::equal(list.begin(), list.end(), model.rbegin()));
	std::vector<bool, on_heap<bool>> bits(100003, true, source);
	CHECK(std::count(bits.begin(), bits.end(), true) == 100003);
	std::forward_list<int, on_heap<int>> forward(model.begin(), model.end(),
						     source);
	CHECK(same(forward, model));
}

static void associations(fixheap::source source)
{
	std::mt19937_64 random(seed);
	std::map<string, int, std::less<string>,
		 on_heap<std::pair<const string, int>>>
		map(source);
	std::unordered_map<string, int, hash, std::equal_to<string>,
			   on_heap<std::pair<const string, int>>>
		hashed(source);
	std::map<std::string, int> model;

	for (int i = 0; i < 20000; i++) {
		std::string text = word(random);
		string key(text.begin(), text.end(), source);

		if (random() % 3) {
			model[text] = i;
			map[key] = i;
			hashed[key] = i;
		} else {
			auto at = model.lower_bound(text);

			if (at == model.end())
				continue;
			key.assign(at->first.begin(), at->first.end());
			model.erase(at);
			CHECK(map.erase(key) == 1);
			CHECK(hashed.erase(key) == 1);
		}
	}
	CHECK(same_map(map, model));
	CHECK(same_map(hashed, model));
	std::multiset<int, std::less<int>, on_heap<int>> values(source);
	using hash_int = std::hash<int>;
	std::unordered_set<int, hash_int, std::equal_to<int>, on_heap<int>> set(
		source);
	for (const auto &[key, value] : map) {
		values.insert(value);
		set.insert(value);
	}
	CHECK(values.size() == model.size());
	CHECK(set.size() == model.size());
}

/* Containers in containers, all of them on the heap. */
static void nested(fixheap::source source)
{
	using inner =
		std::vector<string,
			    std::scoped_allocator_adaptor<on_heap<string>>>;
	using outer =
		std::list<inner, std::scoped_allocator_adaptor<on_heap<inner>>>;
	std::mt19937_64 random(seed);
	outer lists{ on_heap<inner>(source) };
	std::list<std::vector<std::string>> model;
	bool agree = true;

	for (int i = 0; i < 200; i++) {
		lists.emplace_back();
		model.emplace_back();
		for (auto n = random() % 100; n; n--) {
			model.back().push_back(word(random));
			lists.back().emplace_back(model.back().back().c_str());
		}
	}
	outer copy = lists;
	auto at = model.begin();
	for (const auto &one : copy) {
		agree = agree && std::equal(one.begin(), one.end(), at->begin(),
					    at->end(), [](auto &a, auto &b) {
						    return view(a) == b;
					    });
		for (const auto &text : one)
			agree = agree && text.get_allocator() == source &&
				text.get_allocator().where() == source.where();
		at++;
	}
	CHECK(agree);
	CHECK(copy.size() == 200);
}

/* Moved and swapped, memory and its allocator go together; a copy that is
 * assigned stays on its own heap. */
static void travels(fixheap::source source)
{
	fixheap::heap other = tap::heap(64 * mib);
	fixheap::source there(other);
	{
		std::vector<int, on_heap<int>> a(10000, 1, source), b(there);
		const int *data = a.data();

		b = std::move(a);
		CHECK(b.data() == data);
		CHECK(b.get_allocator() == source);
		std::vector<int, on_heap<int>> c(20000, 2, there);
		data = c.data();
		b.swap(c);
		CHECK(b.data() == data);
		CHECK(c.size() == 10000);
		CHECK(c.get_allocator() == source);
		b = c;
		CHECK(b == c);
		CHECK(b.get_allocator() == there);
		CHECK(fixheap_owns(other.get(), b.data()));
		std::vector<int, on_heap<int>> d(c), e(c, there),
			f(std::move(c), there);
		CHECK(d.get_allocator() == source);
		CHECK(e.get_allocator() == there);
		CHECK(f == e);
		CHECK(fixheap_owns(other.get(), f.data()));
	}
	CHECK(tap::empty(other));
}

struct base {
	virtual ~base() = default;
	int number = 1;
};
struct derived : base {
	explicit derived(int *gone) : gone_(gone)
	{
	}
	~derived() override
	{
		++*gone_;
	}
	int *gone_;
	char padding[500];
};

static void pointers(fixheap::source source)
{
	int gone = 0;
	{
		std::vector<std::shared_ptr<base>,
			    on_heap<std::shared_ptr<base>>>
			some(source);
		std::weak_ptr<base> weak;

		for (int i = 0; i < 1000; i++)
			some.push_back(std::allocate_shared<derived>(
				on_heap<derived>(source), &gone));
		CHECK(fixheap_owns(source.heap(), some[7].get()));
		auto copy = some;
		weak = some[7];
		some.clear();
		CHECK(gone == 0);
		copy.resize(500);
		CHECK(gone == 500);
		CHECK(weak.lock()->number == 1);
		copy.clear();
		CHECK(weak.expired());
	}
	CHECK(gone == 1000);
}

/* ---- std::pmr ----------------------------------------------------------- */

static void pmr_nested(std::pmr::memory_resource *resource, fixheap *heap)
{
	using names = std::pmr::vector<std::pmr::string>;
	std::mt19937_64 random(seed);
	std::pmr::unordered_map<int, names> map(resource);
	std::pmr::map<std::pmr::string, std::pmr::deque<std::pmr::list<int>>>
		deep(resource);
	std::map<int, std::vector<std::string>> model;
	bool here = true;

	for (int i = 0; i < 20000; i++) {
		auto n = static_cast<int>(random() % 300);
		auto text = word(random);

		model[n].push_back(text);
		map[n].emplace_back(text);
		if (random() % 100 == 0) {
			model.erase(n);
			map.erase(n);
		}
		if (random() % 10 == 0)
			deep[std::pmr::string(text)].emplace_back(random() % 50,
								  i);
	}
	CHECK(map.size() == model.size());
	for (const auto &[n, texts] : map) {
		std::vector<std::string_view> views(texts.begin(), texts.end());
		CHECK(same(views, model[n]));
		here = here && fixheap_owns(heap, texts.data());
		for (const auto &text : texts)
			here = here && fixheap_owns(heap, text.data());
	}
	for (const auto &[text, lists] : deep) {
		here = here && fixheap_owns(heap, text.data());
		for (const auto &list : lists)
			here = here && (list.empty() ||
					fixheap_owns(heap, &list.front()));
	}
	CHECK(here);
	std::pmr::unordered_map<int, names> moved(std::move(map), resource);
	CHECK(moved.size() == model.size());
}

/* The standard's own resources on top of ours, and between two of ours. */
static void pmr_resources()
{
	fixheap::heap heap = tap::heap(64 * mib), other = tap::heap(64 * mib);
	fixheap::memory_resource resource(heap), same_heap(heap), there(other);
	{
		std::pmr::unsynchronized_pool_resource pool(&resource);
		std::pmr::synchronized_pool_resource locked(&resource);
		std::pmr::monotonic_buffer_resource growing(&resource);

		for (std::pmr::memory_resource *one :
		     { static_cast<std::pmr::memory_resource *>(&pool),
		       static_cast<std::pmr::memory_resource *>(&locked),
		       static_cast<std::pmr::memory_resource *>(&growing) })
			pmr_nested(one, heap.get());
		std::pmr::vector<int> a(100000, 1, &resource), b(&same_heap),
			c(&there);
		const int *data = a.data();

		b = std::move(a);
		CHECK(b.data() == data);
		c = std::move(b);
		CHECK(c.data() != data);
		CHECK(fixheap_owns(other.get(), c.data()));
		CHECK(c.size() == 100000);
	}
	CHECK(tap::empty(heap));
	CHECK(tap::empty(other));
}

/* ---- each of them, for both kinds of place ------------------------------ */

template <void (*test)(fixheap::source)> static void both()
{
	fixheap::heap heap = tap::heap(256 * mib);
	const fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const fixheap::place arrays(attr, 4097);

	test(heap);
	CHECK(tap::empty(heap));
	test({ heap, arrays });
	CHECK(tap::empty(heap));
}

static void pmr_both()
{
	fixheap::heap heap = tap::heap(256 * mib);
	const fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	fixheap::memory_resource objects(heap);
	fixheap::memory_resource arrays(heap, fixheap::place(attr, 4097));

	pmr_nested(&objects, heap.get());
	pmr_nested(&arrays, heap.get());
	CHECK(tap::empty(heap));
}

int main(int argc, char **argv)
{
	static const tap::test tests[] = {
		{ "vector, deque, list, forward_list", both<sequences> },
		{ "map, unordered_map, sets", both<associations> },
		{ "containers in containers", both<nested> },
		{ "moves, swaps and copies between heaps", both<travels> },
		{ "shared_ptr by allocate_shared", both<pointers> },
		{ "pmr, containers in containers", pmr_both },
		{ "pmr, resources on ours and between ours", pmr_resources },
	};

	seed = argc > 1 ? std::strtoul(argv[1], nullptr, 0)
			: std::random_device()();
	std::printf("# again: %s %lu\n", argv[0], seed);
	return tap::run(tests);
}
