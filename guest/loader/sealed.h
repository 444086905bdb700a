/*
 * The second way to a session: a machine without a network. What the host says lies in
 * memory that it shares with the machine, what the machine says is left there, and nothing
 * but the machine's own instructions moves either: the same input gives the same run.
 */
#ifndef SEALED_H
#define SEALED_H

#include "template.h"

/* Runs the input to its end, leaves the output, and ends the machine. `news` is the
 * executor's eventfd. */
void sealed_run(struct orders *orders, int news) __attribute__((noreturn));

#endif
