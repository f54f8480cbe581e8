/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * containers.cc: containers, and strings that change threads
 *
 * Producers fill a queue, consumers take from it and keep part of it in maps;
 * what one thread made another frees.  At the end the sum over everything is
 * compared with what must have gone through.  Then memory runs out, once, and
 * std::bad_alloc must be caught.
 */
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{
constexpr int nr_pairs = 3, nr_items = 60000;

struct item {
	std::string name;
	std::vector<std::uint32_t> numbers;
};

struct alignas(256) wide {
	unsigned char bytes[512];
};

std::mutex lock;
std::condition_variable filled;
std::deque<std::unique_ptr<item>> queue;
int producers = nr_pairs;

void produce(int id)
{
	for (int i = 0; i < nr_items; i++) {
		auto made = std::make_unique<item>();

		made->name =
			"item " + std::to_string(id) + "/" + std::to_string(i);
		made->numbers.assign(static_cast<std::size_t>(i % 97), 1u);
		std::lock_guard<std::mutex> guard(lock);
		queue.push_back(std::move(made));
		filled.notify_one();
	}
	std::lock_guard<std::mutex> guard(lock);
	producers--;
	filled.notify_all();
}

std::unique_ptr<item> take()
{
	std::unique_lock<std::mutex> guard(lock);

	filled.wait(guard, [] { return !queue.empty() || !producers; });
	if (queue.empty())
		return nullptr;
	auto got = std::move(queue.front());
	queue.pop_front();
	return got;
}

void consume(std::uint64_t *sum)
{
	std::map<std::string, std::unique_ptr<item>> kept;
	std::unordered_map<std::string, std::shared_ptr<wide>> wides;

	while (auto got = take()) {
		for (auto number : got->numbers)
			*sum += number;
		if (got->numbers.size() % 7 == 0) {
			wides[got->name] = std::make_shared<wide>();
			auto at = reinterpret_cast<std::uintptr_t>(
				wides[got->name].get());
			if (at % alignof(wide))
				*sum += 1000000;
			kept[got->name] = std::move(got);
		}
		if (kept.size() > 2000) {
			kept.clear();
			wides.clear();
		}
	}
}

bool runs_out()
{
	std::vector<std::unique_ptr<char[]>> blocks;

	try {
		for (;;)
			blocks.emplace_back(new char[10 << 20]);
	} catch (const std::bad_alloc &) {
		return !blocks.empty();
	}
}
} // namespace

int main()
{
	std::uint64_t sums[nr_pairs] = {}, sum = 0, expected = 0;
	std::vector<std::thread> threads;

	for (int i = 0; i < nr_pairs; i++) {
		threads.emplace_back(produce, i);
		threads.emplace_back(consume, &sums[i]);
	}
	for (auto &thread : threads)
		thread.join();
	for (int i = 0; i < nr_items; i++)
		expected += static_cast<std::uint64_t>(i % 97) * nr_pairs;
	for (auto part : sums)
		sum += part;
	if (sum != expected) {
		std::printf("sum %llu, not %llu\n",
			    static_cast<unsigned long long>(sum),
			    static_cast<unsigned long long>(expected));
		return 1;
	}
	if (!runs_out()) {
		std::puts("no block before std::bad_alloc");
		return 1;
	}
	std::puts("sums agree");
	return 0;
}
