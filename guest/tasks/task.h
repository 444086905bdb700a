/* What the built-in tasks share: one decimal argument, and short outputs. */
#ifndef TASK_H
#define TASK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_WRONG 1    /* a result that cannot be */
#define EXIT_ARGUMENT 2 /* arg1 is none */

/* arg1 as a whole number from low to high; else says so and ends the job with 2. */
static inline long argument(int argc, char **argv, long low, long high)
{
	char *end = NULL;
	long value = 0;

	errno = 0;
	if (argc == 2)
		value = strtol(argv[1], &end, 10);
	if (argc == 2 && errno == 0 && end != argv[1] && *end == 0 && value >= low && value <= high)
		return value;
	dprintf(STDERR_FILENO, "%s: arg1 is a whole number from %ld to %ld, not `%s`\n",
		argc > 0 ? argv[0] : "task", low, high, argc == 2 ? argv[1] : "");
	exit(EXIT_ARGUMENT);
}

#endif
