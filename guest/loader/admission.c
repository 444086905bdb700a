#include "admission.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ratio.h"
#include "xml.h"

/* What one candidate's test may take, in looks at a task; beyond that it is refused. */
#define STEPS_MAX 2000000
/* How often a bound of a response time is made smaller. */
#define DESCENTS 64
/* Fixed-point one of utilizations. */
#define ONE RATIO_ONE

/* A task as the tests see it. */
struct member {
	int64_t c, t, d; /* worst-case execution time, period, deadline (the period at most) */
	int64_t r;       /* what its response time is known not to exceed */
	int priority;
};

/* The tasks that compete for the same processors, directly or through others. */
struct group {
	struct member members[TASKS_MAX];
	size_t count;
	int processors; /* that each of them may use; 1 where they may not use the same ones */
	unsigned long steps;
};

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool over_budget(struct group *group)
{
	group->steps += group->count;
	return group->steps > STEPS_MAX;
}

static bool is_edf(const struct member *member)
{
	return member->priority == PRIORITY_EDF;
}

/* C/D in units of 1/ONE, rounded up. */
static uint64_t density(const struct member *member)
{
	return ratio_above((uint64_t)member->c, (uint64_t)member->d);
}

/*
 * Goossens, Funk, Baruah (2003), with densities: global EDF holds all deadlines on m
 * processors if the sum is at most m - (m - 1) * the greatest.
 */
static bool density_passes(const struct group *group)
{
	uint64_t sum = 0, greatest = 0;
	uint64_t m = (uint64_t)group->processors;

	for (size_t i = 0; i < group->count; i++) {
		uint64_t own = is_edf(&group->members[i]) ? density(&group->members[i]) : 0;

		sum += own;
		greatest = own > greatest ? own : greatest;
	}
	return greatest <= ONE && sum <= m * ONE - (m - 1) * greatest;
}

/* Processor demand of the EDF tasks in an interval of length t, or t + 1 if it is more. */
static int64_t demand(const struct group *group, int64_t t)
{
	int64_t sum = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct member *member = &group->members[i];

		if (is_edf(member) && member->d <= t)
			sum += ((t - member->d) / member->t + 1) * member->c;
		if (sum > t)
			return t + 1;
	}
	return sum;
}

/* The last deadline before t, from a synchronous release on; 0 if there is none. */
static int64_t deadline_before(const struct group *group, int64_t t)
{
	int64_t last = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct member *member = &group->members[i];
		int64_t own;

		if (!is_edf(member) || member->d >= t)
			continue;
		own = member->d + (t - 1 - member->d) / member->t * member->t;
		last = own > last ? own : last;
	}
	return last;
}

/* How long the EDF tasks alone keep a processor busy, released together; 0 if unknown. */
static int64_t busy_period(struct group *group)
{
	int64_t length = 1;

	for (;;) {
		int64_t next = 0;

		if (over_budget(group))
			return 0;
		for (size_t i = 0; i < group->count; i++) {
			const struct member *member = &group->members[i];

			if (is_edf(member))
				next += ((length - 1) / member->t + 1) * member->c;
			if (next > INT64_MAX / 8)
				return 0;
		}
		if (next == length)
			return length;
		length = next;
	}
}

/* Zhang and Burns (2009), quick processor-demand analysis: exact on one processor. */
static bool demand_passes(struct group *group)
{
	int64_t shortest = INT64_MAX;
	int64_t t;

	for (size_t i = 0; i < group->count; i++)
		if (is_edf(&group->members[i]))
			shortest = smaller(shortest, group->members[i].d);
	if (shortest == INT64_MAX)
		return true; /* there is none */
	t = busy_period(group);
	if (t == 0)
		return false;
	t = deadline_before(group, t);
	while (t > 0) {
		int64_t wanted = demand(group, t);

		if (wanted > t || over_budget(group))
			return false;
		if (wanted <= shortest)
			return true;
		t = wanted < t ? wanted : deadline_before(group, t);
	}
	return true;
}

/* EDF tasks preempt all fixed priorities; tasks of one priority wait for each other. */
static bool interferes(const struct group *group, size_t with, size_t other)
{
	const struct member *a = &group->members[with];
	const struct member *b = &group->members[other];

	return with != other && (is_edf(b) || b->priority <= a->priority);
}

