/* The preparer: a thread of low priority that makes processes ready in idle time. */
#ifndef PREPARER_H
#define PREPARER_H

#include "run.h"

void preparer_start(void);

/* Fills all stocks of a run and returns when they are full. */
void preparer_fill(struct run *run);

/* Takes part in the run until preparer_leave; called when the stocks are full. */
void preparer_leave(void);

/* The executor's: a stock runs low. */
void preparer_wake(void);

#endif
