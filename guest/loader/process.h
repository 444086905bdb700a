/* One job's process, made ready ahead of its release. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy.h"

#define CHILD_STACK (64 * 1024)

/* The policy of a maker without a `level`: below all tasks, which begin at 2. */
extern const struct policy PROCESS_CALM;

/* A thread that makes processes, each at a time of its own. */
struct maker {
	/*
	 * What it makes has this policy until it has its task's, or NULL: then it is below the
	 * maker, whose own is FIFO 1. Either way the maker is the higher one.
	 */
	const struct policy *level;
	/* Of a maker that is a deadline task: its own, and one that comes behind `level`. */
	const struct policy *own, *behind;
	int making; /* a pid, until its exec */
	char stack[CHILD_STACK] __attribute__((aligned(16)));
};

struct plan {
	const char *path;
	char *const *argv;
	int output; /* standard output and error */
	cpu_set_t *cpus;
	size_t cpus_size;
	struct policy policy;
	int turns;       /* the file of turns of a program that takes them (turns.h), or -1 */
	uintptr_t entry; /* where the program begins, once that is known */
};

/* Once, before any other: what all processes inherit. */
void process_open(void);

/* How many processors the machine has; asked once, for it takes the kernel a file. */
int process_processors(void);

/*
 * Starts the plan's executable in a process group of its own and returns its pid, when it is
 * stopped before its first instruction, or before its first turn; SIGCONT lets it go. `cgroup`
 * is the descriptor of a cgroup.procs file, or -1. On failure returns -errno, and nothing of it
 * is left.
 */
pid_t process_begin(struct maker *maker, struct plan *plan, int cgroup);

/* Gives a process its place and its policy; its pid, or -errno when it had to be killed. */
pid_t process_settle(const struct plan *plan, pid_t pid);

/* Ends and buries a process that has no job yet. */
void process_drop(pid_t pid);

#endif
