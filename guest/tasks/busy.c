/*
 * busy: burns arg1 microseconds of processor time, by its own CPU clock, from main on.
 * What the clock showed before belongs to the process being made ready.
 */
#include "task.h"

JOBS_TAKE_TURNS;

#define THREAD_CPU_CLOCK 3 /* CLOCK_THREAD_CPUTIME_ID */
/* Nearer to its end than this it reads the clock without a pause, as a reading takes 0.5 us. */
#define NEAR_NS 4000
#define FIRST_ROUNDS 8

static long long used_ns(void)
{
	struct {
		long s, ns;
	} used = { 0, 0 };

	system_call(SYS_CLOCK_GETTIME, THREAD_CPU_CLOCK, (long)&used, 0, 0, 0, 0);
	return used.s * 1000000000LL + used.ns;
}

int task_main(const char *name, const char *arg1)
{
	long long now_ns = used_ns();
	long long end_ns = now_ns + argument(name, arg1, 0, 1000000000) * 1000;
	long long rounds = FIRST_ROUNDS;

	while (end_ns - now_ns > NEAR_NS) {
		long long before_ns = now_ns;
		long long round_ns;

		burn((long)rounds);
		now_ns = used_ns();
		round_ns = (now_ns - before_ns) / rounds + 1;
		/* an eighth of what is left is kept back, for a speed that changes */
		rounds = (end_ns - now_ns) / 8 * 7 / round_ns;
		if (rounds < 1)
			rounds = 1;
	}
	while (used_ns() < end_ns)
		;
	return 0;
}
