/*
 * busy: burns arg1 microseconds of processor time, by its own CPU clock, from main on.
 * What the clock showed before belongs to the process being made ready.
 */
#include <time.h>

#include "task.h"

static long used_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return used.tv_sec * 1000000000L + used.tv_nsec;
}

int main(int argc, char **argv)
{
	long begin_ns = used_ns();
	long burn_ns = argument(argc, argv, 0, 1000000000L) * 1000L;

	while (used_ns() - begin_ns < burn_ns)
		;
	return 0;
}
