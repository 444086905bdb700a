/*
 * busy: burns arg1 microseconds of processor time, by its own CPU clock, from main on.
 * What the clock showed before belongs to the process being made ready.
 */
#include "task.h"

#define THREAD_CPU_CLOCK 3 /* CLOCK_THREAD_CPUTIME_ID */
/* Nearer to its end than this it reads the clock without a pause, as a reading takes 0.5 us. */
#define NEAR_NS 4000
#define FIRST_ROUNDS 8

static long used_ns(void)
{
	struct {
		long s, ns;
	} used = { 0, 0 };

	system_call(SYS_CLOCK_GETTIME, THREAD_CPU_CLOCK, (long)&used, 0, 0, 0, 0);
	return used.s * 1000000000L + used.ns;
}

/* 256 instructions a round that do nothing: an emulator runs them 20 times as fast as calls. */
static inline void burn(long rounds)
{
	__asm__ volatile(".balign 512\n"
			 "1:	.rept 254\n"
			 "	nop\n"
			 "	.endr\n"
			 "	dec %0\n"
			 "	jnz 1b\n"
			 : "+r"(rounds)
			 :
			 : "cc");
}

int task_main(const char *name, const char *arg1)
{
	long now_ns = used_ns();
	long end_ns = now_ns + argument(name, arg1, 0, 1000000000L) * 1000L;
	long rounds = FIRST_ROUNDS;

	while (end_ns - now_ns > NEAR_NS) {
		long before_ns = now_ns;
		long round_ns;

		burn(rounds);
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
