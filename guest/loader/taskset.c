#include "taskset.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moment.h"
#include "switches.h"
#include "xml.h"

/* Ten years: long enough, and no sum of three of them overflows. */
#define TIME_MAX_NS (INT64_C(10) * 365 * 24 * 3600 * NS_PER_S)
#define UNSET (-1)

/* Values as they are read; "_ns" wins over milliseconds whichever comes first. */
enum value {
	V_ID, V_PRIORITY, V_JOBS, V_CAPS, V_CORES, V_COREOFFSET,
	V_PERIOD, V_DEADLINE, V_OFFSET, V_EXECUTION, V_CRITICAL,
	V_PERIOD_NS, V_DEADLINE_NS, V_OFFSET_NS, V_EXECUTION_NS, V_CRITICAL_NS,
	V_COUNT,
};

#define NS_BEHIND (V_PERIOD_NS - V_PERIOD)
#define TIME_MAX_MS (TIME_MAX_NS / NS_PER_MS)

static const struct {
	const char *name;
	int64_t low, high;
} VALUES[V_COUNT] = {
	[V_ID] = { "id", 0, INT32_MAX },
	[V_PRIORITY] = { "priority", 0, PRIORITY_EDF },
	[V_JOBS] = { "numberofjobs", 0, UINT32_MAX },
	[V_CAPS] = { "caps", 0, UINT32_MAX },
	[V_CORES] = { "cores", 1, PROCESSORS_MAX },
	[V_COREOFFSET] = { "coreoffset", 0, PROCESSORS_MAX - 1 },
	[V_PERIOD] = { "period", 1, TIME_MAX_MS },
	[V_DEADLINE] = { "deadline", 0, TIME_MAX_MS },
	[V_OFFSET] = { "offset", 0, TIME_MAX_MS },
	[V_EXECUTION] = { "executiontime", 0, TIME_MAX_MS },
	[V_CRITICAL] = { "criticaltime", 0, TIME_MAX_MS },
	[V_PERIOD_NS] = { "period_ns", 1, TIME_MAX_NS },
	[V_DEADLINE_NS] = { "deadline_ns", 0, TIME_MAX_NS },
	[V_OFFSET_NS] = { "offset_ns", 0, TIME_MAX_NS },
	[V_EXECUTION_NS] = { "executiontime_ns", 0, TIME_MAX_NS },
	[V_CRITICAL_NS] = { "criticaltime_ns", 0, TIME_MAX_NS },
};

struct reader {
	struct xml xml;
	char *why;
	size_t why_size;
	size_t place; /* which task is being read */
	int64_t values[V_COUNT];
	char text[ARG1_SIZE];
};

static bool refuse(struct reader *reader, const char *element, const char *what)
{
	if (reader->why[0] == 0)
		snprintf(reader->why, reader->why_size, "task %zu: %s: %s", reader->place, element,
			 what);
	return false;
}

static bool number(struct reader *reader, enum value which)
{
	const char *text = reader->text;
	char what[96];
	char *end;
	long long value;

	if (text[0] == 0)
		return true; /* an empty element is one that is not there */
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end != 0 || end == text || value < VALUES[which].low ||
	    value > VALUES[which].high) {
		snprintf(what, sizeof what, "`%.20s` is not a whole number from %lld to %lld", text,
			 (long long)VALUES[which].low, (long long)VALUES[which].high);
		return refuse(reader, VALUES[which].name, what);
	}
	reader->values[which] = value;
	return true;
}

/* "5M", "512K", "1G" or bytes. */
static bool quota(struct reader *reader, struct task *task)
{
	char *end;
	unsigned long long value;
	unsigned shift = 0;

	if (reader->text[0] == 0)
		return true;
	errno = 0;
	value = strtoull(reader->text, &end, 10);
	if (*end == 'K' || *end == 'k')
		shift = 10;
	else if (*end == 'M' || *end == 'm')
		shift = 20;
	else if (*end == 'G' || *end == 'g')
		shift = 30;
	if (shift > 0)
		end++;
	if (errno != 0 || *end != 0 || reader->text[0] < '0' || reader->text[0] > '9' ||
	    value == 0 || value > (UINT64_C(1) << 50) >> shift)
		return refuse(reader, "quota", "is not a size such as 5M");
	task->quota = value << shift;
	return true;
}

static bool pkg(struct reader *reader, struct task *task)
{
	size_t size = strlen(reader->text);

	if (size == 0 || size >= PKG_SIZE || reader->text[0] == '.' ||
	    strchr(reader->text, '/') != NULL)
		return refuse(reader, "pkg", "is not a binary's name of 1 to 15 characters");
	memcpy(task->pkg, reader->text, size + 1);
	return true;
}

static bool overrun(struct reader *reader, struct task *task)
{
	static const char *const names[] = { "kill", "skip", "late" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(reader->text, names[i]) == 0) {
			task->overrun = (enum overrun)i;
			return true;
		}
	}
	return refuse(reader, "overrun", "is none of kill, skip, late");
}

static bool config(struct reader *reader, struct task *task)
{
	char name[XML_NAME_SIZE];

	while (xml_open(&reader->xml, name)) {
		if (strcmp(name, "arg1") != 0) {
			if (!xml_skip(&reader->xml))
				return false;
			continue;
		}
		if (!xml_text(&reader->xml, reader->text, sizeof reader->text))
			return false;
		free(task->arg1);
		task->arg1 = strdup(reader->text);
		if (task->arg1 == NULL)
			return refuse(reader, "arg1", "does not fit in memory");
	}
	return xml_close(&reader->xml);
}

