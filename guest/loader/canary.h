/*
 * The canary: a thread on each processor that sleeps in short steps while a set runs, and
 * keeps how late it woke up at most. Nothing in the machine may keep it waiting but the
 * executor, so what does is the host. With the virtual clock there is none: a host cannot
 * disturb that, but a periodic wake-up would.
 */
#ifndef CANARY_H
#define CANARY_H

#include <stdint.h>

#include "run.h"

void canary_start(void);

/* Watches a run that has its time zero, until canary_rest. */
void canary_begin(const struct run *run);
void canary_rest(void);

/* How late it was at most since canary_begin; -1 if it does not watch. */
int64_t canary_late_ns(void);

#endif
