/*
 * The loader's side of turn.h: programs whose one process runs one job after the other. A wake-up
 * is all that such a job costs the kernel (docs/decisions/0035-turns.md).
 */
#ifndef TURNS_H
#define TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "turn.h"

/* Once, before any process: makes the file of turns. */
void turns_open(void);
int turns_file(void);
/* Whether a turn has room for the argument of its jobs, or NULL. */
bool turns_argument_fits(const char *argument);
/* The turn of that number, for jobs with that argument. */
struct turn *turns_at(unsigned number, const char *argument);

/*
 * What the executor sleeps on, which ends of turns ring, too. It notes what has been rung before it
 * looks for work, so that a ring in between is not missed. Whom that wakes finds no lock held.
 */
unsigned turns_rung(void);
void turns_ring(void);
/* Rings without waking anybody: for a signal's handler in the executor itself. */
void turns_count(void);
/* Returns when it has been rung since `noted`, at that moment, or for no reason. */
void turns_await(unsigned noted, int64_t until_ns);

/* What the process of that turn has as argv[0]. */
#define TURN_MARK_SIZE 5 /* with three digits */
void turn_mark(char mark[TURN_MARK_SIZE], unsigned number);

/* Whether the program at that path takes turns. */
bool turns_fit(const char *path);

/* Gives the turn to a process; `tell` whether its end is to be told at once. */
void turn_give(struct turn *turn, bool tell);
/* Wakes the process that has been given the turn; whether it slept, or was about to. */
bool turn_wake(struct turn *turn);
/* From now on the end of the running job is told; false if it has ended already. */
bool turn_tell(struct turn *turn);
bool turn_over(const struct turn *turn);

int64_t turn_start_ns(const struct turn *turn);
int64_t turn_end_ns(const struct turn *turn);

#endif
