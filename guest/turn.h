/*
 * What the loader and a program that takes turns share: one process of it runs one job of its
 * task after the other (docs/decisions/0035-turns.md). Such a program says so by a note in its
 * file, has the file of all turns from its start, and the number of its own in argv[0].
 */
#ifndef TURN_H
#define TURN_H

#define TURN_FILE 3 /* the first descriptor that no program has from its start */
#define TURN_MARK '+' /* the first byte of argv[0]; the program's name follows */
#define TURN_ARGUMENT 80
#define TURNS 384 /* one for each task of a set, and for each process that stands by */

/* Whose turn it is; what a killed process left is there until the next one's first turn. */
enum {
	TURN_OVER, /* there is no job: the process sleeps on this word, or is about to */
	TURN_JOB,  /* there is a job to run */
	TURN_TELL, /* likewise, and its end is to ring */
};

struct turn {
	int whose;
	int arguments; /* how many the jobs have: none or one */
	struct {
		long s, ns; /* CLOCK_MONOTONIC */
	} start, end;
	char argument[TURN_ARGUMENT];
} __attribute__((aligned(128))); /* so that none lies in two pages */

/* The file. */
struct turns {
	unsigned rung; /* what the loader's executor sleeps on: counted up first, then woken */
	struct turn of[TURNS];
};

#endif
