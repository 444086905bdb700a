/* Makes a bare kernel a place to run tasks in. */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>

struct options {
	bool virtual_clock; /* distributor.clock=virtual; default real */
	int port;           /* distributor.port=3001 */
};

/* Mounts, modules, settings of the kernel; reads the kernel's command line. */
void boot(struct options *options);

#endif
