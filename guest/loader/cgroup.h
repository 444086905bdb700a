/* Memory quotas: one cgroup for each process that a task with a quota has ready. */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Opens its cgroup.procs and memory.events; false with errno set. */
bool cgroup_make(unsigned lane, unsigned slot, uint64_t quota, int *procs, int *events);
void cgroup_remove(unsigned lane, unsigned slot);

/* How many processes the kernel has killed in it, from its memory.events. */
unsigned cgroup_kills(int events);

#endif
