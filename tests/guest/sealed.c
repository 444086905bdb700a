/*
 * A sealed run whose session tells in pieces what it has to tell at the end: of 40,000 jobs, say.
 * Prints what was left in the shared memory. Everything but sealed_run is made up.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sealed.h"
#include "session.h"
#include "stop.h"

#define PIECES 3

static struct {
	struct orders orders;
	char output[64];
} memory;

static int pieces;

void session_open(void) {}

bool session_feed(const uint8_t *bytes, size_t size, struct buffer *out)
{
	(void)bytes;
	(void)size;
	(void)out;
	return true;
}

bool session_tell(struct buffer *out)
{
	if (pieces == PIECES)
		return true;
	buffer_print(out, "piece %d\n", pieces++);
	return false;
}

void fatal(const char *format, ...)
{
	(void)format;
	abort();
}

void console_use(bool (*write)(const char *, size_t))
{
	(void)write;
}

bool stop_print(const char *text, size_t size)
{
	return write(STDERR_FILENO, text, size) == (ssize_t)size;
}

void stop_for_good(bool refused)
{
	printf("%.*s", (int)memory.orders.output_size, memory.output);
	fflush(stdout);
	_exit(refused);
}

int main(void)
{
	int news = eventfd(1, 0); /* the executor is done, and has no more to say */

	memory.orders.output_at = (uint64_t)((char *)memory.output - (char *)&memory);
	memory.orders.output_room = sizeof memory.output;
	sealed_run(&memory.orders, news);
}
