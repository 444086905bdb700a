#include "rescuer.h"

#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"
#include "jobserver.h"
#include "stock.h"

/*
 * A thread of its own, not the preparer raised: the tasks may hold that up anywhere, with a
 * child below them, and a deadline that it was lent would stay with it.
 */
static struct maker maker = { .place = RESCUER };
static _Atomic pid_t thread_id;
static struct run *_Atomic current;
static atomic_bool busy;
static _Atomic unsigned wakes; /* a futex word */

static void futex(int operation, unsigned value)
{
	syscall(SYS_futex, &wakes, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

void rescuer_wake(void)
{
	wakes++;
	futex(FUTEX_WAKE, 1);
}

/* A job of the lane waits, and nothing is there for it. */
static bool needy(const struct lane *lane)
{
	return lane->wanted && lane->stock.made == lane->stock.used;
}

static struct lane *choose(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (needy(run->order[i]))
			return run->order[i];
	return NULL;
}

static void rescue_all(struct run *run)
{
	struct lane *lane;

	while (!run->stop && (lane = choose(run)) != NULL) {
		uint32_t number = lane->stock.made;

		/* had the preparer been first in between, this would be one too many */
		if (needy(lane))
			stock_add(lane, number, stock_make(&maker, lane, number));
	}
}

static void *work(void *unused)
{
	(void)unused;
	thread_id = (pid_t)syscall(SYS_gettid);
	for (;;) {
		unsigned seen = wakes;
		struct run *run;

		busy = true;
		run = current;
		if (run != NULL)
			rescue_all(run);
		busy = false;
		futex(FUTEX_WAIT, seen);
	}
	return NULL;
}

void rescuer_start(void)
{
	pthread_t thread;

	jobserver_open(&maker);
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		fatal("the rescuer cannot be started");
	pthread_detach(thread);
	while (thread_id == 0)
		sched_yield();
}

void rescuer_begin(struct run *run)
{
	int error = policy_set(thread_id, &run->rescuer_policy);

	if (error != 0)
		fatal("the rescuer gets no real-time policy: %s", strerror(error));
	maker.level = &run->rescued_policy;
	maker.deadline_ns = (int64_t)run->rescuer_policy.deadline_ns;
	current = run;
}

void rescuer_leave(void)
{
	current = NULL;
	while (busy)
		sched_yield();
}
