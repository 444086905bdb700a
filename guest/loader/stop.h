/*
 * Stopping the machine from inside: for the host to save it, and at the end of a sealed run; and
 * printing in that. How that is done depends on the board; the folder of the processor's name says it.
 */
#ifndef STOP_H
#define STOP_H

#include <stdbool.h>
#include <stddef.h>

/* Gets hold of what stops the machine; to be called before the others. */
void stop_open(void);

/* Stops the machine at this very instruction; returns in each that goes on from there. */
void stop_here(void);

/*
 * Prints without the kernel, of whose code each machine has to translate what a line takes; whether all
 * of it could be. Only for a sealed run.
 */
bool stop_print(const char *text, size_t size);

/* Ends the machine, and lets the host know whether it refused its input. */
void stop_for_good(bool refused) __attribute__((noreturn));

#endif
