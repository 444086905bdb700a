/*
 * busy: burns arg1 microseconds of processor time, by its own CPU clock, from main on.
 * What the clock showed before belongs to the process being made ready.
 */
#include "task.h"

#define THREAD_CPU_CLOCK 3 /* CLOCK_THREAD_CPUTIME_ID */

static long used_ns(void)
{
	struct {
		long s, ns;
	} used = { 0, 0 };

	system_call(SYS_CLOCK_GETTIME, THREAD_CPU_CLOCK, (long)&used, 0, 0, 0, 0);
	return used.s * 1000000000L + used.ns;
}

int task_main(const char *name, const char *arg1)
{
	long begin_ns = used_ns();
	long burn_ns = argument(name, arg1, 0, 1000000000L) * 1000L;

	while (used_ns() - begin_ns < burn_ns)
		;
	return 0;
}
