/*
 * The rescuer: a thread above all tasks that makes the process of a released job for which the
 * tasks have left the preparer no time. It sleeps otherwise.
 */
#ifndef RESCUER_H
#define RESCUER_H

#include "run.h"

void rescuer_start(void);

/* Takes part in the run until rescuer_leave. */
void rescuer_begin(struct run *run);
void rescuer_leave(void);

/* The executor's: a lane's job waits for its process. */
void rescuer_wake(void);

#endif
