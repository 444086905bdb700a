#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cgroup.h"
#include "console.h"
#include "moment.h"
#include "standby.h"

#define FIFO_TOP 98
#define RANKS_MAX 97
#define OUTPUT_PRINTED (16 * 1024)
/* A ready process: a small one takes 57 KiB of kernel structures, page tables and stack. */
#define PROCESS_BYTES (128 * 1024)

/*
 * Deadlines of SCHED_DEADLINE tasks are all moved by the same amount, which leaves their
 * order as it is. But for it a job that has missed its deadline would have the earliest
 * one of all, and the executor could not preempt it to kill it.
 */
#define SHIFT_NS (INT64_C(10) * NS_PER_S)
/* The executor's own deadline; always renewed, since its budget is all of it. */
#define EXECUTOR_NS (20 * NS_PER_US)
/* Behind the executor, in this order, and before every task. */
#define CANARY_NS (2 * EXECUTOR_NS)
#define RESCUER_NS (3 * EXECUTOR_NS)
#define RESCUED_NS (100 * NS_PER_MS) /* to be made takes a process far less, on slow hosts too */
/* sched_deadline_period_max_us is 32 bits wide. */
#define DEADLINE_MAX_NS (INT64_C(4294) * NS_PER_S)
#define RUNTIME_MIN_NS 1024 /* DL_SCALE of the kernel */

const struct policy EXECUTOR_USUAL = { .kind = SCHED_FIFO, .fifo = 99 };
const struct policy RESCUER_USUAL = { .kind = SCHED_FIFO, .fifo = 99, .reset = true };

void lane_refuse(struct lane *lane, const char *format, ...)
{
	va_list arguments;

	if (lane->refusal != NULL)
		return;
	va_start(arguments, format);
	vsnprintf(lane->refusal_text, sizeof lane->refusal_text, format, arguments);
	va_end(arguments);
	lane->refusal = lane->refusal_text;
	say("task %u (%s) is not run: %s", lane->task->id, lane->task->pkg, lane->refusal);
}

/* A new task set's distinct priorities become SCHED_FIFO's, from the top downward. */
static void rank(struct run *run)
{
	unsigned char used[PRIORITY_EDF] = { 0 };
	unsigned rank_of[PRIORITY_EDF];

	for (size_t i = 0; i < run->count; i++) {
		if (run->lanes[i].task->priority < PRIORITY_EDF)
			used[run->lanes[i].task->priority] = 1;
		else
			run->deadlines = true;
	}
	run->ranks = 0;
	for (unsigned p = 0; p < PRIORITY_EDF; p++)
		if (used[p])
			rank_of[p] = run->ranks++;
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = &run->lanes[i];
		int priority = lane->task->priority;

		if (priority >= PRIORITY_EDF)
			continue;
		if (rank_of[priority] >= RANKS_MAX)
			lane_refuse(lane, "the set has more than %d distinct priorities", RANKS_MAX);
		else
			lane->plan.policy = (struct policy){ .kind = SCHED_FIFO,
							     .fifo = FIFO_TOP - rank_of[priority] };
	}
}

/* A budget that never ends, renewed at each wake-up. */
static struct policy deadline_policy(uint64_t ns)
{
	return (struct policy){ .kind = SCHED_DEADLINE,
				.runtime_ns = ns, .deadline_ns = ns, .period_ns = ns };
}

/*
 * Without `executiontime` the budget is the whole deadline and nothing throttles. With it,
 * a job that uses its budget up pauses until its period is over, so deadlines must stay
 * where they are.
 */
