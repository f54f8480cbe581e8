/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c: memory in a file that other processes of the user can read.
 *
 * The file is /dev/shm/fixheap.PID.NUMBER, on a file system that lies in
 * memory, so it takes memory where it is touched, as anonymous memory does.
 * No descriptor is kept, as programs close those that they do not know.
 *
 * The copy for a child of fork is a file without a name, of which the child
 * keeps a descriptor, a high one: others find it as /proc/PID/fd/NUMBER.  Most
 * children run another program soon, or end by _exit; names would stay behind,
 * a descriptor does not.  A child that closes it cannot be looked at.
 *
 * 1. The file is the user's alone, mode 0600, and is never one that was there
 *    before: another user may have made that.
 * 2. As long as it is mapped, it is locked (flock, shared): the lock belongs to
 *    the file as it was opened, which the mapping holds.
 * 3. A name that the process finds taken is that of another heap of its own,
 *    or one of a process of the same number in another PID namespace, or was
 *    left by a program that it was before exec, or by a process that was
 *    killed.  Of the latter, which nobody locks, the file is removed.
 *
 * Locking: none.  Cost: some system calls; a copy is of what was touched.
 *
 * What it is not: a promise of memory.  Where /dev/shm is full, the program
 * gets a SIGBUS when it touches more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fixheap/segment.h>

#include "host.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

#define FILES_MAX 4096
#define CHUNK_PAGES 4096
#define FD_LEAST 600 /* out of the way of what counts on low ones */
#define FD_NEVER 3   /* below it: what the program believes to be closed */

static u64 own_image(void)
{
	const void *seed = (const void *)getauxval(AT_RANDOM);
	u64 image = 0;

	if (seed)
		memcpy(&image, seed, sizeof(image));
	return image;
}

/* Remove the file at path if it is of a program that is gone.  Who holds the
 * lock may, so that nobody removes what has come there since. */
static void remove_stale(const char *path, u64 image)
{
	struct fixheap_segment found;
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pread(fd, &found, sizeof(found), 0) == sizeof(found) &&
	    found.magic == FIXHEAP_SEGMENT_MAGIC && found.image != image &&
	    !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st) && st.st_nlink)
		unlink(path);
	close(fd);
}

