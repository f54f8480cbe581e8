/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_threads.cc: threads with containers on one heap
 *
 * What one thread makes another reads and frees, also after the first has
 * ended; every item carries a sum of what is in it.
 */
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tap.h"

constexpr std::size_t mib = 1 << 20;
constexpr unsigned nr_threads = 4, nr_items = 3000;

struct item {
	using allocator_type = std::pmr::polymorphic_allocator<char>;

	explicit item(allocator_type from) : numbers(from), text(from)
	{
	}
	item(item &&other, allocator_type from)
		: numbers(std::move(other.numbers), from),
		  text(std::move(other.text), from), sum(other.sum)
	{
	}
	item(item &&other) = default;
	item &operator=(item &&other) = default;

	void fill(std::mt19937_64 &random)
	{
		numbers.resize(random() % 100 ? random() % 200
					      : random() % 20000);
		std::iota(numbers.begin(), numbers.end(), random());
		text.assign(random() % 400, 't');
		sum = total();
	}
	std::uint64_t total() const
	{
		return std::accumulate(numbers.begin(), numbers.end(),
				       std::uint64_t{ text.size() });
	}
	bool whole() const
	{
		return sum == total();
	}

	std::pmr::vector<std::uint64_t> numbers;
	std::pmr::string text;
	std::uint64_t sum = 0;
};

template <class Fn> static void together(Fn fn)
{
	std::vector<std::thread> threads;

	for (unsigned i = 0; i < nr_threads; i++)
		threads.emplace_back(fn, i);
	for (auto &thread : threads)
		thread.join();
}

/* ---- a queue on the heap ------------------------------------------------ */

class queue
{
public:
	explicit queue(std::pmr::memory_resource *resource) : items_(resource)
	{
	}
	void put(item &&one)
	{
		std::lock_guard<std::mutex> guard(lock_);

		items_.push_back(std::move(one));
		filled_.notify_one();
	}
	void end()
	{
		std::lock_guard<std::mutex> guard(lock_);

		ended_++;
		filled_.notify_all();
	}
	/* One that is there, or nothing. */
	std::optional<item> poll()
	{
		std::unique_lock<std::mutex> guard(lock_);

		return front();
	}
	/* Waits for one; nothing when all have ended. */
	std::optional<item> take()
	{
		std::unique_lock<std::mutex> guard(lock_);

		filled_.wait(guard, [this] {
			return !items_.empty() || ended_ == nr_threads;
		});
		return front();
	}

private:
	std::optional<item> front()
	{
		if (items_.empty())
			return std::nullopt;
		std::optional<item> one(std::move(items_.front()));
		items_.pop_front();
		return one;
	}

	std::mutex lock_;
	std::condition_variable filled_;
	std::pmr::deque<item> items_;
	unsigned ended_ = 0;
};

/* Each puts, and takes what any of them put, until all have ended. */
static unsigned use_queue(queue &items, std::pmr::memory_resource *resource,
			  unsigned id)
{
	std::mt19937_64 random(id);
	unsigned nr_taken = 0;

	for (unsigned i = 0; i < nr_items; i++) {
		item one(resource);

		one.fill(random);
		items.put(std::move(one));
		auto taken = i % 2 ? std::nullopt : items.poll();
		CHECK(!taken || taken->whole());
		nr_taken += taken.has_value();
	}
	items.end();
	while (auto taken = items.take()) {
		CHECK(taken->whole());
		nr_taken++;
	}
	return nr_taken;
}

static void queues(const fixheap::place &place)
{
	fixheap::heap heap = tap::heap(256 * mib);
	fixheap::memory_resource resource(heap, place);
	std::atomic<unsigned> nr_taken{ 0 };
	{
		queue items(&resource);

		together([&](unsigned id) {
			nr_taken += use_queue(items, &resource, id);
		});
	}
	CHECK(nr_taken == nr_threads * nr_items);
	CHECK(tap::empty(heap));
}

static void cross_frees()
{
	const fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	queues(fixheap::place());
	queues(fixheap::place(0));
	queues(fixheap::place(attr, 16384));
}

/* ---- what is left of threads that have ended ---------------------------- */

static void ended()
{
	fixheap::heap heap = tap::heap(128 * mib);
	using allocator = fixheap::allocator<int>;
	using map = std::map<int, std::vector<int, allocator>, std::less<int>,
			     fixheap::allocator<std::pair<
				     const int, std::vector<int, allocator>>>>;
	std::vector<std::shared_ptr<map>> left(nr_threads);

	for (int round = 0; round < 5; round++) {
		together([&](unsigned id) {
			/* That of the thread before this one. */
			auto mine = std::allocate_shared<map>(
				fixheap::allocator<map>(heap),
				typename map::allocator_type(heap));

			left[id] = nullptr;
			for (int i = 0; i < 2000; i++)
				mine->emplace(i, std::vector<int, allocator>(
							 static_cast<unsigned>(
								 i % 50),
							 i, heap));
			left[id] = mine;
		});
		std::rotate(left.begin(), left.begin() + 1, left.end());
	}
	for (const auto &one : left) {
		CHECK(one->size() == 2000);
		CHECK(one->at(49)[48] == 49);
	}
	CHECK(fixheap_validate(heap.get()) == 0);
	left.clear();
	CHECK(tap::empty(heap));
}

/* ---- memory that runs out under all of them ----------------------------- */

/* Fill it until it is refused, then free all, five times. */
static unsigned fill(fixheap::allocator<std::uint64_t> source, unsigned id)
{
	using numbers = std::vector<std::uint64_t, decltype(source)>;
	std::mt19937_64 random(id);
	std::vector<numbers> kept;
	unsigned refused = 0;

	while (refused < 5) {
		try {
			kept.emplace_back(1 + random() % 4000, kept.size(),
					  source);
		} catch (const std::bad_alloc &) {
			refused++;
			for (std::size_t i = 0; i < kept.size(); i++)
				CHECK(kept[i].back() == i);
			kept.clear();
		}
	}
	return refused;
}

static void full()
{
	fixheap::heap heap = tap::heap(24 * mib);
	std::atomic<unsigned> nr_refused{ 0 };

	together([&](unsigned id) { nr_refused += fill(heap, id); });
	CHECK(nr_refused == 5 * nr_threads);
	CHECK(tap::empty(heap));
}

int main()
{
	static const tap::test tests[] = {
		{ "a queue between all threads", cross_frees },
		{ "what ended threads left is used and freed", ended },
		{ "a full heap under all threads", full },
	};

	return tap::run(tests);
}
