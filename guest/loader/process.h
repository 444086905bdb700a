/* One job's process, made ready ahead of its release. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sched.h>
#include <sys/types.h>

#include "policy.h"

struct plan {
	const char *path;
	char *const *argv;
	int output; /* standard output and error */
	cpu_set_t *cpus;
	size_t cpus_size;
	struct policy policy;
};

/*
 * Starts the plan's executable in a process group of its own and returns its pid, when it is
 * stopped before its first instruction and has its policy; SIGCONT lets it go.
 * `cgroup` is the descriptor of a cgroup.procs file, or -1. On failure returns -errno,
 * and nothing of it is left.
 */
pid_t process_prepare(const struct plan *plan, int cgroup);

#endif
