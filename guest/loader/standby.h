/*
 * Processes of programs that take turns (turns.h), made before the machine's state is saved: a
 * machine that starts from there has them from its start, for its first task set
 * (docs/decisions/0035-turns.md).
 */
#ifndef STANDBY_H
#define STANDBY_H

#include <stdbool.h>
#include <sys/types.h>

/* Once, when all of the image's programs are in /tasks. */
void standby_fill(void);

/*
 * A process of the program for the task of that number in the set, and the number of the turn that it
 * waits for: the caller's; or 0.
 */
pid_t standby_take(const char *program, unsigned task, unsigned *turn);
/* The ends of a pipe that processes of that task write to, the caller's; false if there is none. */
bool standby_output(unsigned task, int ends[2]);

/* Another program has that name now. */
void standby_forget(const char *program);
/* Its processes have ended. */
void standby_empty(void);

#endif
