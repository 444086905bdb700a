/* The executor: the thread above all tasks that releases, kills and reaps their jobs. */
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include "run.h"

void executor_start(void);

/* Runs a filled run from run->zero_ns on; run->notify tells when run->over is set. */
void executor_begin(struct run *run);

/* Makes it look at run->stop and at stocks that were empty. */
void executor_wake(void);

pid_t executor_thread(void);

#endif
