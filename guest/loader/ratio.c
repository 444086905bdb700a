#include "ratio.h"

#include <stdbool.h>

#define BITS 32

static uint64_t divide(uint64_t part, uint64_t whole, bool *exact)
{
	uint64_t result = part / whole;
	uint64_t rest = part % whole;

	if (result >> (BITS - 1) != 0) {
		*exact = true;
		return UINT64_MAX;
	}
	for (int i = 0; i < BITS; i++) {
		rest *= 2; /* it is less than 2^63 */
		result = result * 2 + (rest >= whole);
		rest -= rest >= whole ? whole : 0;
	}
	*exact = rest == 0;
	return result;
}

uint64_t ratio_below(uint64_t part, uint64_t whole)
{
	bool exact;

	return divide(part, whole, &exact);
}

uint64_t ratio_above(uint64_t part, uint64_t whole)
{
	bool exact;
	uint64_t below = divide(part, whole, &exact);

	return exact ? below : below + 1;
}

/* By their continued fractions: where the whole parts are equal, the rests decide, upside down. */
int ratio_compare(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	int sign = 1;

	for (;;) {
		uint64_t left = a / b, right = c / d;
		uint64_t left_rest = a % b, right_rest = c % d;

		if (left != right)
			return left < right ? -sign : sign;
		if (left_rest == 0 || right_rest == 0)
			return left_rest == right_rest ? 0 : left_rest == 0 ? -sign : sign;
		a = b;
		b = left_rest;
		c = d;
		d = right_rest;
		sign = -sign;
	}
}
