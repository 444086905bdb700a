/* Who had which processor, kept until the host is told (docs/protocol.md, "Switches"). */
#ifndef SWITCHES_H
#define SWITCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

#define SWITCHES_MAX (UINT32_C(1) << 20)
#define SWITCHES_CPUS 64

/* Who has a processor: a task's id, or one of these. */
#define SEAT_JOB_MAX UINT32_C(0x7fffffff)
#define SEAT_IDLE UINT32_C(0xfffffffd)
#define SEAT_LOADER UINT32_C(0xfffffffe)
#define SEAT_KERNEL UINT32_C(0xffffffff)

struct seat {
	int64_t time_ns; /* after time zero */
	uint32_t task;
	uint32_t job;
	unsigned cpu;
};

struct switches {
	struct seat *kept;
	size_t limit, count, told;
	size_t share;                    /* of each processor in `limit` */
	size_t counts[SWITCHES_CPUS];
	struct seat last[SWITCHES_CPUS]; /* as it is now, kept or not */
	bool known[SWITCHES_CPUS];       /* `last` is something */
	bool begun[SWITCHES_CPUS];       /* time zero is behind it */
	bool cut;                        /* there were more than there is room for */
	bool lost;                       /* some were overwritten before they were read */
	bool closed;                     /* the set is over: what follows is not its own */
	bool end_told;
};

/* Room for `limit` of them, an equal share for each of `cpus`; false without the memory. */
bool switches_init(struct switches *switches, size_t limit, unsigned cpus);
void switches_free(struct switches *switches);

/*
 * From `time_ns` (after time zero) on `cpu` belongs to `task` and its `job`. Each processor's
 * come in their order. What was before time zero is kept as far as it lasts beyond it, and
 * a switch to who is there already is none.
 */
void switches_add(struct switches *switches, unsigned cpu, int64_t time_ns, uint32_t task,
		  uint32_t job);

/* Prints what is not told yet as elements, up to about `bytes`; the last one is the end. */
void switches_print(struct switches *switches, struct buffer *out, size_t bytes);

#endif
