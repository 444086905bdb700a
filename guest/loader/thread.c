#include "thread.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"

#define THREADS_MAX 8
#define STACK_BYTES (64 * 1024)

/* With the loader's other memory: none of it takes a page fault while tasks run. */
static char stacks[THREADS_MAX][STACK_BYTES] __attribute__((aligned(64)));
static unsigned started;

void thread_start(void *(*work)(void *), void *argument, const char *name)
{
	pthread_attr_t own;
	pthread_t thread;

	pthread_attr_init(&own);
	if (started < THREADS_MAX) /* canaries of a large machine may be more */
		pthread_attr_setstack(&own, stacks[started++], STACK_BYTES);
	if (pthread_create(&thread, &own, work, argument) != 0)
		fatal("%s cannot be started", name);
	pthread_attr_destroy(&own);
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
