/*
 * wrap.c - the calls that the library itself makes. The linker's --wrap sends those of libmeter.a here; SQLite and the C library,
 * which are not linked into the program, go on as they are.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_open(const char *path, int flags, ...);
int __real_posix_fallocate(int fd, off_t offset, off_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
ssize_t __real_pwrite(int fd, const void *from, size_t size, off_t offset);
ssize_t __real_pread(int fd, void *to, size_t size, off_t offset);
int __real_flock(int fd, int operation);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_open(const char *path, int flags, ...);
int __wrap_posix_fallocate(int fd, off_t offset, off_t size);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
ssize_t __wrap_pwrite(int fd, const void *from, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);
int __wrap_flock(int fd, int operation);

static int fail_with(int error)
{
	errno = error;
	return -1;
}

void *__wrap_malloc(size_t size)
{
	return fault_hits(FAULT_MALLOC) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fault_hits(FAULT_MALLOC) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fault_hits(FAULT_MALLOC) ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fault_hits(FAULT_MALLOC) ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
	va_end(arguments);
	return fault_hits(FAULT_OPEN) ? fail_with(EMFILE) : __real_open(path, flags, mode);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t size)
{
	return fault_hits(FAULT_ALLOCATE) ? ENOSPC : __real_posix_fallocate(fd, offset, size);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fault_hits(FAULT_MMAP)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(address, size, protection, flags, fd, offset);
}

int __wrap_fdatasync(int fd)
{
	return fault_hits(FAULT_SYNC) ? fail_with(EIO) : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
	return fault_hits(FAULT_SYNC) ? fail_with(EIO) : __real_fsync(fd);
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t size, off_t offset)
{
	return fault_hits(FAULT_PWRITE) ? fail_with(EIO) : __real_pwrite(fd, from, size, offset);
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
	return fault_hits(FAULT_PREAD) ? fail_with(EIO) : __real_pread(fd, to, size, offset);
}

int __wrap_flock(int fd, int operation)
{
	return fault_hits(FAULT_FLOCK) && !(operation & LOCK_UN) ? fail_with(ENOLCK) : __real_flock(fd, operation);
}
