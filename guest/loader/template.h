/*
 * One boot for many machines: where the host saves a machine that has come up, and what it
 * finds there when it goes on.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdint.h>

/*
 * How the memory begins that a machine shares with the host (network/shared.py has the other
 * side). The host writes all of it, and the input behind it; the machine writes
 * `output_size` and the output, which lies at `output_at` and may have `output_room` bytes.
 */
struct orders {
	uint64_t port; /* where to serve a host; 0: run the input, sealed */
	uint8_t hardware[8]; /* six bytes: the network card's address; 0: the one that it has */
	uint64_t input_size;
	uint64_t output_size;
	uint64_t output_at;
	uint64_t output_room;
	uint8_t input[];
};

/*
 * Stops the machine, for the host to save it; returns in each machine that goes on from
 * there. The shared memory is `size` bytes of the physical address `at`.
 */
struct orders *template_wait(uint64_t at, uint64_t size);

#endif
