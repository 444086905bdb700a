#include "executor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "console.h"
#include "moment.h"
#include "preparer.h"

#define FLAG_EXITING 0x4UL /* PF_EXITING in /proc/PID/stat */
#define NEVER INT64_MAX
#define EXIT_CANNOT_RUN 126
#define LATE_NS (50 * NS_PER_US) /* more than a release on time takes */
/* In a quiet run the server reads the trace only this often, lest it overflow. */
#define JOBS_PER_DRAIN 1024

static int notify_end;
static _Atomic pid_t thread_id;
static struct run *_Atomic next_run;

pid_t executor_thread(void)
{
	return thread_id;
}

void executor_wake(void)
{
	syscall(SYS_tgkill, getpid(), thread_id, SIGUSR1);
}

static void tell(void)
{
	uint64_t one = 1;

	if (write(notify_end, &one, sizeof one) < 0)
		return; /* the counter is full: the reader has news anyway */
}

static void tell_unless_quiet(const struct run *run)
{
	if (!run->quiet)
		tell();
}

static void stop(struct run *run, struct lane *lane);

static void finish_lane(struct run *run, struct lane *lane)
{
	struct record *record = record_new(&run->records);

	lane->done = true;
	if (record == NULL) {
		run->full = true;
		return;
	}
	record->lane = lane->index;
	record->seen_ns = now_ns();
	record->outcome = JOBS_DONE;
	record_publish(&run->records);
}

/* The job is over; what its task does next follows from the releases that wait. */
static void end(struct run *run, struct lane *lane, enum outcome outcome, int exit_value)
{
	struct record *record = lane->running;

	record->seen_ns = now_ns();
	record->exit = exit_value;
	atomic_store_explicit(&record->outcome, (unsigned char)outcome, memory_order_release);
	lane->running = NULL;
	lane->critical_ns = NEVER;
	lane->ended++;
	if (lane->started == lane->task->jobs || run->stop)
		finish_lane(run, lane);
	tell_unless_quiet(run);
}

/*
 * The kernel counts a deadline from the moment when the job is let go; for one that starts
 * long after its release, the deadline is to be as much nearer. Tasks with a budget keep
 * what they have: for them it is the budget that says when they may run.
 */
static void correct_deadline(const struct lane *lane, pid_t pid, int64_t late_ns)
{
	struct policy policy = lane->plan.policy;

	if (policy.kind != SCHED_DEADLINE || policy.runtime_ns != policy.period_ns ||
	    late_ns < LATE_NS || policy.deadline_ns < (uint64_t)late_ns + LATE_NS)
		return;
	policy.deadline_ns -= (uint64_t)late_ns;
	policy.runtime_ns = policy.period_ns = policy.deadline_ns;
	policy_set(pid, &policy);
}

static void let_go(struct run *run, struct lane *lane)
{
	struct stock *stock = &lane->stock;
	struct record *record = lane->running;
	pid_t pid = stock->ready[stock->used % STOCK_MAX];

	lane->wanted = false;
	record->go_ns = now_ns();
	record->pid = pid;
	if (pid > 0) {
		correct_deadline(lane, pid, record->go_ns - record->release_ns);
		kill(pid, SIGCONT);
		if (lane->task->criticaltime_ns > 0)
			lane->critical_ns = record->go_ns + lane->task->criticaltime_ns;
		tell_unless_quiet(run);
	}
	stock->used++;
	if (pid <= 0)
		end(run, lane, pid == -ENOMEM && lane->slots ? OUT_OF_QUOTA : EXIT_ERROR,
		    EXIT_CANNOT_RUN);
	if (stock->made < lane->task->jobs && (stock->made - stock->used) * 2 <= stock->target)
		preparer_wake(false);
}