/* Joseph and Pandya (1986): response-time analysis, exact on one processor. */
static bool response_passes(struct group *group, size_t which)
{
	const struct member *member = &group->members[which];
	int64_t response = member->c;

	for (;;) {
		int64_t next = member->c;

		if (over_budget(group))
			return false;
		for (size_t i = 0; i < group->count; i++) {
			const struct member *other = &group->members[i];

			if (interferes(group, which, i))
				next += ((response - 1) / other->t + 1) * other->c;
			if (next > member->d)
				return false;
		}
		if (next == response)
			return true;
		response = next;
	}
}

/* C and the interference in an interval of `length`, of which m processors do m at a time. */
static int64_t global_response(const struct group *group, size_t which, int64_t length)
{
	const struct member *member = &group->members[which];
	int64_t m = group->processors;
	int64_t sum = member->c, rest = 0; /* of the divisions by m */

	for (size_t i = 0; i < group->count; i++) {
		const struct member *other = &group->members[i];
		int64_t span = length + other->r - other->c;
		int64_t whole = span / other->t;
		int64_t work = whole * other->c + smaller(other->c, span - whole * other->t);

		if (!interferes(group, which, i))
			continue;
		work = smaller(work, length - member->c + 1);
		sum += work / m;
		rest += work % m;
		if (sum > member->d)
			return INT64_MAX;
	}
	sum += rest / m;
	return sum > member->d ? INT64_MAX : sum;
}

/*
 * Bertogna and Cirinei (2007): the same for tasks that may move between m processors. A
 * length that the response does not exceed is a bound; from the deadline downward the
 * bounds come fast, where from C upward they come nanosecond by nanosecond.
 */
static bool global_response_passes(struct group *group, size_t which)
{
	struct member *member = &group->members[which];
	int64_t bound = member->d;

	if (global_response(group, which, bound) > bound)
		return false;
	for (int i = 0; i < DESCENTS && !over_budget(group); i++)
		bound = smaller(bound, global_response(group, which, bound));
	member->r = bound;
	return true;
}

static bool passes(struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->members[i].c > group->members[i].d)
			return false;
	if (!density_passes(group) && !demand_passes(group))
		return false;
	/* the higher first: their response times are needed for those of the lower */
	for (int priority = 0; priority < PRIORITY_EDF; priority++) {
		for (size_t i = 0; i < group->count; i++) {
			if (group->members[i].priority != priority)
				continue;
			if (group->processors > 1 && global_response_passes(group, i))
				continue;
			if (!response_passes(group, i))
				return false;
		}
	}
	return true;
}

static int behind(const struct task *task, int processors)
{
	return task->cores == 0 ? processors : task->coreoffset + task->cores;
}

/*
 * Tasks whose processors overlap are tested together. Where they may use the same m
 * processors, tests for m apply. Otherwise the group is tested as if it had one: as long as
 * a task is kept waiting, at least one of its processors runs work that goes before it.
 */
static void gather(struct group *group, const struct taskset *set, const bool *admitted,
		   int processors, size_t which)
{
	int low = set->tasks[which].coreoffset;
	int high = behind(&set->tasks[which], processors);
	bool in[TASKS_MAX] = { false };
	bool same = true, grown = true;

	in[which] = true;
	while (grown) {
		grown = false;
		for (size_t i = 0; i < set->count; i++) {
			const struct task *task = &set->tasks[i];
			int end = behind(task, processors);

			if (in[i] || !admitted[i] || task->executiontime_ns == 0 ||
			    task->coreoffset >= high || end <= low)
				continue;
			same = same && task->coreoffset == low && end == high;
			low = task->coreoffset < low ? task->coreoffset : low;
			high = end > high ? end : high;
			in[i] = grown = true;
		}
	}
	group->count = 0;
	group->steps = 0;
	group->processors = same ? high - low : 1;
	for (size_t i = 0; i < set->count; i++) {
		const struct task *task = &set->tasks[i];

		if (in[i])
			group->members[group->count++] =
				(struct member){ .c = task->executiontime_ns,
						 .t = task->period_ns,
						 .d = smaller(task->deadline_ns, task->period_ns),
						 .r = smaller(task->deadline_ns, task->period_ns),
						 .priority = task->priority };
	}
}

