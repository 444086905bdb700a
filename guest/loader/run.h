/* A task set as it runs: one lane per task, shared by executor, preparer and server. */
#ifndef RUN_H
#define RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "process.h"
#include "record.h"
#include "switches.h"
#include "taskset.h"
#include "turns.h"

#define STOCK_MAX 512      /* ready processes of one task */
#define STOCK_TOTAL 1024   /* and of all tasks */
#define SLOTS_MAX 5        /* memory cgroups of a task with a quota */

/*
 * Processes that are ready: pushed by their makers (stock.h), popped by the executor. One that
 * takes turns stays at the head until it is gone.
 */
struct stock {
	pid_t ready[STOCK_MAX]; /* or -errno, where one could not be made */
	_Atomic uint32_t made, used;
	uint32_t target;
};

struct lane {
	const struct task *task;
	uint16_t index;
	struct plan plan;
	char path[32];
	char *argv[3];
	char mark[TURN_MARK_SIZE]; /* argv[0] of who takes turns */
	int output_end; /* where the loader reads what the task wrote */
	const char *refusal; /* why the task is not run, or NULL */
	char refusal_text[160];
	bool refused_for_quota;
	bool not_admitted;

	struct turn *turn; /* of a program that takes turns, or NULL */
	pid_t standby;     /* a process that was there before the set, or 0 */
	struct stock stock;
	atomic_bool wanted;  /* a released job waits for a process */
	bool filling;        /* the preparer's: on the way to `target` */
	_Atomic uint32_t started, ended;

	unsigned slots;
	int slot_procs[SLOTS_MAX];
	int slot_events[SLOTS_MAX];
	unsigned slot_kills[SLOTS_MAX];

	/* The executor's own. */
	int64_t next_ns;      /* the next release */
	uint64_t due;         /* releases that wait for the running job to end */
	int64_t due_ns;       /* the first of them */
	struct record *running;
	bool turning;   /* the process at the stock's head waits for its next turn, or has it */
	bool corrected; /* and has not the plan's policy */
	pid_t dying;    /* one that was replaced, and is not buried yet; or 0 */
	unsigned char verdict; /* what kills the running job, RUNNING if nothing does */
	int64_t critical_ns;   /* when it is to be killed */
	bool done;
	uint64_t last; /* place + 1 of the newest record */
	/* The reporter's own. */
	int64_t last_end_ns;
	uint64_t reading; /* place + 1 of the record that the trace was about last */
};

struct run {
	struct taskset set;
	size_t count;
	struct lane *order[TASKS_MAX]; /* highest priority first */
	struct records records;
	struct switches switches; /* the reporter's own */
	struct policy executor_policy;
	struct policy rescuer_policy;
	struct policy rescued_policy; /* of what the rescuer makes, until it has its task's */
	struct policy behind_policy;  /* the rescuer's while it waits for that */
	struct policy canary_policy; /* SCHED_OTHER: it would be kept waiting by the set */
	unsigned ranks; /* distinct fixed priorities */
	bool deadlines; /* some task is SCHED_DEADLINE */
	int64_t zero_ns;
	int notify; /* an eventfd that is written to when there is news */
	bool quiet; /* the virtual clock: nothing is told before the end */
	atomic_bool stop;
	atomic_bool full; /* the record ring overflowed, which stops the set */
	atomic_bool over; /* the executor is done with it */
	struct lane lanes[TASKS_MAX]; /* those of the set's tasks; what is behind is not cleared */
};

/* The executor's and the rescuer's where no task is SCHED_DEADLINE, and from the start. */
extern const struct policy EXECUTOR_USUAL, RESCUER_USUAL;

/* Takes over the set and lays everything out; refusals are kept in the lanes. */
bool run_init(struct run *run, struct taskset *set, bool quiet);
/* Reads what a task wrote and prints it, closes and frees all. Nothing may run any more. */
void run_free(struct run *run);
void run_print_output(struct run *run);

/* Refuses one task, by name, on the console. */
void lane_refuse(struct lane *lane, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
