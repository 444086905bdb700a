#include "thread.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"

void thread_start(void *(*work)(void *), void *argument, const char *name)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, argument) != 0)
		fatal("%s cannot be started", name);
	pthread_detach(thread);
}

void bell_ring(struct bell *bell)
{
	bell->rung++;
	syscall(SYS_futex, &bell->rung, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void bell_wait(struct bell *bell, unsigned noted)
{
	syscall(SYS_futex, &bell->rung, FUTEX_WAIT_PRIVATE, noted, NULL, NULL, 0);
}
