#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "executor.h"
#include "ringpage.h"

#define TRACING "/sys/kernel/tracing"
#define BUFFER_KIB "1024" /* 6,000 jobs and more; each page of it costs time at the start */
#define PROBE "jobs/exit"
#define PAGE_MAX (64 * 1024)
#define CPUS_MAX 64

/* Where the events keep what we read, from their `format` files. */
static struct {
	bool open;
	unsigned switch_id, exit_id;
	size_t pid_at;  /* common_pid */
	size_t next_at; /* next_pid of sched_switch */
	int cpus;
	char filter[160];
} trace;

/* pid -> place of its record + 1, by open addressing; emptied for each run. */
static struct {
	struct {
		pid_t pid;
		uint64_t place;
	} *cells;
	uint64_t size;
	uint64_t used;
	uint64_t known; /* all records before this place are in it */
} jobs;

static bool put(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool put(const char *path, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_APPEND);
	bool done;

	if (descriptor < 0)
		return false;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	done = write(descriptor, text, strlen(text)) >= 0;
	close(descriptor);
	return done;
}

/* The number behind `key` in an event's format file; -1 if there is none. */
static long format_number(const char *event, const char *key, const char *within)
{
	char path[160];
	static char text[8192];
	const char *found = text;
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, TRACING "/events/%s/format", event);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	size = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[size] = 0;
	if (within != NULL)
		found = strstr(text, within);
	if (found != NULL)
		found = strstr(found, key);
	return found ? strtol(found + strlen(key), NULL, 10) : -1;
}

static bool layout(void)
{
	long switch_id = format_number("sched/sched_switch", "ID: ", NULL);
	long exit_id = format_number(PROBE, "ID: ", NULL);
	long pid_at = format_number("sched/sched_switch", "offset:", "common_pid;");
	long next_at = format_number("sched/sched_switch", "offset:", "next_pid;");

	if (switch_id < 0 || exit_id < 0 || pid_at < 0 || next_at < 0)
		return false;
	trace.switch_id = (unsigned)switch_id;
	trace.exit_id = (unsigned)exit_id;
	trace.pid_at = (size_t)pid_at;
	trace.next_at = (size_t)next_at;
	return true;
}

static bool set_up(void)
{
	/* the entry of do_exit is the end of a job's own work; its memory goes after that */
	if (!put(TRACING "/kprobe_events", "p:" PROBE " do_exit\n"))
		return false;
	put(TRACING "/options/record-cmd", "0"); /* names of tasks, noted at each switch */
	if (!put(TRACING "/trace_clock", "mono") ||
	    !put(TRACING "/buffer_size_kb", BUFFER_KIB) || !layout())
		return false;
	return put(TRACING "/events/" PROBE "/enable", "1");
}

void trace_open(void)
{
	trace.cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (trace.cpus > CPUS_MAX)
		trace.cpus = CPUS_MAX;
	if (!set_up()) {
		say("no trace: jobs are stamped by the loader itself (%s)", strerror(errno));
		return;
	}
	trace.open = true;
}

/* Only switches to jobs: their priorities are next to the executor's in the kernel's count. */
static void set_filter(const struct run *run)
{
	char filter[sizeof trace.filter];

	snprintf(filter, sizeof filter,
		 "(next_prio > 0 && next_prio <= %u) || (next_prio == -1 && next_pid != %d)",
		 run->ranks, (int)executor_thread());
	if (strcmp(filter, trace.filter) == 0)
		return;
	if (put(TRACING "/events/sched/sched_switch/filter", "%s", filter) &&
	    put(TRACING "/events/sched/sched_switch/enable", "1"))
		memcpy(trace.filter, filter, sizeof filter);
}

static struct record *find(struct run *run, pid_t pid)
{
	for (uint64_t i = (uint64_t)pid;; i++) {
		uint64_t cell = i & (jobs.size - 1);

		if (jobs.cells[cell].place == 0)
			return NULL;
		if (jobs.cells[cell].pid == pid)
			return record_at(&run->records, jobs.cells[cell].place - 1);
	}
}

static void learn(uint64_t place, pid_t pid)
{
	uint64_t i = (uint64_t)pid;

	while (jobs.cells[i & (jobs.size - 1)].place != 0 && jobs.cells[i & (jobs.size - 1)].pid != pid)
		i++;
	if (jobs.cells[i & (jobs.size - 1)].place == 0)
		jobs.used++;
	jobs.cells[i & (jobs.size - 1)].pid = pid;
	jobs.cells[i & (jobs.size - 1)].place = place + 1;
}

/* Takes in the records that are new, up to the first that still waits for its process. */
static void learn_all(struct run *run)
{
	uint64_t head = run->records.head;
	bool all_known = true;

	if (jobs.used * 2 > jobs.size || jobs.known < run->records.tail) {
		memset(jobs.cells, 0, jobs.size * sizeof *jobs.cells);
		jobs.used = 0;
		jobs.known = run->records.tail;
	}
	for (uint64_t place = jobs.known; place < head; place++) {
		const struct record *record = record_at(&run->records, place);

		if (record->pid > 0)
			learn(place, record->pid);
		all_known = all_known && record->pid != 0;
		if (all_known)
			jobs.known = place + 1;
	}
}

static void take(void *context, int64_t time_ns, const uint8_t *event, size_t size)
{
	struct run *run = context;
	struct record *record;
	uint16_t id;
	int32_t pid;
	bool is_exit;

	if (size < sizeof id)
		return;
	memcpy(&id, event, sizeof id);
	is_exit = id == trace.exit_id;
	if (!is_exit && id != trace.switch_id)
		return;
	if (size < (is_exit ? trace.pid_at : trace.next_at) + sizeof pid)
		return;
	memcpy(&pid, event + (is_exit ? trace.pid_at : trace.next_at), sizeof pid);
	record = pid > 0 ? find(run, pid) : NULL;
	if (record == NULL)
		return;
	if (is_exit)
		record->end_ns = time_ns;
	else if (time_ns >= record->go_ns &&
		 (record->start_ns == 0 || time_ns < record->start_ns))
		record->start_ns = time_ns;
}

static void ignore(void *context, int64_t time_ns, const uint8_t *event, size_t size)
{
	(void)context;
	(void)time_ns;
	(void)event;
	(void)size;
}

/*
 * The buffers are open only while they are read: every process that is made meanwhile
 * inherits their descriptors, and the kernel wakes a thread for each that is closed.
 */
static void read_all(ringpage_event *each, struct run *run)
{
	static uint8_t page[PAGE_MAX];

	for (int i = 0; i < trace.cpus; i++) {
		char path[160];
		int buffer;
		ssize_t size;

		snprintf(path, sizeof path, TRACING "/per_cpu/cpu%d/trace_pipe_raw", i);
		buffer = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		while (buffer >= 0 && (size = read(buffer, page, sizeof page)) > 0)
			ringpage_read(page, (size_t)size, each, run);
		close(buffer);
	}
}

void trace_begin(const struct run *run)
{
	if (!trace.open)
		return;
	set_filter(run);
	read_all(ignore, NULL);
	free(jobs.cells);
	jobs.size = run->records.size * 4;
	jobs.used = jobs.known = 0;
	jobs.cells = calloc(jobs.size, sizeof *jobs.cells);
}

void trace_drain(struct run *run)
{
	if (!trace.open || jobs.cells == NULL)
		return;
	learn_all(run);
	read_all(take, run);
}
