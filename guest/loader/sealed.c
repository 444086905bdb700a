#include "sealed.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "console.h"
#include "session.h"
#include "stop.h"

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

void sealed_run(struct orders *orders, int news)
{
	struct buffer out = { .bytes = NULL };
	bool well;

	console_use(stop_print);
	session_open();
	well = session_feed(orders->input, (size_t)orders->input_size, &out);
	put_out(orders, &out);
	while (well && !session_tell(&out)) {
		struct pollfd end = { .fd = news, .events = POLLIN };
		uint64_t count;
		bool told = out.size > 0;

		put_out(orders, &out);
		if (told) /* as much as is told at once: there may be more, and no news of it */
			continue;
		if (poll(&end, 1, -1) > 0 && read(news, &count, sizeof count) < 0)
			continue; /* an interrupted call; the next one tells */
	}
	put_out(orders, &out);
	stop_for_good(!well);
}
