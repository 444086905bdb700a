#include "preparer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "stock.h"
#include "thread.h"
#include "trace.h"

static struct maker maker;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct run *current; /* under `lock`, as is `busy`: whether the preparer has it */
static bool busy;
static atomic_bool filled;
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

/* The run to work at, if there is one. */
static struct run *look(void)
{
	struct run *run;

	pthread_mutex_lock(&lock);
	run = current;
	busy = run != NULL;
	if (!busy)
		pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return run;
}

static void note_filled(void)
{
	pthread_mutex_lock(&lock);
	filled = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void *work(void *unused)
{
	(void)unused;
	policy_set(0, &PROCESS_CALM);
	for (;;) {
		unsigned noted = bell.rung;
		struct run *run = look();
		struct lane *lane = run == NULL || run->stop ? NULL : choose(run);

		if (lane != NULL) {
			make(lane);
			continue;
		}
		if (run != NULL && !filled)
			note_filled();
		bell_wait(&bell, noted);
	}
	return NULL;
}

void preparer_start(void)
{
	thread_start(work, NULL, "the preparer");
}

/* Processes that are there need none of the preparer's time; whether they are enough. */
static bool fill_from_standby(struct run *run)
{
	bool full = true;

	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = &run->lanes[i];

		lane->filling = true;
		if (lane->standby > 0 && lane->refusal == NULL)
			make(lane);
		full = full && !room(lane);
	}
	return full;
}

void preparer_fill(struct run *run)
{
	filled = false;
	filled = fill_from_standby(run);
	pthread_mutex_lock(&lock);
	current = run;
	if (!filled) {
		trace_let_go(); /* processes would inherit its buffers */
		preparer_wake();
	}
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