static void set_deadlines(struct run *run)
{
	int64_t shift_ns = SHIFT_NS;

	for (size_t i = 0; i < run->count; i++)
		if (run->lanes[i].task->priority == PRIORITY_EDF &&
		    run->lanes[i].task->executiontime_ns > 0)
			shift_ns = 0;
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = &run->lanes[i];
		const struct task *task = lane->task;
		int64_t deadline_ns = task->deadline_ns + shift_ns;
		int64_t runtime_ns = deadline_ns;
		int64_t period_ns = deadline_ns;

		if (task->priority != PRIORITY_EDF)
			continue;
		if (task->executiontime_ns > 0) {
			runtime_ns = task->executiontime_ns;
			if (task->period_ns > period_ns)
				period_ns = task->period_ns;
		}
		if (runtime_ns > deadline_ns)
			lane_refuse(lane, "its executiontime is over its deadline");
		else if (runtime_ns < RUNTIME_MIN_NS)
			lane_refuse(lane, "SCHED_DEADLINE has no executiontime under 1024 ns");
		else if (period_ns > DEADLINE_MAX_NS)
			lane_refuse(lane, "SCHED_DEADLINE has no period over 4294 s");
		lane->plan.policy = (struct policy){ .kind = SCHED_DEADLINE,
						     .runtime_ns = (uint64_t)runtime_ns,
						     .deadline_ns = (uint64_t)deadline_ns,
						     .period_ns = (uint64_t)period_ns };
	}
	/* they share a level: neither holds the other up for longer than it runs */
	run->executor_policy = run->canary_policy = EXECUTOR_USUAL;
	run->rescuer_policy = RESCUER_USUAL;
	run->rescued_policy = (struct policy){ .kind = SCHED_FIFO, .fifo = FIFO_TOP };
	if (!run->deadlines)
		return;
	run->executor_policy = deadline_policy(EXECUTOR_NS);
	run->rescuer_policy = deadline_policy(RESCUER_NS);
	run->rescued_policy = deadline_policy(RESCUED_NS);
	run->behind_policy = deadline_policy(2 * RESCUED_NS);
	run->canary_policy = shift_ns > 0 ? deadline_policy(CANARY_NS) :
					    (struct policy){ .kind = SCHED_OTHER };
}

static void place(struct lane *lane)
{
	const struct task *task = lane->task;
	int processors = process_processors();
	int first = task->coreoffset;
	int behind = task->cores == 0 ? processors : first + task->cores;

	if (first >= processors || behind > processors)
		lane_refuse(lane, "it wants processors %d to %d, and this machine has %d", first,
			    task->cores == 0 ? first : behind - 1, processors);
	lane->plan.cpus = CPU_ALLOC((size_t)processors);
	if (lane->plan.cpus == NULL) {
		lane_refuse(lane, "no memory is left");
		return;
	}
	lane->plan.cpus_size = CPU_ALLOC_SIZE((size_t)processors);
	CPU_ZERO_S(lane->plan.cpus_size, lane->plan.cpus);
	for (int i = first; i < behind && i < processors; i++)
		CPU_SET_S((size_t)i, lane->plan.cpus_size, lane->plan.cpus);
}

/* A pipe that nobody reads until the set is over: it bounds what a task can write. */
static void connect_output(struct lane *lane)
{
	int ends[2];

	if (!standby_output(lane->index, ends) && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		lane_refuse(lane, "no pipe for its output: %s", strerror(errno));
		return;
	}
	lane->output_end = ends[0];
	lane->plan.output = ends[1];
}

static void bound_memory(struct lane *lane)
{
	if (lane->task->quota == 0)
		return;
	if (lane->stock.target > SLOTS_MAX - 1)
		lane->stock.target = SLOTS_MAX - 1;
	lane->slots = lane->stock.target + 1;
	for (unsigned i = 0; i < lane->slots; i++) {
		if (!cgroup_make(lane->index, i, lane->task->quota, &lane->slot_procs[i],
				 &lane->slot_events[i])) {
			lane_refuse(lane, "its quota cannot be set: %s", strerror(errno));
			return;
		}
	}
}

/* The memory that all ready processes may take. */
static uint64_t stock_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? (uint64_t)info.freeram * info.mem_unit / 4 : UINT64_MAX;
}

/* How many ready processes a task may have, one of so many. */
static uint32_t stock_target(const struct lane *lane, size_t lanes)
{
	uint64_t share;

	if (lane->turn != NULL)
		return 1;
	share = stock_bytes() / lanes / PROCESS_BYTES;

	if (share > STOCK_TOTAL / lanes)
		share = STOCK_TOTAL / lanes;
	if (share > STOCK_MAX)
		share = STOCK_MAX;
	if (share < 2)
		share = 2;
	return lane->task->jobs < share ? lane->task->jobs : (uint32_t)share;
}

/*
 * Whether one process may run all jobs of the lane. A quota is of one process; a budget is of one
 * job; and a deadline is renewed only for a process that has slept, as it does not between two jobs
 * of which one has waited for the other. And a turn has room for so long an argument only.
 */
