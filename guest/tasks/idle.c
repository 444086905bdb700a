/* idle: does nothing; what a job costs by itself. */
#include "task.h"

JOBS_TAKE_TURNS;

int task_main(const char *name, const char *arg1)
{
	(void)name;
	(void)arg1;
	return 0;
}
