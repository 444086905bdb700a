/* tumatmul: sieves the primes up to arg1 (Eratosthenes). */
#include "task.h"

int task_main(const char *name, const char *arg1)
{
	long long last = argument(name, arg1, 2, 1000000000);
	char *composite = take_memory((unsigned long)last + 1);
	long long primes = 0;

	if (!composite)
		return EXIT_WRONG;
	for (long long i = 2; i <= last; i++) {
		if (composite[i])
			continue;
		primes++;
		for (long long j = i * i; j <= last; j += i)
			composite[j] = 1;
	}
	/* there are at least last / log2(last) primes, and at most all odd numbers and 2 */
	return primes * (64 - __builtin_clzll((unsigned long long)last)) >= last && primes <= last / 2 + 1
		       ? 0 : EXIT_WRONG;
}