static bool element(struct reader *reader, struct task *task, const char *name)
{
	if (strcmp(name, "config") == 0)
		return config(reader, task);
	for (size_t i = 0; i < V_COUNT; i++)
		if (strcmp(name, VALUES[i].name) == 0)
			return xml_text(&reader->xml, reader->text, sizeof reader->text) &&
			       number(reader, (enum value)i);
	if (strcmp(name, "pkg") == 0)
		return xml_text(&reader->xml, reader->text, sizeof reader->text) &&
		       pkg(reader, task);
	if (strcmp(name, "quota") == 0)
		return xml_text(&reader->xml, reader->text, sizeof reader->text) &&
		       quota(reader, task);
	if (strcmp(name, "overrun") == 0)
		return xml_text(&reader->xml, reader->text, sizeof reader->text) &&
		       overrun(reader, task);
	return xml_skip(&reader->xml); /* what a newer host may say */
}

static int64_t chosen(const struct reader *reader, enum value which, int64_t otherwise)
{
	return reader->values[which] == UNSET ? otherwise : reader->values[which];
}

static int64_t chosen_time(const struct reader *reader, enum value which, int64_t otherwise)
{
	int64_t exact = reader->values[which + NS_BEHIND];
	int64_t ms = reader->values[which];

	return exact != UNSET ? exact : ms != UNSET ? ms * NS_PER_MS : otherwise;
}

static bool finish(struct reader *reader, const struct taskset *set, struct task *task)
{
	int64_t last_ns;

	if (task->pkg[0] == 0)
		return refuse(reader, "pkg", "is missing");
	if (reader->values[V_ID] == UNSET)
		return refuse(reader, "id", "is missing");
	task->id = (uint32_t)reader->values[V_ID];
	for (size_t i = 0; i < set->count; i++)
		if (set->tasks[i].id == task->id)
			return refuse(reader, "id", "is another task's too");
	task->priority = (int)chosen(reader, V_PRIORITY, PRIORITY_EDF);
	task->jobs = (uint32_t)chosen(reader, V_JOBS, 1);
	task->cores = (int)chosen(reader, V_CORES, 0);
	task->coreoffset = (int)chosen(reader, V_COREOFFSET, 0);
	task->period_ns = chosen_time(reader, V_PERIOD, NS_PER_MS);
	task->deadline_ns = chosen_time(reader, V_DEADLINE, 0);
	if (task->deadline_ns == 0)
		task->deadline_ns = task->period_ns;
	task->offset_ns = chosen_time(reader, V_OFFSET, 0);
	task->executiontime_ns = chosen_time(reader, V_EXECUTION, 0);
	task->criticaltime_ns = chosen_time(reader, V_CRITICAL, 0);
	if (__builtin_mul_overflow((int64_t)task->jobs, task->period_ns, &last_ns) ||
	    last_ns > INT64_MAX / 4)
		return refuse(reader, "numberofjobs", "times the period is over 70 years");
	return true;
}

static bool read_task(struct reader *reader, struct taskset *set, struct task *task)
{
	char name[XML_NAME_SIZE];

	for (size_t i = 0; i < V_COUNT; i++)
		reader->values[i] = UNSET;
	while (xml_open(&reader->xml, name))
		if (!element(reader, task, name))
			return false;
	return xml_close(&reader->xml) && finish(reader, set, task);
}

/* Refused like a task's values, but it is the set's. */
static bool switches(struct reader *reader, struct taskset *set)
{
	char *end;
	unsigned long value;

	if (!xml_text(&reader->xml, reader->text, sizeof reader->text))
		return false;
	errno = 0;
	value = strtoul(reader->text, &end, 10);
	if (errno != 0 || *end != 0 || reader->text[0] < '0' || reader->text[0] > '9' ||
	    value > SWITCHES_MAX)
		return refuse(reader, "switches", "is not a whole number from 0 to 1048576");
	set->switches = (uint32_t)value;
	return true;
}

static bool read_set(struct reader *reader, struct taskset *set)
{
	char name[XML_NAME_SIZE];

	if (!xml_open(&reader->xml, name) || strcmp(name, "taskset") != 0)
		return refuse(reader, "taskset", "is missing");
	while (xml_open(&reader->xml, name)) {
		struct task task = { .arg1 = NULL };

		if (strcmp(name, "switches") == 0) {
			if (!switches(reader, set))
				return false;
			continue;
		}
		if (strcmp(name, "periodictask") != 0) {
			if (!xml_skip(&reader->xml))
				return false;
			continue;
		}
		if (set->count >= TASKS_MAX)
			return refuse(reader, "taskset", "has more than 256 tasks");
		if (!read_task(reader, set, &task)) {
			free(task.arg1);
			return false;
		}
		reader->place++;
		if (task.jobs == 0) /* the protocol says: a task with 0 jobs is ignored */
			free(task.arg1);
		else
			set->tasks[set->count++] = task;
	}
	return xml_close(&reader->xml) && xml_done(&reader->xml);
}

bool taskset_parse(struct taskset *set, const char *text, size_t size, char *why, size_t why_size)
{
	struct reader reader = { .why = why, .why_size = why_size };

	*set = (struct taskset){ .count = 0 };
	why[0] = 0;
	xml_init(&reader.xml, text, size);
	if (read_set(&reader, set))
		return true;
	refuse(&reader, "description", reader.xml.why ? reader.xml.why : "is not well formed");
	return false;
}

void taskset_free(struct taskset *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->tasks[i].arg1);
	set->count = 0;
}