/* The utilization that is admitted, in units of 1/ONE. */
static uint64_t admit(const struct taskset *set, const size_t *order, const bool *candidate,
		      int processors, bool *admitted)
{
	static struct group group; /* too large for a stack */
	uint64_t total = 0;

	memset(admitted, 0, set->count * sizeof *admitted);
	for (size_t i = 0; i < set->count; i++) {
		size_t which = order[i];
		const struct task *task = &set->tasks[which];

		if (!candidate[which])
			continue;
		admitted[which] = true;
		if (task->executiontime_ns == 0)
			continue;
		admitted[which] = false;
		gather(&group, set, admitted, processors, which);
		admitted[which] = passes(&group);
		if (admitted[which])
			total += ratio_below((uint64_t)task->executiontime_ns,
					     (uint64_t)task->period_ns);
	}
	return total;
}

static const struct taskset *sorted_set;

/* By falling utilization, then in the set's order. */
static int larger_first(const void *left, const void *right)
{
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	const struct task *one = &sorted_set->tasks[a], *other = &sorted_set->tasks[b];
	int order = ratio_compare((uint64_t)other->executiontime_ns, (uint64_t)other->period_ns,
				  (uint64_t)one->executiontime_ns, (uint64_t)one->period_ns);

	if (order != 0)
		return order;
	return a < b ? -1 : 1;
}

void admission_decide(const struct taskset *set, const bool *candidate, int processors,
		      enum goal goal, bool *admitted)
{
	bool otherwise[TASKS_MAX];
	size_t order[TASKS_MAX];
	uint64_t total;

	for (size_t i = 0; i < set->count; i++)
		order[i] = i;
	if (goal == GOAL_NONE) {
		memcpy(admitted, candidate, set->count * sizeof *admitted);
		return;
	}
	total = admit(set, order, candidate, processors, admitted);
	if (goal != GOAL_UTILIZATION)
		return;
	sorted_set = set;
	qsort(order, set->count, sizeof *order, larger_first);
	if (admit(set, order, candidate, processors, otherwise) > total)
		memcpy(admitted, otherwise, set->count * sizeof *admitted);
}

/* Whether <apply> in the element just opened holds another number than 0. */
static bool applies(struct xml *xml, bool *applied)
{
	char name[XML_NAME_SIZE];
	char text[32];

	while (xml_open(xml, name)) {
		if (strcmp(name, "apply") != 0) {
			if (!xml_skip(xml))
				return false;
			continue;
		}
		if (!xml_text(xml, text, sizeof text))
			return false;
		*applied = strtol(text, NULL, 10) != 0;
	}
	return xml_close(xml);
}

static bool read_goal(struct xml *xml, bool *fairness, bool *utilization)
{
	char name[XML_NAME_SIZE];

	while (xml_open(xml, name)) {
		bool *which = strcmp(name, "fairness") == 0    ? fairness :
			      strcmp(name, "utilization") == 0 ? utilization :
								 NULL;

		if (!(which != NULL ? applies(xml, which) : xml_skip(xml)))
			return false;
	}
	return xml_close(xml);
}

bool goal_parse(enum goal *goal, const char *text, size_t size, char *why, size_t why_size)
{
	struct xml xml;
	char name[XML_NAME_SIZE];
	bool fairness = false, utilization = false, well = true;

	xml_init(&xml, text, size);
	well = xml_open(&xml, name) && strcmp(name, "optimize") == 0;
	while (well && xml_open(&xml, name))
		well = strcmp(name, "goal") == 0 ? read_goal(&xml, &fairness, &utilization) :
						   xml_skip(&xml);
	if (!well || !xml_close(&xml) || !xml_done(&xml)) {
		snprintf(why, why_size, "optimize: %s", xml.why ? xml.why : "is not well formed");
		return false;
	}
	*goal = utilization ? GOAL_UTILIZATION : fairness ? GOAL_FAIRNESS : GOAL_NONE;
	return true;
}
