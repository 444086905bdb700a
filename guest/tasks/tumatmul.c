/* tumatmul: sieves the primes up to arg1 (Eratosthenes). */
#include "task.h"

int main(int argc, char **argv)
{
	long last = argument(argc, argv, 2, 1000000000L);
	char *composite = calloc((size_t)last + 1, 1);
	long primes = 0;

	if (composite == NULL) {
		dprintf(STDERR_FILENO, "tumatmul: no memory for a sieve of %ld\n", last);
		return EXIT_WRONG;
	}
	for (long i = 2; i <= last; i++) {
		if (composite[i])
			continue;
		primes++;
		for (long j = i * i; j <= last; j += i)
			composite[j] = 1;
	}
	/* there are at least last / log2(last) primes, and at most all odd numbers and 2 */
	return primes * (64 - __builtin_clzl((unsigned long)last)) >= last && primes <= last / 2 + 1
		       ? 0 : EXIT_WRONG;
}