static bool may_take_turns(const struct task *task)
{
	bool renewed = task->priority < PRIORITY_EDF ||
		       (task->executiontime_ns == 0 && task->overrun != OVERRUN_LATE);

	return renewed && task->quota == 0 && turns_argument_fits(task->arg1);
}

/* Whose process is there already; or a program that says so, where it is worth asking. */
static void find_turn(struct lane *lane)
{
	const struct task *task = lane->task;
	unsigned number = lane->index;

	if (!may_take_turns(task))
		return;
	lane->standby = standby_take(task->pkg, lane->index, &number);
	lane->turning = lane->standby > 0; /* it sleeps, as after a turn */
	if (lane->standby == 0 && (task->jobs == 1 || !turns_fit(lane->path)))
		return;
	lane->turn = turns_at(number, task->arg1);
	turn_mark(lane->mark, number);
}

static void lane_init(struct lane *lane, const struct task *task, unsigned index, size_t lanes)
{
	struct stat status;

	memset(lane, 0, sizeof *lane);
	lane->index = (uint16_t)index;
	lane->task = task;
	lane->output_end = lane->plan.output = -1;
	for (unsigned i = 0; i < SLOTS_MAX; i++)
		lane->slot_procs[i] = lane->slot_events[i] = -1;
	stpcpy(stpcpy(lane->path, "/tasks/"), task->pkg);
	find_turn(lane);
	lane->argv[0] = lane->turn != NULL ? lane->mark : lane->path + strlen("/tasks/");
	lane->argv[1] = lane->turn != NULL ? lane->path + strlen("/tasks/") : task->arg1;
	lane->plan.path = lane->path;
	lane->plan.argv = lane->argv;
	lane->plan.turns = lane->turn != NULL ? turns_file() : -1;
	lane->stock.target = stock_target(lane, lanes);
	if (lane->standby == 0 && stat(lane->path, &status) < 0)
		lane_refuse(lane, "no binary of that name was sent");
	place(lane);
	connect_output(lane);
	bound_memory(lane);
}

static int by_priority(const void *left, const void *right)
{
	const struct lane *a = *(struct lane *const *)left;
	const struct lane *b = *(struct lane *const *)right;
	/* deadline tasks (128) preempt all fixed priorities */
	int first = a->task->priority == PRIORITY_EDF ? -1 : a->task->priority;
	int second = b->task->priority == PRIORITY_EDF ? -1 : b->task->priority;

	if (first != second)
		return first < second ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

bool run_init(struct run *run, struct taskset *set, bool quiet)
{
	uint64_t jobs = 0;

	memset(run, 0, offsetof(struct run, lanes));
	run->set = *set;
	run->count = set->count;
	run->quiet = quiet;
	for (size_t i = 0; i < run->count; i++) {
		lane_init(&run->lanes[i], &run->set.tasks[i], (unsigned)i, run->count);
		run->order[i] = &run->lanes[i];
		jobs += (uint64_t)run->set.tasks[i].jobs + 1;
	}
	rank(run);
	set_deadlines(run);
	qsort(run->order, run->count, sizeof run->order[0], by_priority);
	return switches_init(&run->switches, run->set.switches,
			     (unsigned)process_processors()) &&
	       records_init(&run->records, jobs + TASKS_MAX);
}

void run_print_output(struct run *run)
{
	static char text[OUTPUT_PRINTED];
	size_t left = sizeof text;

	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = &run->lanes[i];
		ssize_t size;

		while (left > 0 && lane->output_end >= 0 &&
		       (size = read(lane->output_end, text, left)) > 0) {
			say_output(lane->task->id, text, (unsigned long)size);
			left -= (size_t)size;
		}
		if (left == 0 && read(lane->output_end, text, 1) > 0) {
			say("the tasks wrote more than is shown here");
			return;
		}
	}
}

static void drop(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

void run_free(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct lane *lane = &run->lanes[i];

		drop(&lane->output_end);
		drop(&lane->plan.output);
		CPU_FREE(lane->plan.cpus);
		for (unsigned slot = 0; slot < lane->slots; slot++) {
			drop(&lane->slot_procs[slot]);
			drop(&lane->slot_events[slot]);
			cgroup_remove(lane->index, slot);
		}
	}
	records_free(&run->records);
	switches_free(&run->switches);
	run->count = 0;
}
