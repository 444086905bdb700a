#include "pids.h"

#include <stdlib.h>
#include <string.h>

bool pids_init(struct pids *pids, uint64_t wanted)
{
	free(pids->cells);
	pids->size = 1;
	while (pids->size < wanted * 2)
		pids->size *= 2;
	pids->used = 0;
	pids->cells = calloc((size_t)pids->size, sizeof *pids->cells);
	return pids->cells != NULL;
}

void pids_clear(struct pids *pids)
{
	memset(pids->cells, 0, (size_t)pids->size * sizeof *pids->cells);
	pids->used = 0;
}

bool pids_full(const struct pids *pids)
{
	return pids->used * 2 > pids->size;
}

/* Its cell, or the free one where it belongs. */
static uint64_t cell_of(const struct pids *pids, pid_t pid)
{
	uint64_t cell = (uint64_t)pid & (pids->size - 1);

	while (pids->cells[cell].number != 0 && pids->cells[cell].pid != pid)
		cell = (cell + 1) & (pids->size - 1);
	return cell;
}

uint64_t pids_find(const struct pids *pids, pid_t pid)
{
	return pid > 0 ? pids->cells[cell_of(pids, pid)].number : 0;
}

void pids_learn(struct pids *pids, pid_t pid, uint64_t number)
{
	uint64_t cell;

	if (pid <= 0)
		return;
	cell = cell_of(pids, pid);
	if (pids->cells[cell].number == 0)
		pids->used++;
	pids->cells[cell].pid = pid;
	pids->cells[cell].number = number;
}
