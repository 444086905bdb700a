/* Stamps of first and last execution, from the kernel's own trace. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

#include "run.h"

/* Opens the trace; without it (said on the console) the loader's moments serve. */
void trace_open(void);

/* Keeps the buffers open that are read, for a set whose processes are all there; and closes them. */
void trace_hold(void);
void trace_let_go(void);

/* Sets what is traced for a run, and drops what an earlier one left behind. */
void trace_begin(struct run *run);

/* Reads what has been traced, and stamps the records of the run. */
void trace_drain(struct run *run);

#endif
