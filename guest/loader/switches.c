#include "switches.h"

#include <stdlib.h>
#include <string.h>

bool switches_init(struct switches *switches, size_t limit, unsigned cpus)
{
	memset(switches, 0, sizeof *switches);
	if (limit == 0)
		return true;
	switches->kept = malloc(limit * sizeof *switches->kept);
	if (switches->kept == NULL)
		return false;
	/* touched now, so that nothing takes a page fault while tasks run */
	memset(switches->kept, 0, limit * sizeof *switches->kept);
	switches->limit = limit;
	switches->share = cpus > 0 ? limit / cpus : 0;
	return true;
}

void switches_free(struct switches *switches)
{
	free(switches->kept);
	switches->kept = NULL;
	switches->limit = 0;
}

static void keep(struct switches *switches, const struct seat *seat)
{
	if (switches->counts[seat->cpu] >= switches->share) {
		switches->cut = true;
		return;
	}
	switches->counts[seat->cpu]++;
	switches->kept[switches->count++] = *seat;
}

void switches_add(struct switches *switches, unsigned cpu, int64_t time_ns, uint32_t task,
		  uint32_t job)
{
	struct seat *last;

	if (cpu >= SWITCHES_CPUS || switches->limit == 0 || switches->closed)
		return;
	last = &switches->last[cpu];
	if (time_ns >= 0 && !switches->begun[cpu]) {
		switches->begun[cpu] = true;
		if (switches->known[cpu])
			keep(switches, last);
	}
	if (switches->known[cpu] && last->task == task && last->job == job)
		return;
	*last = (struct seat){ .time_ns = time_ns, .task = task, .job = job, .cpu = cpu };
	switches->known[cpu] = true;
	if (switches->begun[cpu])
		keep(switches, last);
}

static void print_seat(const struct seat *seat, struct buffer *out)
{
	buffer_print(out, "%lld ", (long long)seat->time_ns);
	if (seat->task == SEAT_IDLE)
		buffer_print(out, "I ");
	else if (seat->task == SEAT_LOADER)
		buffer_print(out, "L ");
	else if (seat->task == SEAT_KERNEL)
		buffer_print(out, "K ");
	else
		buffer_print(out, "%u.%u ", seat->task, seat->job);
}

void switches_print(struct switches *switches, struct buffer *out, size_t bytes)
{
	size_t begin = out->size;

	while (switches->told < switches->count && out->size - begin < bytes) {
		unsigned cpu = switches->kept[switches->told].cpu;

		buffer_print(out, "<switches cpu=\"%u\">", cpu);
		while (switches->told < switches->count && out->size - begin < bytes &&
		       switches->kept[switches->told].cpu == cpu)
			print_seat(&switches->kept[switches->told++], out);
		buffer_print(out, "</switches>");
	}
	if (switches->told < switches->count)
		return;
	buffer_print(out, "<switches-end count=\"%zu\" cut=\"%d\" lost=\"%d\"/>", switches->count,
		     switches->cut, switches->lost);
	switches->end_told = true;
}
