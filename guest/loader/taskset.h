/* A task set, as the host describes it (docs/protocol.md). */
#ifndef TASKSET_H
#define TASKSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASKS_MAX 256
#define PKG_SIZE 16
#define ARG1_SIZE 4096
#define PRIORITY_EDF 128
#define PROCESSORS_MAX 1024

enum overrun { OVERRUN_KILL, OVERRUN_SKIP, OVERRUN_LATE };

struct task {
	uint32_t id;
	char pkg[PKG_SIZE];
	char *arg1; /* NULL: none was given */
	int priority;
	int64_t period_ns;
	int64_t deadline_ns;
	int64_t offset_ns;
	int64_t executiontime_ns; /* 0: not given */
	int64_t criticaltime_ns;  /* 0: never */
	uint32_t jobs;
	uint64_t quota; /* bytes; 0: no bound */
	int cores;      /* 0: all */
	int coreoffset;
	enum overrun overrun;
};

struct taskset {
	uint32_t switches; /* how many switches of the processors to tell; 0: none */
	size_t count;
	struct task tasks[TASKS_MAX];
};

/*
 * Reads XML; the set is to be freed also when it is refused. On false, `why` is one
 * sentence that names task and element.
 */
bool taskset_parse(struct taskset *set, const char *text, size_t size, char *why, size_t why_size);
void taskset_free(struct taskset *set);

#endif
