/* cond_42: a long loop if arg1 is 42, else it returns at once. */
#include "loop.h"
#include "task.h"

JOBS_TAKE_TURNS;

int task_main(const char *name, const char *arg1)
{
	if (argument(name, arg1, -2147483647L, 2147483647L) == 42)
		long_loop();
	return 0;
}
