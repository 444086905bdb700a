/* Scheduling policies, by the system call (C libraries differ in what they offer). */
#ifndef POLICY_H
#define POLICY_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6 /* older C libraries do not name it */
#endif

struct policy {
	uint32_t kind; /* SCHED_OTHER, SCHED_FIFO, SCHED_DEADLINE, SCHED_IDLE */
	uint32_t fifo; /* 1 to 99, 99 is highest */
	bool reset;    /* children begin with SCHED_OTHER */
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* For a thread, 0 for the caller; returns 0 or an errno. */
int policy_set(pid_t thread, const struct policy *policy);

/*
 * Likewise, unless `has`, what the thread has been given last, is that policy already. "NAME gets no
 * real-time policy" is fatal.
 */
void policy_change(pid_t thread, struct policy *has, const struct policy *policy, const char *name);

#endif
