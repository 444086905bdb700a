/* How a stock is filled: by the preparer in idle time, by the rescuer for a job that waits. */
#ifndef STOCK_H
#define STOCK_H

#include "process.h"
#include "run.h"

/* Once, before any other. */
void stock_open(void);

/*
 * Makes a process for the lane's job of that number, which is the stock's `made`. Returns its
 * pid, or -errno.
 */
pid_t stock_make(struct maker *maker, struct lane *lane, uint32_t number);

/*
 * Adds it, or why there is none (a pid of -errno), and tells the executor if a job waits for
 * it. If the other maker was first, the process is dropped.
 */
void stock_add(struct lane *lane, uint32_t number, pid_t pid);

#endif
