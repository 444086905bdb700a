/* On the board of a PC, by ports. */
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
/* The first serial port, a 16550: what is written, and whether there is room for more. */
#define SERIAL_PORT 0x3f8
#define SERIAL_STATUS (SERIAL_PORT + 5)
#define SERIAL_ROOM 0x20
#define SERIAL_TRIES_MAX 100000

void stop_open(void)
{
	if (ioperm(EXIT_PORT, 1, 1) < 0 || ioperm(PANIC_PORT, 1, 1) < 0 ||
	    ioperm(SERIAL_PORT, 8, 1) < 0)
		fatal("the machine's ports cannot be used: %s", strerror(errno));
}

void stop_here(void)
{
	outb(PANIC_PANICKED, PANIC_PORT);
}

static bool put(char letter)
{
	for (unsigned i = 0; i < SERIAL_TRIES_MAX; i++) {
		if ((inb(SERIAL_STATUS) & SERIAL_ROOM) == 0)
			continue; /* nobody reads at the other end */
		outb((unsigned char)letter, SERIAL_PORT);
		return true;
	}
	return false;
}

/* As the kernel's console does, with a return before each new line. */
bool stop_print(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((text[i] == '\n' && !put('\r')) || !put(text[i]))
			return false;
	return true;
}

void stop_for_good(bool refused)
{
	for (;;)
		outb(refused ? EXIT_REFUSED : EXIT_DONE, EXIT_PORT);
}