static int make_file(struct host_share *share)
{
	int fd = -1;

	for (u32 i = 0; i < FILES_MAX && fd < 0; i++) {
		snprintf(share->path, sizeof(share->path),
			 "/dev/shm/fixheap.%u.%u", share->pid, i);
		remove_stale(share->path, share->image);
		fd = open(share->path,
			  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

/* Beyond this limit the kernel sends a signal. */
static bool is_allowed(size_t bytes)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur >= bytes;
}

static void *map_file(int fd, size_t bytes, struct host_share *share)
{
	struct stat st;
	void *start;

	share->fd = -1;
	if (fchmod(fd, 0600) || fstat(fd, &st) || flock(fd, LOCK_SH))
		return MAP_FAILED;
	share->device = st.st_dev;
	share->inode = st.st_ino;
	if (!is_allowed(bytes)) {
		errno = EFBIG;
		return MAP_FAILED;
	}
	if (ftruncate(fd, (off_t)bytes))
		return MAP_FAILED;
	start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (start != MAP_FAILED)
		madvise(start, bytes, MADV_NOHUGEPAGE);
	return start;
}

void *host_share(size_t bytes, struct host_share *share)
{
	int saved = errno, fd;
	struct timespec now;
	void *start;

	memset(share, 0, sizeof(*share));
	share->pid = (u32)getpid();
	share->image = own_image();
	clock_gettime(CLOCK_REALTIME, &now);
	share->made_ns = (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
	strncpy(share->program, program_invocation_short_name,
		sizeof(share->program) - 1);
	fd = make_file(share);
	if (fd < 0)
		return NULL;
	start = map_file(fd, bytes, share);
	if (start == MAP_FAILED) {
		saved = errno;
		unlink(share->path);
		start = NULL;
	}
	close(fd);
	errno = saved;
	return start;
}

/* It is open as this descriptor, whatever the program did with that. */
static bool is_open(const struct host_share *share, int fd)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_dev == share->device &&
	       st.st_ino == share->inode;
}

/* The file by its name, if it is still this one; or the descriptor kept. */
static int open_again(const struct host_share *share)
{
	int fd;

	if (is_open(share, share->fd))
		return share->fd;
	fd = open(share->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || is_open(share, fd))
		return fd;
	close(fd);
	return -1;
}

bool host_share_is_own(const struct host_share *share)
{
	return share->pid == (u32)getpid();
}

void host_share_end(const struct host_share *share)
{
	int saved = errno;
	struct stat st;

	if (!host_share_is_own(share)) {
		errno = saved;
		return;
	}
	if (is_open(share, share->fd))
		close(share->fd);
	else if (!lstat(share->path, &st) && st.st_dev == share->device &&
		 st.st_ino == share->inode)
		unlink(share->path);
	errno = saved;
}

/* [at, end), but for the first word of all. */
static void copy_part(char *copy, const char *start, size_t at, size_t end)
{
	if (!at)
		at = sizeof(u64);
	if (at < end)
		share_copy_words(copy + at, start + at, end - at);
}

/* The kernel knows what was touched, even if it is in swap. */
static bool copy_data(int fd, char *copy, const char *start, size_t bytes)
{
	off_t at = 0, end;

	while ((size_t)at < bytes) {
		at = lseek(fd, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO;
		end = lseek(fd, at, SEEK_HOLE);
		if (end <= at)
			return false;
		copy_part(copy, start, (size_t)at, (size_t)end);
		at = end;
	}
	return true;
}

/*
 * Where the name is gone or cannot be reached: what is in memory.  Parts that
 * are in swap would be missed, so all of it is asked for first.
 */
static bool copy_resident(char *copy, const char *start, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in[CHUNK_PAGES];

	madvise((void *)(uintptr_t)start, bytes, MADV_WILLNEED);
	for (size_t at = 0; at < bytes; at += CHUNK_PAGES * page) {
		size_t nr = min_u64(CHUNK_PAGES * page, bytes - at);

		if (mincore((void *)(uintptr_t)(start + at), nr, in))
			return false;
		for (size_t i = 0; i * page < nr; i++) {
			if (in[i] & 1)
				copy_part(copy, start, at + i * page,
					  at + min_u64((i + 1) * page, nr));
		}
	}
	return true;
}

/* A file without a name, out of the way: its descriptor, or -1. */
static int make_high(void)
{
	int fd = memfd_create("fixheap", MFD_CLOEXEC | MFD_NOEXEC_SEAL), high;

	/* before Linux 6.3; some later ones allow no other */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("fixheap", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_LEAST);
	if (high < 0 && fd < FD_NEVER)
		high = fcntl(fd, F_DUPFD_CLOEXEC, FD_NEVER);
	if (high < 0 && fd >= FD_NEVER)
		return fd;
	close(fd);
	return high;
}

/* In such a file; private memory where there can be none. */
static void *make_copy(size_t bytes, struct host_share *copy)
{
	void *memory = MAP_FAILED;
	int fd = make_high();

	if (fd >= 0)
		memory = map_file(fd, bytes, copy);
	if (memory != MAP_FAILED) {
		copy->fd = fd;
		return memory;
	}
	if (fd >= 0)
		close(fd);
	return host_reserve(bytes);
}

void *host_share_copy(const struct host_share *share, void *start, size_t bytes,
		      struct host_share *copy)
{
	int saved = errno, fd = -1;
	bool done = false;
	void *memory;

	*copy = *share;
	copy->fd = -1;
	memory = make_copy(bytes, copy);
	if (memory)
		fd = open_again(share);
	if (fd >= 0) {
		done = copy_data(fd, memory, start, bytes);
		if (fd != share->fd)
			close(fd);
	}
	if (memory && !done && !copy_resident(memory, start, bytes)) {
		host_share_drop(copy, memory, bytes);
		memory = NULL;
	}
	errno = saved;
	return memory;
}

void host_share_drop(struct host_share *copy, void *memory, size_t bytes)
{
	host_release(memory, bytes);
	if (is_open(copy, copy->fd))
		close(copy->fd);
	copy->fd = -1;
}

void host_share_replace(struct host_share *share, void *start,
			const struct host_share *copy, void *memory,
			size_t bytes)
{
	if (mremap(memory, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   start) == MAP_FAILED)
		host_abort();
	/* its parent's, if that was a child, too */
	if (is_open(share, share->fd))
		close(share->fd);
	*share = *copy;
	share->pid = (u32)getpid();
	snprintf(share->path, sizeof(share->path), "/proc/%u/fd/%d", share->pid,
		 share->fd);
}

int host_at_exit(void (*fn)(void))
{
	return atexit(fn) ? -ENOMEM : 0;
}
