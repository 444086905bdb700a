#include "stock.h"

#include <errno.h>
#include <pthread.h>

#include "executor.h"

/* Whoever waits for it lends its priority to whoever has it. */
static pthread_mutex_t adding;

void stock_open(void)
{
	pthread_mutexattr_t lends;

	pthread_mutexattr_init(&lends);
	pthread_mutexattr_setprotocol(&lends, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&adding, &lends);
	pthread_mutexattr_destroy(&lends);
}

pid_t stock_make(struct maker *maker, struct lane *lane, uint32_t number)
{
	int cgroup = lane->slots > 0 ? lane->slot_procs[number % lane->slots] : -1;
	pid_t pid = lane->standby;

	lane->standby = 0;
	if (pid == 0 && lane->turn != NULL && !turns_fit(lane->path))
		return -ENOEXEC; /* the host has put another program in its place since */
	if (pid == 0)
		pid = process_begin(maker, &lane->plan, cgroup);
	return pid < 0 ? pid : process_settle(&lane->plan, pid);
}

void stock_add(struct lane *lane, uint32_t number, pid_t pid)
{
	struct stock *stock = &lane->stock;
	bool first;

	pthread_mutex_lock(&adding);
	first = stock->made == number;
	if (first) {
		stock->ready[number % STOCK_MAX] = pid;
		stock->made++;
	}
	pthread_mutex_unlock(&adding);
	if (!first && pid > 0)
		process_drop(pid);
	/* also who comes second: the first may be held up before it tells */
	if (lane->wanted)
		executor_wake();
}
