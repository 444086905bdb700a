/*
 * A job server: a process of a task that makes the task's jobs, as clones of itself with the
 * same memory, which they use in turns. Only for programs that say of themselves that they
 * bear it (JOBS_SHARE_MEMORY in tasks/task.h): a clone costs a fifth of an exec
 * (docs/decisions/0035-job-servers.md).
 */
#ifndef JOBSERVER_H
#define JOBSERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "process.h"

struct jobserver {
	pid_t pid; /* 0 while there is none */
	int end;   /* a pidfd, readable when it has ended */
};

/* Its argv[0]; what follows is argv of the jobs. */
#define JOBSERVER_NAME "+"

/* Whether the program at that path bears it. */
bool jobserver_fits(const char *path);

/* Makes the pipe on which a maker hears of its servers' clones. */
void jobserver_open(struct maker *maker);

/*
 * A new job, stopped before its first instruction, from the maker's own server; starts that,
 * if there is none. The plan's argv is the server's. On failure returns -errno.
 */
pid_t jobserver_clone(struct jobserver *server, struct maker *maker, struct plan *plan);

/* When all processes have ended: closes what is open of it. */
void jobserver_free(struct jobserver *server);

#endif
