/* pi: sums arg1 terms of the Leibniz series, 4 (1 - 1/3 + 1/5 - ...). */
#include "task.h"

JOBS_TAKE_TURNS;

#define PI 3.14159265358979323846

int task_main(const char *name, const char *arg1)
{
	long long terms = argument(name, arg1, 1, 10000000000);
	double sum = 0;
	double error;

	for (long long i = 0; i < terms; i++)
		sum += (i % 2 ? -4.0 : 4.0) / (double)(2 * i + 1);
	error = sum > PI ? sum - PI : PI - sum;
	/* an alternating series errs by less than its next term */
	return error <= 4.0 / (double)(2 * terms + 1) + 1e-9 ? 0 : EXIT_WRONG;
}