static void start(struct run *run, struct lane *lane, int64_t release_ns)
{
	struct record *record = record_new(&run->records);

	if (record == NULL) {
		run->full = true;
		stop(run, lane);
		return;
	}
	record->lane = lane->index;
	record->job = lane->started++;
	record->release_ns = release_ns;
	lane->running = record;
	lane->verdict = RUNNING;
	if (run->records.head % JOBS_PER_DRAIN == 0)
		tell();
	if (lane->stock.made != lane->stock.used) {
		record_publish(&run->records);
		let_go(run, lane);
		return;
	}
	record->cold = true;
	record_publish(&run->records);
	lane->wanted = true;
	preparer_wake(true);
}

/* Kills the job and what it has started, as far as that stayed in its process group. */
static void kill_job(struct lane *lane, enum outcome verdict)
{
	if (lane->verdict != RUNNING || lane->running->pid <= 0)
		return;
	lane->verdict = (unsigned char)verdict;
	lane->critical_ns = NEVER;
	kill(-lane->running->pid, SIGKILL);
}

/*
 * A process whose last instruction is behind it takes a while to vanish. Whether that is
 * so is in the flags of its status: comm, in brackets, is the one field with blanks.
 */
static bool exiting(pid_t pid)
{
	char text[512];
	const char *rest;
	unsigned long flags = 0;
	ssize_t size;
	int descriptor;

	snprintf(text, sizeof text, "/proc/%d/stat", (int)pid);
	descriptor = open(text, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return true;
	size = read(descriptor, text, sizeof text - 1);
	close(descriptor);
	if (size <= 0)
		return true;
	text[size] = 0;
	rest = strrchr(text, ')');
	if (rest != NULL)
		sscanf(rest, ") %*c %*d %*d %*d %*d %*d %lu", &flags);
	return (flags & FLAG_EXITING) != 0;
}

/* Kills at once and lets the other tasks of the set end; no further job starts. */
static void stop(struct run *run, struct lane *lane)
{
	run->stop = true;
	if (lane->running == NULL && !lane->done)
		finish_lane(run, lane);
}

static void reap_one(struct run *run, struct lane *lane)
{
	pid_t pid = lane->running->pid;
	siginfo_t info = { .si_pid = 0 };
	enum outcome outcome;
	int value;

	if (pid <= 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	if (info.si_code == CLD_EXITED) {
		value = info.si_status;
		outcome = value == 0 ? EXIT : EXIT_ERROR;
	} else {
		unsigned slot = lane->slots ? lane->running->job % lane->slots : 0;

		value = 128 + info.si_status;
		outcome = EXIT_ERROR;
		if (info.si_status == SIGKILL && lane->verdict != RUNNING) {
			outcome = lane->verdict;
		} else if (info.si_status == SIGKILL && lane->slots > 0) {
			unsigned kills = cgroup_kills(lane->slot_events[slot]);

			if (kills != lane->slot_kills[slot])
				outcome = OUT_OF_QUOTA;
			lane->slot_kills[slot] = kills;
		}
	}
	kill(-pid, SIGKILL); /* what it may have left behind */
	end(run, lane, outcome, value);
	if (lane->done || lane->due == 0)
		return;
	lane->due--;
	start(run, lane, lane->due_ns);
	lane->due_ns += lane->task->period_ns;
}

static void reap(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->order[i]->running != NULL)
			reap_one(run, run->order[i]);
}

static void wait_for_end(struct lane *lane, int64_t release_ns)
{
	if (lane->due++ == 0)
		lane->due_ns = release_ns;
}

static void release(struct run *run, struct lane *lane)
{
	int64_t release_ns = lane->next_ns;

	lane->next_ns += lane->task->period_ns;
	if (lane->running != NULL)
		reap_one(run, lane);
	if (lane->running == NULL) {
		if (!lane->done)
			start(run, lane, release_ns);
		return;
	}
	if (lane->task->overrun == OVERRUN_LATE) {
		wait_for_end(lane, release_ns);
	} else if (lane->running->pid > 0 && lane->due == 0 && lane->verdict == RUNNING &&
		   exiting(lane->running->pid)) {
		/* it made it: this release starts its job as soon as the process is gone */
		wait_for_end(lane, release_ns);
	} else if (lane->task->overrun == OVERRUN_KILL) {
		kill_job(lane, EXIT_PERIOD);
	}
}

/* Whether further releases of the lane can still start a job. */
static bool releasing(const struct lane *lane)
{
	return !lane->done && lane->started + lane->due < lane->task->jobs;
}

static int64_t due_next(const struct run *run)
{
	int64_t next_ns = NEVER;

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
			kill_job(lane, EXIT_CRITICAL);
		while (!run->stop && releasing(lane) && lane->next_ns <= now)
			release(run, lane);
	}
}

