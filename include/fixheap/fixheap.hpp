/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/fixheap.hpp: fixed heaps for C++ 17 and later.  Header only.
 *
 *	fixheap::heap		   owns a heap, as std::unique_ptr would
 *	fixheap::allocator<T>	   for containers: std::vector<T, allocator<T>>
 *	fixheap::memory_resource   for std::pmr
 *	fixheap::place		   of which node, and which requests are arrays
 *	fixheap::source		   what those above allocate from
 *
 *	fixheap::heap heap(config);
 *	std::map<int, int, std::less<int>,
 *		 fixheap::allocator<std::pair<const int, int>>> map(heap);
 *	fixheap::memory_resource resource(heap);
 *	std::pmr::vector<std::pmr::string> names(&resource);
 *
 * These names are members of struct fixheap, not of a namespace, as C++ has no
 * room for both.  There are no objects of that type in C++; what points to one
 * is the handle of <fixheap/fixheap.h>, and all functions there can be used
 * beside what is here.
 *
 * Lifetimes: allocators and resources do not own what they are made from.  The
 * heap must outlive them, a place the allocators and sources that were made
 * with it, and what an attribute points to the place.  Nothing here is global:
 * without a heap there is no allocator, so none can be default constructed.
 *
 * Units: sizes are bytes, but the n of an allocator is objects, as always.
 * Errors: std::bad_alloc where fixheap.h says NULL, and errno still says why:
 * ENOMEM, or what a place does not allow (EINVAL, ENOTSUP).  A number of
 * objects that overflows is std::bad_array_new_length, which is a
 * std::bad_alloc.  Nothing else throws, but the constructor of a heap.
 * A caller's mistake goes to the heap's fault handler, which must not throw:
 * there are C functions between it and the caller.
 * With -fno-exceptions whatever would throw calls std::abort; there are
 * source::try_allocate, and the heap's constructor with an error_code.
 * Without RTTI a memory_resource is equal to no other one but itself.
 *
 * Context: any thread, if nothing else is said; allocators of one heap may be
 * used by several threads at once, and any may free what another allocated.
 * Cost: that of the C function, and nothing that could be measured.
 */
#ifndef FIXHEAP_FIXHEAP_HPP
#define FIXHEAP_FIXHEAP_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory_resource>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fixheap/fixheap.h>

struct fixheap {
	class heap;
	class place;
	class source;
	template <class T> class allocator;
	class memory_resource;

	fixheap() = delete;
	fixheap(const fixheap &) = delete;
	fixheap &operator=(const fixheap &) = delete;
	~fixheap() = delete;
};

/*
 * fixheap::heap - the owner of a heap, or of none
 *
 * Moved, not copied.  The destructor is fixheap_destroy: see there for what
 * must not happen meanwhile.  A moved-from heap owns none.
 */
class fixheap::heap
{
public:
	constexpr heap() noexcept = default;
	/* Take over what fixheap_create made; NULL: none. */
	explicit heap(fixheap *handle) noexcept : handle_(handle)
	{
	}
	/* As fixheap_create; std::system_error with its error, of the generic
	 * category, which compares with std::errc. */
	explicit heap(const fixheap_config &config)
	{
		std::error_code error;

		create(config, error);
		if (error)
			fail(error);
	}
	/* The same without an exception: on error it owns none. */
	heap(const fixheap_config &config, std::error_code &error) noexcept
	{
		create(config, error);
	}
	heap(heap &&other) noexcept : handle_(other.release())
	{
	}
	heap &operator=(heap &&other) noexcept
	{
		reset(other.release());
		return *this;
	}
	~heap()
	{
		fixheap_destroy(handle_);
	}

	fixheap *get() const noexcept
	{
		return handle_;
	}
	explicit operator bool() const noexcept
	{
		return handle_ != nullptr;
	}
	/* The caller has to destroy it. */
	[[nodiscard]] fixheap *release() noexcept
	{
		return std::exchange(handle_, nullptr);
	}
	/* Own this one, and destroy the one owned before. */
	void reset(fixheap *handle = nullptr) noexcept
	{
		fixheap_destroy(std::exchange(handle_, handle));
	}
	void swap(heap &other) noexcept
	{
		std::swap(handle_, other.handle_);
	}
	friend void swap(heap &a, heap &b) noexcept
	{
		a.swap(b);
	}

private:
	void create(const fixheap_config &config,
		    std::error_code &error) noexcept
	{
		const int result = fixheap_create(&config, &handle_);

		error.assign(-result, std::generic_category());
		if (result)
			handle_ = nullptr;
	}
	[[noreturn]] static void fail(const std::error_code &error)
	{
#ifdef __cpp_exceptions
		throw std::system_error(error, "fixheap_create");
#else
		static_cast<void>(error);
		std::abort();
#endif
	}

