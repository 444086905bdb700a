/* Distributor's task loader: the first process of a machine that runs task sets. */
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot.h"
#include "canary.h"
#include "console.h"
#include "executor.h"
#include "keeper.h"
#include "network.h"
#include "preparer.h"
#include "process.h"
#include "rescuer.h"
#include "sealed.h"
#include "server.h"
#include "session.h"
#include "standby.h"
#include "stock.h"
#include "stop.h"
#include "template.h"
#include "trace.h"
#include "turns.h"

#define ROOM (2 << 20)
#define MMAP_FROM (32 << 20) /* the most that glibc takes */

/* Blocked before any thread starts: only the executor hears of children's ends. */
static void settle_signals(void)
{
	sigset_t blocked;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/*
 * Memory that the loader asks for later is there from the start, and what it gives back
 * stays: a call to the kernel costs a machine that has just been forked a millisecond.
 */
static void settle_memory(void)
{
	void *room;

	mlockall(MCL_CURRENT); /* variables that are first written by a set, too */
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, ROOM);
	room = malloc(ROOM);
	if (room != NULL)
		memset(room, 1, ROOM);
	free(room);
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

int main(void)
{
	struct options options;
	const char *address;
	const uint8_t *hardware = NULL;
	int news;

	if (getpid() != 1)
		fatal("this is the first process of a machine, not a program to be called");
	/* the kernel never kills the first process for memory, so nothing is set for that */
	settle_signals();
	boot(&options);
	settle_memory();
	news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (news < 0)
		fatal("no eventfd");
	turns_open();
	executor_start();
	process_open();
	stock_open();
	preparer_start();
	rescuer_start();
	if (!options.virtual_clock)
		canary_start();
	trace_open();
	session_init(options.virtual_clock, news);
	if (options.shared_size > 0) {
		struct orders *orders;

		standby_fill();
		trace_hold();
		stop_open(); /* last: processes would inherit the ports */
		orders = template_wait(options.shared_at, options.shared_size);
		if (orders->port == 0)
			sealed_run(orders, news);
		options.port = (int)orders->port;
		hardware = orders->hardware;
	}
	if (options.virtual_clock)
		keeper_start();
	address = network_start(hardware);
	server_run(address, options.port, news);
}
