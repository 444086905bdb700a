#include "rescuer.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"
#include "stock.h"
#include "thread.h"

/*
 * A thread of its own, not the preparer raised: the tasks may hold that up anywhere, with a
 * child below them, and a deadline that it was lent would stay with it.
 */
static struct maker maker;
static _Atomic pid_t thread_id;
static struct run *_Atomic current;
static atomic_bool busy;
static struct bell bell;

void rescuer_wake(void)
{
	bell_ring(&bell);
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
		unsigned noted = bell.rung;
		struct run *run;

		busy = true;
		run = current;
		if (run != NULL)
			rescue_all(run);
		busy = false;
		bell_wait(&bell, noted);
	}
	return NULL;
}

static void set_policy(const struct policy *policy)
{
	static struct policy has = { .kind = SCHED_OTHER };

	policy_change(thread_id, &has, policy, "the rescuer");
}

void rescuer_start(void)
{
	thread_start(work, NULL, "the rescuer");
	while (thread_id == 0)
		sched_yield();
	set_policy(&RESCUER_USUAL);
}

void rescuer_begin(struct run *run)
{
	set_policy(&run->rescuer_policy);
	maker.level = &run->rescued_policy;
	maker.own = run->deadlines ? &run->rescuer_policy : NULL;
	maker.behind = run->deadlines ? &run->behind_policy : NULL;
	current = run;
}

void rescuer_leave(void)
{
	current = NULL;
	while (busy)
		sched_yield();
}