	fixheap *handle_ = nullptr;
};

/*
 * fixheap::place - where memory shall be
 *
 * Requests of array_bytes or more are arrays, with the attribute given: exact
 * to the page, placed by its policy.  All others are objects, of one node if it
 * is not negative (fixheap_malloc_node), else as fixheap_malloc.
 *
 * What is given back says its size but not what it is, so the size alone
 * decides, and a place cannot be changed: made, copied, but not assigned.
 * The attribute is copied; nodemask and weights stay the caller's.
 *
 * Objects of a node cannot be aligned beyond the page: EINVAL.
 */
class fixheap::place
{
public:
	static constexpr std::size_t no_arrays =
		std::numeric_limits<std::size_t>::max();

	explicit place(int node = -1) noexcept : node_(node)
	{
	}
	place(const fixheap_array_attr &attr, std::size_t array_bytes,
	      int node = -1) noexcept
		: attr_(attr), array_bytes_(array_bytes), node_(node)
	{
	}
	place(const place &) noexcept = default;
	place &operator=(const place &) = delete;

	const fixheap_array_attr &attr() const noexcept
	{
		return attr_;
	}
	std::size_t array_bytes() const noexcept
	{
		return array_bytes_;
	}
	/* Negative: none. */
	int node() const noexcept
	{
		return node_;
	}

private:
	fixheap_array_attr attr_ = FIXHEAP_ARRAY_ATTR_INIT;
	std::size_t array_bytes_ = no_arrays;
	int node_;
};

/*
 * fixheap::source - a heap, and a place there
 *
 * Made from a handle or from an owner, which may own none only if nothing is
 * ever allocated.  Without a place: objects, as fixheap_malloc.  Two sources
 * are equal if one may free what the other allocated: the same heap, and the
 * same requests are arrays.
 */
class fixheap::source
{
public:
	source(fixheap *heap) noexcept : heap_(heap)
	{
	}
	source(fixheap *heap, const place &where) noexcept
		: heap_(heap), place_(&where)
	{
	}
	source(const fixheap::heap &heap) noexcept : heap_(heap.get())
	{
	}
	source(const fixheap::heap &heap, const place &where) noexcept
		: heap_(heap.get()), place_(&where)
	{
	}
	source(std::nullptr_t) = delete;
	/* They would be gone before they are used. */
	source(fixheap::heap &&) = delete;
	source(fixheap::heap &&, const place &) = delete;
	source(const fixheap::heap &, const place &&) = delete;
	source(fixheap *, const place &&) = delete;

	fixheap *heap() const noexcept
	{
		return heap_;
	}
	/* NULL: none was given. */
	const place *where() const noexcept
	{
		return place_;
	}

	/*
	 * Memory of this alignment, a power of two.  bytes 0 gives a pointer of
	 * its own.
	 * Return: NULL with errno, as the C function that serves it.
	 */
	[[nodiscard]] void *try_allocate(std::size_t bytes,
					 std::size_t alignment) const noexcept
	{
		if (is_array(bytes))
			return array(bytes, alignment);
		if (place_ && place_->node() >= 0)
			return of_node(bytes, alignment);
		/* Smaller objects need not be aligned as the largest type. */
		if (alignment <= alignof(std::max_align_t) &&
		    alignment <= bytes)
			return fixheap_malloc(heap_, bytes);
		return fixheap_aligned_alloc(heap_, alignment, bytes);
	}
	/* The same, or std::bad_alloc. */
	[[nodiscard]] void *allocate(std::size_t bytes,
				     std::size_t alignment) const
	{
		void *got = try_allocate(bytes, alignment);

		if (!got)
			fail();
		return got;
	}
	/* bytes as they were asked for; ptr NULL does nothing. */
	void deallocate(void *ptr, std::size_t bytes) const noexcept
	{
		if (is_array(bytes))
			fixheap_array_free(heap_, ptr);
		else
			fixheap_free(heap_, ptr);
	}

