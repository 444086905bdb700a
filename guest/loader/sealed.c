#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffer.h"
#include "console.h"
#include "session.h"

/* QEMU, docs/specs/pvpanic: a write stops the machine at this very instruction. */
#define PANIC_PORT 0x505
#define PANIC_PANICKED 1
/* QEMU's isa-debug-exit, on the port that the host gives it: a write of n ends QEMU with
 * the exit code 2n + 1. */
#define EXIT_PORT 0xf4
#define EXIT_DONE 0x10
#define EXIT_REFUSED 0x11

/*
 * How the shared memory begins (machines/qemu/shared.py has the other side). The host
 * writes all of it, and the input behind it; the machine writes `output_size` and the
 * output, which lies at `output_at` and may have `output_room` bytes.
 */
struct head {
	uint64_t input_size;
	uint64_t output_size;
	uint64_t output_at;
	uint64_t output_room;
	uint8_t input[];
};

static struct head *map_memory(uint64_t at, uint64_t size)
{
	int file = open("/dev/mem", O_RDWR | O_CLOEXEC);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)at);

	if (memory == MAP_FAILED)
		fatal("the shared memory cannot be mapped: %s", strerror(errno));
	close(file);
	return memory;
}

static void put_out(struct head *head, struct buffer *out)
{
	if (out->size > head->output_room - head->output_size)
		fatal("there is more to tell than the shared memory holds");
	if (out->size > 0)
		memcpy((uint8_t *)head + head->output_at + head->output_size, out->bytes,
		       out->size);
	head->output_size += out->size;
	buffer_drop(out, out->size);
}

static void __attribute__((noreturn)) leave(unsigned char value)
{
	for (;;)
		outb(value, EXIT_PORT);
}

void sealed_run(uint64_t at, uint64_t size, int news)
{
	struct buffer out = { .bytes = NULL };
	struct head *head = map_memory(at, size);
	bool well;

	if (ioperm(PANIC_PORT, 1, 1) < 0 || ioperm(EXIT_PORT, 1, 1) < 0)
		fatal("the ports cannot be used: %s", strerror(errno));
	session_open();
	say("ready to be sealed");
	outb(PANIC_PANICKED, PANIC_PORT);

	/* From here on, in as many machines as the host restores. */
	well = session_feed(head->input, head->input_size, &out);
	put_out(head, &out);
	while (well && !session_tell(&out)) {
		struct pollfd end = { .fd = news, .events = POLLIN };
		uint64_t count;

		put_out(head, &out);
		if (poll(&end, 1, -1) > 0 && read(news, &count, sizeof count) < 0)
			continue; /* an interrupted call; the next one tells */
	}
	put_out(head, &out);
	leave(well ? EXIT_DONE : EXIT_REFUSED);
}
