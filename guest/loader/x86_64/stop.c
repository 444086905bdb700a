/* On the board of a PC, by two ports. */
#include "stop.h"

#include <errno.h>
#include <string.h>
#include <sys/io.h>

#include "console.h"

/* QEMU, docs/specs/pvpanic: a write stops the machine at this very instruction. */
#define PANIC_PORT 0x505
#define PANIC_PANICKED 1
/* QEMU's isa-debug-exit, on the port that the host gives it: a write of n ends QEMU with
 * the exit code 2n + 1. */
#define EXIT_PORT 0xf4
#define EXIT_DONE 0x10
#define EXIT_REFUSED 0x11

void stop_open(void)
{
	if (ioperm(EXIT_PORT, 1, 1) < 0 || ioperm(PANIC_PORT, 1, 1) < 0)
		fatal("the ports that stop the machine cannot be used: %s", strerror(errno));
}

void stop_here(void)
{
	outb(PANIC_PANICKED, PANIC_PORT);
}

void stop_for_good(bool refused)
{
	for (;;)
		outb(refused ? EXIT_REFUSED : EXIT_DONE, EXIT_PORT);
}
