/* One job's process, made ready ahead of its release. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy.h"

#define CHILD_STACK (64 * 1024)

/* A thread that makes processes, each at a time of its own. */
struct maker {
	/*
	 * What it makes has this policy until it has its task's, or NULL: then it is below the
	 * maker, whose own is FIFO 1. Either way the maker is the higher one.
	 */
	const struct policy *level;
	int64_t deadline_ns; /* the maker's own, relative; 0 for a fixed priority */
	unsigned who;     /* of those that fill the stocks (run.h) */
	int announced[2]; /* a pipe: what job servers tell it */
	int making;       /* a pid, until its exec */
	char stack[CHILD_STACK] __attribute__((aligned(16)));
};

struct plan {
	const char *path;
	char *const *argv;
	int output; /* standard output and error */
	cpu_set_t *cpus;
	size_t cpus_size;
	struct policy policy;
	uintptr_t entry; /* where the program begins, once that is known */
};

/* Of a job server: the first descriptor that no program has from its start. */
#define PROCESS_ANNOUNCE 3

/* Once, before any other: what all processes inherit. */
void process_open(void);

/* How many processors the machine has; asked once, for it takes the kernel a file. */
int process_processors(void);

/*
 * Starts the plan's executable in a process group of its own and returns its pid, when it is
 * stopped before its first instruction; SIGCONT lets it go. `cgroup` is the descriptor of a
 * cgroup.procs file, and `announce` what becomes PROCESS_ANNOUNCE, or -1. On failure returns
 * -errno, and nothing of it is left.
 */
pid_t process_begin(struct maker *maker, struct plan *plan, int cgroup, int announce);

/* Gives a process its place and its policy; its pid, or -errno when it had to be killed. */
pid_t process_settle(const struct plan *plan, pid_t pid);

/* Waits for its stop; 0, or -errno when it has ended instead. */
int process_await_stop(pid_t pid);

/* Ends and buries a process that is stopped. */
void process_drop(pid_t pid);

/* From here to process_roam the caller, and `other` if it is not 0, keep to one processor. */
void process_stay(pid_t other);
void process_roam(void);

#endif
