/*
 * Preloaded when the server runs under valgrind 3.19, which writes into the
 * mask that sigsuspend is given; libdispatch's is in read-only memory.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask)
{
	sigset_t copy = *mask;
	return (int)syscall(SYS_rt_sigsuspend, &copy, 8);
}
