/* The long loop of cond_42 and cond_mod: 20 million rounds, tens of milliseconds. */
#ifndef LOOP_H
#define LOOP_H

static inline void long_loop(void)
{
	for (volatile long i = 0; i < 20000000; i++)
		;
}

#endif
