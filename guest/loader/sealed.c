#include "sealed.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "buffer.h"
#include "console.h"
#include "session.h"

/* QEMU's isa-debug-exit, on the port that the host gives it: a write of n ends QEMU with
 * the exit code 2n + 1. */
#define EXIT_PORT 0xf4
#define EXIT_DONE 0x10
#define EXIT_REFUSED 0x11

static void put_out(struct orders *orders, struct buffer *out)
{
	if (out->size > orders->output_room - orders->output_size)
		fatal("there is more to tell than the shared memory holds");
	if (out->size > 0)
		memcpy((uint8_t *)orders + orders->output_at + orders->output_size, out->bytes,
		       out->size);
	orders->output_size += out->size;
	buffer_drop(out, out->size);
}

static void __attribute__((noreturn)) leave(unsigned char value)
{
	for (;;)
		outb(value, EXIT_PORT);
}

void sealed_open(void)
{
	if (ioperm(EXIT_PORT, 1, 1) < 0)
		fatal("the port that ends QEMU cannot be used: %s", strerror(errno));
}

void sealed_run(struct orders *orders, int news)
{
	struct buffer out = { .bytes = NULL };
	bool well;

	session_open();
	well = session_feed(orders->input, orders->input_size, &out);
	put_out(orders, &out);
	while (well && !session_tell(&out)) {
		struct pollfd end = { .fd = news, .events = POLLIN };
		uint64_t count;

		put_out(orders, &out);
		if (poll(&end, 1, -1) > 0 && read(news, &count, sizeof count) < 0)
			continue; /* an interrupted call; the next one tells */
	}
	put_out(orders, &out);
	leave(well ? EXIT_DONE : EXIT_REFUSED);
}
