#include "preparer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "jobserver.h"
#include "stock.h"
#include "thread.h"

/* Below all tasks: they begin at 2. */
static const struct policy CALM = { .kind = SCHED_FIFO, .fifo = 1, .reset = true };

static struct maker maker = { .who = PREPARER };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct run *current; /* under `lock`, as is `busy` */
static bool busy;
static bool filled;
static struct bell bell;

void preparer_wake(void)
{
	bell_ring(&bell);
}

/* Whether the lane may get one more now: stock, jobs and quota slots all bound it. */
static bool room(const struct lane *lane)
{
	const struct stock *stock = &lane->stock;

	if (lane->refusal != NULL || stock->made >= lane->task->jobs)
		return false;
	if (lane->slots > 0 && stock->made - lane->ended >= lane->slots)
		return false;
	return stock->made - stock->used < stock->target;
}

static struct lane *choose(struct run *run)
{
	struct lane *best = NULL;
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];
		uint32_t ready = lane->stock.made - lane->stock.used;

		if (!room(lane))
			lane->filling = false;
		else if (ready * 2 <= lane->stock.target)
			lane->filling = true;
		if (lane->filling && ready < least) {
			best = lane;
			least = ready;
		}
	}
	return best;
}

static const char *meaning(int error)
{
	switch (error) {
	case ENOEXEC:
		return "it is no program for this machine";
	case ENOENT: /* the file itself is there: run_init has looked */
		return "it is linked dynamically, and the machine has no libraries: link it statically";
	default:
		return strerror(error);
	}
}

static void make(struct lane *lane)
{
	uint32_t number = lane->stock.made;
	pid_t pid = stock_make(&maker, lane, number);

	if (pid < 0 && !filled) {
		/* found before time zero: the task as a whole is refused */
		lane->refused_for_quota = pid == -ENOMEM && lane->slots > 0;
		lane_refuse(lane, "it cannot be executed: %s", meaning(-pid));
		return;
	}
	stock_add(lane, number, pid);
}

static void *work(void *unused)
{
	(void)unused;
	policy_set(0, &CALM);
	pthread_mutex_lock(&lock);
	for (;;) {
		struct run *run = current;
		unsigned noted = bell.rung;
		struct lane *lane;

		if (run == NULL) {
			busy = false;
			pthread_cond_broadcast(&changed);
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		busy = true;
		pthread_mutex_unlock(&lock);
		lane = run->stop ? NULL : choose(run);
		if (lane != NULL)
			make(lane);
		if (lane != NULL) {
			/* look again */
		} else if (!filled) {
			pthread_mutex_lock(&lock);
			filled = true;
			pthread_cond_broadcast(&changed);
			pthread_mutex_unlock(&lock);
		} else {
			bell_wait(&bell, noted);
		}
		pthread_mutex_lock(&lock);
	}
	return NULL;
}

void preparer_start(void)
{
	jobserver_open(&maker);
	thread_start(work, NULL, "the preparer");
}

void preparer_fill(struct run *run)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < run->count; i++)
		run->lanes[i].filling = true;
	filled = false;
	current = run;
	pthread_cond_broadcast(&changed);
	while (!filled)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void preparer_leave(void)
{
	pthread_mutex_lock(&lock);
	current = NULL;
	preparer_wake();
	while (busy)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}
