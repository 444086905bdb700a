/* Admission control: which tasks of a set may run, by their `executiontime`. Pure. */
#ifndef ADMISSION_H
#define ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "taskset.h"

enum goal {
	GOAL_NONE,        /* no admission control: all tasks run */
	GOAL_FAIRNESS,    /* first come, first served, whatever a task's size */
	GOAL_UTILIZATION, /* the larger first, as far as that uses the processors more */
};

/* Reads the document of OPTIMIZE; on false, `why` is one sentence. */
bool goal_parse(enum goal *goal, const char *text, size_t size, char *why, size_t why_size);

/*
 * Fills in which tasks are admitted, on a machine of so many processors. Candidates are
 * taken one after the other, each if it and all before it can be shown to hold their
 * deadlines; one without `executiontime` is admitted untested, and not counted.
 */
void admission_decide(const struct taskset *set, const bool *candidate, int processors,
		      enum goal goal, bool *admitted);

#endif
