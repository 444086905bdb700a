/* linpack: solves a dense system of arg1 unknowns by elimination with partial pivoting. */
#include "task.h"

static double *matrix; /* n rows of n coefficients and the right-hand side */
static long n;

static double *row(long i)
{
	return matrix + i * (n + 1);
}

/* Pseudo-random coefficients; the right-hand side makes all unknowns 1. */
static void fill(void)
{
	unsigned long long state = 1;

	for (long i = 0; i < n; i++) {
		double sum = 0;

		for (long j = 0; j < n; j++) {
			/* a 64-bit linear congruence, Knuth's MMIX constants */
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			row(i)[j] = (double)(state >> 33) / 2147483648.0 - 0.5;
			sum += row(i)[j];
		}
		row(i)[n] = sum;
	}
}

static double size_of(double value)
{
	return value < 0 ? -value : value;
}

static void swap_rows(long a, long b)
{
	for (long j = 0; a != b && j <= n; j++) {
		double kept = row(a)[j];

		row(a)[j] = row(b)[j];
		row(b)[j] = kept;
	}
}

static void eliminate(void)
{
	for (long k = 0; k < n; k++) {
		long pivot = k;

		for (long i = k + 1; i < n; i++)
			if (size_of(row(i)[k]) > size_of(row(pivot)[k]))
				pivot = i;
		swap_rows(k, pivot);
		for (long i = k + 1; i < n; i++) {
			double factor = row(i)[k] / row(k)[k];

			for (long j = k; j <= n; j++)
				row(i)[j] -= factor * row(k)[j];
		}
	}
}

static void substitute(void)
{
	for (long i = n - 1; i >= 0; i--) {
		for (long j = i + 1; j < n; j++)
			row(i)[n] -= row(i)[j] * row(j)[n];
		row(i)[n] /= row(i)[i];
	}
}

int task_main(const char *name, const char *arg1)
{
	n = (long)argument(name, arg1, 1, 4000);
	matrix = take_memory((unsigned long)n * (unsigned long)(n + 1) * sizeof *matrix);
	if (!matrix)
		return EXIT_WRONG;
	fill();
	eliminate();
	substitute();
	for (long i = 0; i < n; i++)
		if (!(size_of(row(i)[n] - 1) < 1e-3))
			return EXIT_WRONG;
	return 0;
}
