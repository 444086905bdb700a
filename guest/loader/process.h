/* One job's process, made ready ahead of its release. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy.h"

struct plan {
	const char *path;
	char *const *argv;
	int output; /* standard output and error */
	cpu_set_t *cpus;
	size_t cpus_size;
	struct policy policy;
	uintptr_t entry; /* where the program begins, once that is known */
};

/* Once, before any other: what all processes inherit. */
void process_open(void);

/* How many processors the machine has; asked once, for it takes the kernel a file. */
int process_processors(void);

/*
 * Starts the plan's executable in a process group of its own and returns its pid, when it is
 * stopped before its first instruction and has its policy; SIGCONT lets it go.
 * `cgroup` is the descriptor of a cgroup.procs file, or -1; `policy` is what the process is
 * made with, or NULL for what it inherits. Either way it must be below the calling thread's.
 * On failure returns -errno, and nothing of it is left.
 */
pid_t process_prepare(struct plan *plan, int cgroup, const struct policy *policy);

#endif
