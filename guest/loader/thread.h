/* The loader's own threads: how one is started, and how one wakes another. */
#ifndef THREAD_H
#define THREAD_H

#include <stdatomic.h>

/* Starts one that never ends; "NAME cannot be started" is fatal. */
void thread_start(void *(*work)(void *), void *argument, const char *name);

/*
 * What a thread sleeps on. It notes `rung` before it looks for work, so that a ring in between
 * is not missed. Who rings waits for no lock.
 */
struct bell {
	_Atomic unsigned rung;
};

void bell_ring(struct bell *bell);

/* Returns when it has been rung since `rung` was `noted`, or for no reason. */
void bell_wait(struct bell *bell, unsigned noted);

#endif
