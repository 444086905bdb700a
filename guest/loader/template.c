#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "moment.h"
#include "stop.h"

/* A whole number of ticks, at all usual rates, and of time zero's steps (session.c). */
#define CALM_STEP_NS (100 * NS_PER_MS)
/* After the last tick before that, of the usual 250 in a second. */
#define BEFORE_ZERO_NS (3700 * NS_PER_US)

static void *map_memory(uint64_t at, uint64_t size)
{
	int file = open("/dev/mem", O_RDWR | O_CLOEXEC);
	void *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)at);

	if (memory == MAP_FAILED)
		fatal("the shared memory cannot be mapped: %s", strerror(errno));
	close(file);
	return memory;
}

/*
 * Lets what is left of the boot come to rest, until shortly after a tick of the kernel's: what a
 * machine does first is then done before the next one; in most sets that is time zero.
 */
static void settle(void)
{
	int64_t calm_ns = (now_ns() / CALM_STEP_NS + 2) * CALM_STEP_NS - BEFORE_ZERO_NS;
	struct timespec calm = timespec_of(calm_ns);

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &calm, NULL);
}

struct orders *template_wait(uint64_t at, uint64_t size)
{
	struct orders *orders = map_memory(at, size);

	say("up, to be saved here");
	settle();
	stop_here();
	return orders;
}
