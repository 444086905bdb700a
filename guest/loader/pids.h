/* A table from processes to numbers. */
#ifndef PIDS_H
#define PIDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pids {
	struct {
		pid_t pid;
		uint64_t number; /* 0: the cell is free */
	} *cells;
	uint64_t size; /* a power of two */
	uint64_t used;
};

/* Room for `wanted` processes, before it is half full; false without the memory. */
bool pids_init(struct pids *pids, uint64_t wanted);
void pids_clear(struct pids *pids);

/* Whether it is to be cleared before any more are learned. */
bool pids_full(const struct pids *pids);

/* The number of a process, 0 if there is none. */
uint64_t pids_find(const struct pids *pids, pid_t pid);

/* Gives a process a number other than 0; what is no pid is left out. */
void pids_learn(struct pids *pids, pid_t pid, uint64_t number);

#endif
