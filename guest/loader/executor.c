#include "executor.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"
#include "job.h"
#include "moment.h"
#include "thread.h"

static _Atomic pid_t thread_id;
static struct run *_Atomic next_run;
static atomic_bool died; /* some child, since that was looked at */

pid_t executor_thread(void)
{
	return thread_id;
}

void executor_wake(void)
{
	turns_ring();
}

static void note_death(int signal)
{
	(void)signal;
	died = true;
	turns_count();
}

static void wait_for_end(struct run *run, struct lane *lane, int64_t release_ns)
{
	if (lane->due++ == 0)
		lane->due_ns = release_ns;
	job_await_end(run, lane);
}

static void release(struct run *run, struct lane *lane)
{
	int64_t release_ns = lane->next_ns;
	bool more = lane->started + lane->due < lane->task->jobs;
	bool exiting;

	lane->next_ns += lane->task->period_ns;
	if (lane->running != NULL)
		job_reap(run, lane);
	if (lane->running == NULL) {
		if (!lane->done)
			job_start(run, lane, release_ns);
		return;
	}
	exiting = lane->verdict == RUNNING && job_exiting(lane);
	if (exiting) /* at the latest now: a child of its priority can keep it from vanishing */
		job_sweep(lane);
	if (lane->task->overrun == OVERRUN_LATE) {
		if (more)
			wait_for_end(run, lane, release_ns);
	} else if (exiting) {
		/* it made it: this release starts its job as soon as the process is gone */
		if (more && lane->due == 0)
			wait_for_end(run, lane, release_ns);
	} else if (lane->task->overrun == OVERRUN_KILL) {
		job_kill(lane, EXIT_PERIOD);
	}
}

/* Whether releases of the lane matter: to start a job, or to see the last one end. */
static bool releasing(const struct lane *lane)
{
	return !lane->done &&
	       (lane->running != NULL || lane->started + lane->due < lane->task->jobs);
}

static int64_t due_next(const struct run *run)
{
	int64_t next_ns = MOMENT_NEVER;

	for (size_t i = 0; i < run->count; i++) {
		const struct lane *lane = &run->lanes[i];

		if (releasing(lane) && lane->next_ns < next_ns)
			next_ns = lane->next_ns;
		if (lane->running != NULL && lane->critical_ns < next_ns)
			next_ns = lane->critical_ns;
	}
	return next_ns;
}

static void act(struct run *run)
{
	int64_t now = now_ns();

	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		if (lane->running != NULL && lane->critical_ns <= now)
			job_reap(run, lane);
		if (lane->running != NULL && lane->critical_ns <= now)
			job_kill(lane, EXIT_CRITICAL);
		while (!run->stop && releasing(lane) && lane->next_ns <= now)
			release(run, lane);
	}
}

/* What has rung: ends of processes and of turns, and processes that jobs wait for. */
static void answer(struct run *run)
{
	bool processes = atomic_exchange(&died, false);

	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		if (processes)
			job_bury(lane);
		if (lane->running != NULL && (processes || job_has_turned(lane)))
			job_reap(run, lane);
		if (lane->wanted && lane->stock.made != lane->stock.used)
			job_let_go(run, lane);
	}
}

static void stop_all(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		if (lane->running != NULL)
			job_reap(run, lane); /* nothing tells of one that died while it was ready */
		if (lane->running == NULL) {
			if (!lane->done)
				lane_finish(run, lane);
		} else if (lane->running->pid > 0) {
			job_kill(lane, EXIT_EXTERNAL);
		} else { /* it still waited for its process */
			lane->wanted = false;
			lane->running->go_ns = now_ns();
			job_end(run, lane, EXIT_EXTERNAL, 128 + SIGKILL);
		}
	}
}

static bool over(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (!run->lanes[i].done)
			return false;
	return true;
}

static void execute(struct run *run)
{
	unsigned heard = turns_rung() - 1; /* so that it looks once, at first */
	uint64_t one = 1;

	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		lane->next_ns = run->zero_ns + lane->task->offset_ns;
		lane->critical_ns = MOMENT_NEVER;
		if (lane->refusal != NULL)
			lane_tell_refused(run, lane);
	}
	while (!over(run)) {
		unsigned rung = turns_rung();

		if (rung != heard)
			answer(run);
		heard = rung;
		if (!run->stop)
			act(run);
		if (run->stop) /* or since just now: there is no room for more */
			stop_all(run);
		if (!over(run))
			turns_await(rung, run->stop ? MOMENT_NEVER : due_next(run));
	}
	run->over = true;
	if (write(run->notify, &one, sizeof one) < 0)
		return; /* the counter is full: the reader has news anyway */
}

/* Only here: all other threads have it blocked. */
static void hear_deaths(void)
{
	sigset_t deaths;

	sigemptyset(&deaths);
	sigaddset(&deaths, SIGCHLD);
	pthread_sigmask(SIG_UNBLOCK, &deaths, NULL);
}

static void *work(void *unused)
{
	(void)unused;
	prctl(PR_SET_TIMERSLACK, 1UL);
	hear_deaths();
	thread_id = (pid_t)syscall(SYS_gettid);
	for (;;) {
		unsigned rung = turns_rung();
		struct run *run = atomic_exchange(&next_run, NULL);

		if (run == NULL)
			turns_await(rung, MOMENT_NEVER);
		else
			execute(run);
	}
	return NULL;
}

static void set_policy(const struct policy *policy)
{
	static struct policy has = { .kind = SCHED_OTHER };

	policy_change(thread_id, &has, policy, "the executor");
}

void executor_start(void)
{
	/* of their ends, and of none of their stops */
	struct sigaction deaths = { .sa_handler = note_death, .sa_flags = SA_NOCLDSTOP };

	sigaction(SIGCHLD, &deaths, NULL);
	thread_start(work, NULL, "the executor");
	while (thread_id == 0)
		sched_yield();
	set_policy(&EXECUTOR_USUAL);
}

void executor_begin(struct run *run)
{
	set_policy(&run->executor_policy);
	next_run = run;
	executor_wake();
}
