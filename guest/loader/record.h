/* What is kept of each job until it has been told to the host. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum outcome {
	RUNNING, /* not ended yet */
	EXIT,
	EXIT_CRITICAL,
	EXIT_EXTERNAL,
	EXIT_PERIOD,
	OUT_OF_QUOTA,
	EXIT_ERROR,
	JOBS_DONE, /* no job: the task's last one has ended */
	NOT_SCHEDULED, /* no job: the task was not admitted, and had none */
};

struct record {
	/* Written by the executor before the record is published. */
	uint16_t lane;
	uint32_t job;
	int64_t release_ns; /* all moments are on the monotonic clock */
	uint64_t earlier;       /* place + 1 of its task's job before, 0 for the first */
	_Atomic uint64_t later; /* of the next one, written when that is there */
	/* Written by the executor; `outcome` last, and `pid` and `go_ns` before it runs. */
	_Atomic pid_t pid;
	int64_t go_ns;   /* when the executor let it go */
	int64_t seen_ns; /* when its end was seen */
	int64_t own_start_ns, own_end_ns; /* told by the program itself (turn.h), 0 if not */
	int32_t exit;
	bool cold;
	_Atomic unsigned char outcome;
	/* Written by the reader of the trace: first and last execution, 0 if not known. */
	int64_t start_ns;
	int64_t end_ns;
	/* The reporter's: what was known before the trace was read last, which makes it certain. */
	bool begun, ended;
	bool start_told;
	bool told;
};

/* A ring with one writer, the executor, and one reader, the server. */
struct records {
	struct record *ring;
	uint64_t size; /* a power of two */
	_Atomic uint64_t head, tail;
};

/* Room for `wanted` records or a bounded number; false without the memory. */
bool records_init(struct records *records, uint64_t wanted);
void records_free(struct records *records);

static inline struct record *record_at(const struct records *records, uint64_t place)
{
	return &records->ring[place & (records->size - 1)];
}

static inline uint64_t records_room(const struct records *records)
{
	return records->size - (records->head - records->tail);
}

/* The next record, to be filled and then published; there must be room for it. */
struct record *record_new(struct records *records);
void record_publish(struct records *records);

#endif
