/* hey: prints `hey arg1`. */
#include "greet.h"

JOBS_TAKE_TURNS;

int task_main(const char *name, const char *arg1)
{
	return greet("hey", name, arg1);
}
