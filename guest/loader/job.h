/* The life of one job, in the hands of the executor; nobody else calls these. */
#ifndef JOB_H
#define JOB_H

#include "run.h"

/* Starts the lane's next job; it waits for its process if none is ready. */
void job_start(struct run *run, struct lane *lane, int64_t release_ns);
/* Lets the lane's job go, or has it wait for its process (`wanted`). */
void job_let_go(struct run *run, struct lane *lane);
/* Another job waits for the end of the lane's running one, which may have come by now. */
void job_await_end(struct run *run, struct lane *lane);
/* Kills the job and what it has started, as far as that stayed in its process group. */
void job_kill(struct lane *lane, enum outcome verdict);
/* Kills what the job has started and left behind; the job itself, if it still runs, too. */
void job_sweep(const struct lane *lane);
/* Whether the running job's process has its last instruction behind it. */
bool job_exiting(const struct lane *lane);
/* Whether it is over, and its process waits for the next turn. */
bool job_has_turned(const struct lane *lane);
/* If the lane's job is over: ends it, and starts the one that waited for that. */
void job_reap(struct run *run, struct lane *lane);
/* Buries a process of the lane that was replaced, if it has ended. */
void job_bury(struct lane *lane);
/* Writes down the end of the lane's job. */
void job_end(struct run *run, struct lane *lane, enum outcome outcome, int exit_value);

/* No further job of the lane starts. */
void lane_finish(struct run *run, struct lane *lane);
/* A task that cannot be run is told as one job that ended in error. */
void lane_tell_refused(struct run *run, struct lane *lane);

#endif
