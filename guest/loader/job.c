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
#define ASLEEP_NS (20 * NS_PER_US) /* more than it takes from the end of a turn to sleep, undisturbed */
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
static void correct_deadline(struct lane *lane, pid_t pid, int64_t late_ns)
{
	struct policy policy = lane->plan.policy;
	bool correct = policy.kind == SCHED_DEADLINE && policy.runtime_ns == policy.period_ns &&
		       late_ns >= LATE_NS && policy.deadline_ns >= (uint64_t)late_ns + LATE_NS;

	if (correct) {
		policy.deadline_ns -= (uint64_t)late_ns;
		policy.runtime_ns = policy.period_ns = policy.deadline_ns;
	}
	if (correct || lane->corrected)
		policy_set(pid, &policy);
	lane->corrected = correct;
}

/* The process at the head of the stock has been taken, or is gone. */
static void pop(struct lane *lane)
{
	struct stock *stock = &lane->stock;

	lane->turning = lane->corrected = false;
	stock->used++;
	if (stock->made < lane->task->jobs && (stock->made - stock->used) * 2 <= stock->target)
		preparer_wake();
}

/* Buries the process if it has ended; whether it has. */
static bool bury(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid != 0;
}

/* Ends the process at the stock's head: another takes its place. */
static void dismiss(struct lane *lane)
{
	lane->dying = lane->stock.ready[lane->stock.used % STOCK_MAX];
	kill(lane->dying, SIGKILL);
	pop(lane);
}

void job_bury(struct lane *lane)
{
	if (lane->dying != 0 && bury(lane->dying))
		lane->dying = 0;
}

/* Whether its end is to be told at once: else it is seen when there is something to do. */
static bool urgent(const struct run *run, const struct lane *lane)
{
	return !run->quiet || lane->due > 0 || lane->started == lane->task->jobs;
}

/*
 * A turn for the process at the stock's head, which sleeps; false if that cannot have it. It may have
 * been killed. And the kernel renews a deadline only for a process that slept: one that ended its
 * last turn just now, or has been kept from going to sleep, has not.
 */
static bool go_on(const struct run *run, struct lane *lane)
{
	struct record *record = lane->running;
	bool deadline = lane->plan.policy.kind == SCHED_DEADLINE;
	pid_t pid = lane->stock.ready[lane->stock.used % STOCK_MAX];

	if (deadline && record->go_ns - turn_end_ns(lane->turn) < ASLEEP_NS) {
		dismiss(lane);
		return false;
	}
	record->pid = pid;
	correct_deadline(lane, pid, record->go_ns - record->release_ns);
	turn_give(lane->turn, urgent(run, lane));
	if (turn_wake(lane->turn) || (!deadline && !bury(pid)))
		return true;
	record->pid = 0;
	dismiss(lane);
	return false;
}

/* The first turn of a process that is stopped, or its only job. */
static void begin(struct run *run, struct lane *lane)
{
	struct stock *stock = &lane->stock;
	struct record *record = lane->running;
	pid_t pid = record->pid = stock->ready[stock->used % STOCK_MAX];

	if (pid > 0) {
		correct_deadline(lane, pid, record->go_ns - record->release_ns);
		if (lane->turn != NULL)
			turn_give(lane->turn, urgent(run, lane));
		kill(pid, SIGCONT);
	}
	if (pid > 0 && lane->turn != NULL)
		lane->turning = true;
	else
		pop(lane);
	if (pid <= 0)
		job_end(run, lane, pid == -ENOMEM && lane->slots ? OUT_OF_QUOTA : EXIT_ERROR,
			EXIT_CANNOT_RUN);
}

void job_let_go(struct run *run, struct lane *lane)
{
	struct record *record = lane->running;

	record->go_ns = now_ns();
	if (!lane->turning || !go_on(run, lane)) {
		lane->wanted = true; /* first of all: who makes one then tells */
		if (lane->stock.made == lane->stock.used) {
			record->cold = true;
			rescuer_wake();
			return;
		}
		lane->wanted = false;
		begin(run, lane);
	}
	if (lane->running != record) /* it has ended in error */
		return;
	if (lane->task->criticaltime_ns > 0)
		lane->critical_ns = record->go_ns + lane->task->criticaltime_ns;
	tell_unless_quiet(run);
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
	record->go_ns = MOMENT_NEVER;
	record->earlier = lane->last;
	if (lane->last > run->records.tail)
		record_at(&run->records, lane->last - 1)->later = run->records.head + 1;
	lane->last = run->records.head + 1;
	lane->running = record;
	lane->verdict = RUNNING;
	record_publish(&run->records);
	if (run->records.head % JOBS_PER_DRAIN == 0)
		tell(run);
	job_let_go(run, lane);
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
 * so is in the flags of its status: comm, in brackets, is the one field with blanks. Not asked
 * of one that takes turns, whose end is no job's but one that failed: to ask takes 40 us.
 */
bool job_exiting(const struct lane *lane)
{
	char text[512];
	const char *rest;
	unsigned long flags = 0;
	pid_t pid = lane->running->pid;
	ssize_t size;
	int descriptor;

	if (pid <= 0 || lane->turning)
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

/* What has become of the lane's process, which is gone. */
static enum outcome judge(struct lane *lane, const siginfo_t *info, int *value)
{
	unsigned slot = lane->slots ? lane->running->job % lane->slots : 0;
	unsigned kills;

	*value = info->si_status;
	if (info->si_code == CLD_EXITED)
		return info->si_status == 0 ? EXIT : EXIT_ERROR;
	*value = 128 + info->si_status;
	if (info->si_status != SIGKILL)
		return EXIT_ERROR;
	if (lane->verdict != RUNNING)
		return lane->verdict;
	if (lane->slots == 0)
		return EXIT_ERROR;
	kills = cgroup_kills(lane->slot_events[slot]);
	if (kills == lane->slot_kills[slot])
		return EXIT_ERROR;
	lane->slot_kills[slot] = kills;
	return OUT_OF_QUOTA;
}

static bool reap_process(struct run *run, struct lane *lane)
{
	pid_t pid = lane->running->pid;
	siginfo_t info = { .si_pid = 0 };
	enum outcome outcome;
	int value;

	if (pid <= 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return false;
	if (lane->turning)
		pop(lane);
	outcome = judge(lane, &info, &value);
	kill(-pid, SIGKILL); /* what it may have left behind */
	job_end(run, lane, outcome, value);
	return true;
}

bool job_has_turned(const struct lane *lane)
{
	return lane->turning && turn_over(lane->turn);
}

static bool reap_turn(struct run *run, struct lane *lane)
{
	if (!job_has_turned(lane))
		return false;
	lane->running->own_start_ns = turn_start_ns(lane->turn);
	lane->running->own_end_ns = turn_end_ns(lane->turn);
	if (lane->verdict != RUNNING) /* it was killed just after */
		dismiss(lane);
	job_end(run, lane, EXIT, 0);
	return true;
}

void job_reap(struct run *run, struct lane *lane)
{
	if (!reap_turn(run, lane) && !reap_process(run, lane))
		return;
	if (lane->done || lane->due == 0)
		return;
	lane->due--;
	job_start(run, lane, lane->due_ns);
	lane->due_ns += lane->task->period_ns;
}

void job_await_end(struct run *run, struct lane *lane)
{
	if (lane->turning && !turn_tell(lane->turn))
		job_reap(run, lane);
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
