/* Makes a bare kernel a place to run tasks in. */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	bool virtual_clock; /* distributor.clock=virtual; default real */
	int port;           /* distributor.port=3001 */
	/* distributor.shared=ADDRESS,SIZE of the memory shared with the host; 0: there is none */
	uint64_t shared_at, shared_size;
};

/* Mounts, modules, settings of the kernel; reads the kernel's command line. */
void boot(struct options *options);

#endif
