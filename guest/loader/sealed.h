/*
 * The second way to a session: a machine without a network. What the host says lies in
 * memory that it shares with the machine, what the machine says is left there, and nothing
 * but the machine's own instructions moves either: the same input gives the same run.
 */
#ifndef SEALED_H
#define SEALED_H

#include <stdint.h>

/*
 * Waits where the host saves the machine; each machine restored from there takes its input,
 * runs it to the end, leaves the output, and ends. The memory is `size` bytes of the
 * physical address `at`; `news` is the executor's eventfd.
 */
void sealed_run(uint64_t at, uint64_t size, int news) __attribute__((noreturn));

#endif
