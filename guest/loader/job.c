#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "moment.h"
#include "preparer.h"
#include "rescuer.h"

#define FLAG_EXITING 0x4UL /* PF_EXITING in /proc/PID/stat */
#define EXIT_CANNOT_RUN 126
#define LATE_NS (50 * NS_PER_US) /* more than a release on time takes */
/* In a quiet run the server reads the trace only this often, lest it overflow. */
#define JOBS_PER_DRAIN 1024

static void tell(const struct run *run)
{
	uint64_t one = 1;

	if (write(run->notify, &one, sizeof one) < 0)
		return; /* the counter is full: the reader has news anyway */
}

static void tell_unless_quiet(const struct run *run)
{
	if (!run->quiet)
		tell(run);
}

void lane_finish(struct run *run, struct lane *lane)
{
	struct record *record = record_new(&run->records);

	lane->done = true;
	record->lane = lane->index;
	record->seen_ns = now_ns();
	record->outcome = JOBS_DONE;
	record_publish(&run->records);
}

/* The job is over; what its task does next follows from the releases that wait. */
void job_end(struct run *run, struct lane *lane, enum outcome outcome, int exit_value)
{
	struct record *record = lane->running;

	record->seen_ns = now_ns();
	record->exit = exit_value;
	atomic_store_explicit(&record->outcome, (unsigned char)outcome, memory_order_release);
	lane->running = NULL;
	lane->critical_ns = MOMENT_NEVER;
	lane->ended++;
	if (lane->started == lane->task->jobs || run->stop)
		lane_finish(run, lane);
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

void job_let_go(struct run *run, struct lane *lane)
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
		job_end(run, lane, pid == -ENOMEM && lane->slots ? OUT_OF_QUOTA : EXIT_ERROR,
		    EXIT_CANNOT_RUN);
	if (stock->made < lane->task->jobs && (stock->made - stock->used) * 2 <= stock->target)
		preparer_wake();
}

void job_start(struct run *run, struct lane *lane, int64_t release_ns)
{
	struct record *record;

	/* the rest is for the JOBS_DONE of each task */
	if (records_room(&run->records) <= TASKS_MAX) {
		run->full = run->stop = true;
		lane_finish(run, lane);
		return;
	}
	record = record_new(&run->records);
	record->lane = lane->index;
	record->job = lane->started++;
	record->release_ns = release_ns;
	lane->running = record;
	lane->verdict = RUNNING;
	if (run->records.head % JOBS_PER_DRAIN == 0)
		tell(run);
	if (lane->stock.made != lane->stock.used) {
		record_publish(&run->records);
		job_let_go(run, lane);
		return;
	}
	record->cold = true;
	record_publish(&run->records);
	lane->wanted = true;
	rescuer_wake();
}

void job_sweep(const struct lane *lane)
{
	kill(-lane->running->pid, SIGKILL);
}

/* Kills the job and what it has started, as far as that stayed in its process group. */
void job_kill(struct lane *lane, enum outcome verdict)
{
	if (lane->verdict != RUNNING || lane->running->pid <= 0)
		return;
	lane->verdict = (unsigned char)verdict;
	lane->critical_ns = MOMENT_NEVER;
	job_sweep(lane);
}

/*
 * A process whose last instruction is behind it takes a while to vanish. Whether that is
 * so is in the flags of its status: comm, in brackets, is the one field with blanks.
 */
bool job_exiting(const struct lane *lane)
{
	char text[512];
	const char *rest;
	unsigned long flags = 0;
	pid_t pid = lane->running->pid;
	ssize_t size;
	int descriptor;

	if (pid <= 0)
		return false;
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

void job_reap(struct run *run, struct lane *lane)
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
	job_end(run, lane, outcome, value);
	if (lane->done || lane->due == 0)
		return;
	lane->due--;
	job_start(run, lane, lane->due_ns);
	lane->due_ns += lane->task->period_ns;
}

/* A task that cannot be run is told as one job that ended in error, if it was to be run. */
void lane_tell_refused(struct run *run, struct lane *lane)
{
	struct record *record = record_new(&run->records);

	record->lane = lane->index;
	if (lane->not_admitted) {
		lane->done = true;
		record->seen_ns = run->zero_ns;
		record->outcome = NOT_SCHEDULED;
		record_publish(&run->records);
		return;
	}
	record->release_ns = run->zero_ns + lane->task->offset_ns;
	record->go_ns = record->seen_ns = record->release_ns;
	record->exit = EXIT_CANNOT_RUN;
	record->outcome = lane->refused_for_quota ? OUT_OF_QUOTA : EXIT_ERROR;
	record_publish(&run->records);
	lane_finish(run, lane);
}