	friend bool operator==(const source &a, const source &b) noexcept
	{
		return a.heap_ == b.heap_ && a.array_bytes() == b.array_bytes();
	}
	friend bool operator!=(const source &a, const source &b) noexcept
	{
		return !(a == b);
	}

private:
	std::size_t array_bytes() const noexcept
	{
		return place_ ? place_->array_bytes() : place::no_arrays;
	}
	/* The only thing that decides it, for allocate and deallocate. */
	bool is_array(std::size_t bytes) const noexcept
	{
		return bytes >= array_bytes() && bytes != place::no_arrays;
	}
	void *array(std::size_t bytes, std::size_t alignment) const noexcept
	{
		if (alignment <= place_->attr().alignment ||
		    alignment <= fixheap_page_size())
			return fixheap_array_alloc(heap_, bytes,
						   &place_->attr());
		fixheap_array_attr attr = place_->attr();

		attr.alignment = alignment;
		return fixheap_array_alloc(heap_, bytes, &attr);
	}
	/*
	 * fixheap_malloc_node takes no alignment.  A multiple of it as the size
	 * has it as a rule; if not, an object with pages of its own does, which
	 * is one above 14,336 bytes.
	 */
	void *of_node(std::size_t bytes, std::size_t alignment) const noexcept
	{
		const std::size_t mask = alignment - 1;
		void *got;

		if (!alignment || alignment & mask ||
		    alignment > fixheap_page_size()) {
			errno = EINVAL;
			return nullptr;
		}
		if (bytes > std::numeric_limits<std::size_t>::max() - mask) {
			errno = ENOMEM;
			return nullptr;
		}
		bytes = bytes ? (bytes + mask) & ~mask : alignment;
		got = fixheap_malloc_node(heap_, bytes, place_->node());
		if (!(reinterpret_cast<std::uintptr_t>(got) & mask))
			return got;
		fixheap_free(heap_, got);
		if (bytes <= largest_small)
			bytes = largest_small + 1;
		return fixheap_malloc_node(heap_, bytes, place_->node());
	}

	[[noreturn]] static void fail()
	{
#ifdef __cpp_exceptions
		throw std::bad_alloc();
#else
		std::abort();
#endif
	}

	static constexpr std::size_t largest_small = 14336;

	fixheap *heap_;
	const place *place_ = nullptr;
};

/*
 * fixheap::allocator - for containers, std::allocate_shared and the like
 *
 * Two words, made from a heap, or from a heap and a place:
 *
 *	fixheap::allocator<int> plain(heap), near(heap, place);
 *
 * A container that is moved or swapped takes its allocator with it, so that
 * neither copies, throws or is undefined.  One that is assigned a copy keeps
 * its own: where its memory is was decided when it was made.  A copy made by
 * its constructor gets that of the original.
 */
template <class T> class fixheap::allocator : public fixheap::source
{
public:
	using value_type = T;
	using size_type = std::size_t;
	using difference_type = std::ptrdiff_t;
	using propagate_on_container_copy_assignment = std::false_type;
	using propagate_on_container_move_assignment = std::true_type;
	using propagate_on_container_swap = std::true_type;
	using is_always_equal = std::false_type;
	template <class U> struct rebind {
		using other = allocator<U>;
	};

	using source::source;
	/* Of another type, too. */
	allocator(const source &from) noexcept : source(from)
	{
	}

	[[nodiscard]] T *allocate(std::size_t n)
	{
		if (n > std::numeric_limits<std::size_t>::max() / sizeof(T))
			overflow();
		return static_cast<T *>(
			source::allocate(n * sizeof(T), alignof(T)));
	}
	/* n as it was given to allocate. */
	void deallocate(T *ptr, std::size_t n) noexcept
	{
		source::deallocate(ptr, n * sizeof(T));
	}

private:
	[[noreturn]] static void overflow()
	{
#ifdef __cpp_exceptions
		throw std::bad_array_new_length();
#else
		std::abort();
#endif
	}
};

/*
 * fixheap::memory_resource - for std::pmr
 *
 *	fixheap::memory_resource resource(heap, fixheap::place(attr, 1 << 20));
 *	std::pmr::vector<double> numbers(&resource);
 *
 * It has a copy of its place.  Equal to another one of this type if one may
 * free what the other allocated, see source: then containers that are moved
 * from one to the other take the memory with them.
 */
class fixheap::memory_resource final : public std::pmr::memory_resource
{
public:
	explicit memory_resource(fixheap *heap,
				 const place &where = place()) noexcept
		: place_(where), source_(heap, place_)
	{
	}
	explicit memory_resource(const fixheap::heap &heap,
				 const place &where = place()) noexcept
		: place_(where), source_(heap, place_)
	{
	}
	explicit memory_resource(fixheap::heap &&,
				 const place & = place()) = delete;
	/* Containers have its address. */
	memory_resource(const memory_resource &) = delete;
	memory_resource &operator=(const memory_resource &) = delete;

	fixheap *heap() const noexcept
	{
		return source_.heap();
	}

private:
	void *do_allocate(std::size_t bytes, std::size_t alignment) override
	{
		return source_.allocate(bytes, alignment);
	}
	void do_deallocate(void *ptr, std::size_t bytes, std::size_t) override
	{
		source_.deallocate(ptr, bytes);
	}
	bool do_is_equal(
		const std::pmr::memory_resource &other) const noexcept override
	{
		if (this == &other)
			return true;
#ifdef __cpp_rtti
		const auto *same =
			dynamic_cast<const fixheap::memory_resource *>(&other);

		return same && source_ == same->source_;
#else
		return false;
#endif
	}

	const place place_;
	const source source_;
};

#endif