static void serve_wanted(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		if (lane->wanted && lane->stock.made != lane->stock.used)
			let_go(run, lane);
	}
}

static void stop_all(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		if (lane->running == NULL) {
			if (!lane->done)
				finish_lane(run, lane);
		} else if (lane->running->pid > 0) {
			kill_job(lane, EXIT_EXTERNAL);
		} else { /* it still waited for its process */
			lane->wanted = false;
			lane->running->go_ns = now_ns();
			end(run, lane, EXIT_EXTERNAL, 128 + SIGKILL);
		}
	}
}

/* A task that cannot be run is told as one job that ended in error. */
static void tell_refused(struct run *run, struct lane *lane)
{
	struct record *record = record_new(&run->records);

	if (record == NULL) {
		run->full = true;
		return;
	}
	record->lane = lane->index;
	record->release_ns = run->zero_ns + lane->task->offset_ns;
	record->go_ns = record->seen_ns = record->release_ns;
	record->exit = EXIT_CANNOT_RUN;
	record->outcome = lane->refused_for_quota ? OUT_OF_QUOTA : EXIT_ERROR;
	record_publish(&run->records);
	finish_lane(run, lane);
}

static bool over(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (!run->lanes[i].done)
			return false;
	return true;
}

static void execute(struct run *run, const sigset_t *signals)
{
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = run->order[i];

		lane->next_ns = run->zero_ns + lane->task->offset_ns;
		lane->critical_ns = NEVER;
		if (lane->refusal != NULL)
			tell_refused(run, lane);
	}
	while (!over(run)) {
		int64_t next_ns = due_next(run);
		int64_t left_ns = next_ns == NEVER ? 0 : next_ns - now_ns();
		int signal = 0;

		/*
		 * One call waits for everything. timerfd and POSIX timers would fire too late:
		 * on PREEMPT_RT a thread below the tasks expires them.
		 */
		if (next_ns == NEVER) {
			signal = sigwaitinfo(signals, NULL);
		} else if (left_ns > 0) {
			struct timespec left = timespec_of(left_ns);

			signal = sigtimedwait(signals, NULL, &left);
		}
		if (signal == SIGCHLD)
			reap(run);
		else if (signal == SIGUSR1)
			serve_wanted(run);
		if (run->stop)
			stop_all(run);
		else
			act(run);
	}
	run->over = true;
	tell();
}

static void *work(void *unused)
{
	sigset_t signals;

	(void)unused;
	prctl(PR_SET_TIMERSLACK, 1UL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGUSR1);
	thread_id = (pid_t)syscall(SYS_gettid);
	for (;;) {
		struct run *run = atomic_exchange(&next_run, NULL);

		if (run == NULL)
			sigwaitinfo(&signals, NULL);
		else
			execute(run, &signals);
	}
	return NULL;
}

void executor_start(int notify)
{
	pthread_t thread;

	notify_end = notify;
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		fatal("the executor cannot be started");
	pthread_detach(thread);
	while (thread_id == 0)
		sched_yield();
}

void executor_begin(struct run *run)
{
	int error = policy_set(thread_id, &run->executor_policy);

	if (error != 0)
		fatal("the executor gets no real-time policy: %s", strerror(error));
	next_run = run;
	executor_wake();
}
