/* Ratios of whole numbers, exactly, without more than 64 bits: not every processor has more. */
#ifndef RATIO_H
#define RATIO_H

#include <stdint.h>

/* Fixed-point one. */
#define RATIO_ONE (UINT64_C(1) << 32)

/* part / whole in units of 1 / RATIO_ONE, rounded down, or up; the largest number where it
 * is 2^31 or more. `whole` is from 1 to 2^63. */
uint64_t ratio_below(uint64_t part, uint64_t whole);
uint64_t ratio_above(uint64_t part, uint64_t whole);

/* Whether a / b is less than (-1), equal to (0) or more than (1) c / d. */
int ratio_compare(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

#endif
