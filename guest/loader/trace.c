#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "executor.h"
#include "pids.h"
#include "process.h"
#include "ringpage.h"

#define TRACING "/sys/kernel/tracing"
#define BUFFER_KIB 1024U /* 6,000 jobs and more; each page of it costs time at the start */
/* With every switch in it: 60,000 of them on each of two processors, 15,000 on each of eight. */
#define BUFFERS_KIB_SWITCHES 8192U
#define BUFFER_KIB_SWITCHES_MAX 4096U
#define PROBE "jobs/exit"
#define PAGE_MAX (64 * 1024)
#define CPUS_MAX SWITCHES_CPUS
#define RANKS_USUAL 48
#define COMM_SIZE 16 /* the kernel's TASK_COMM_LEN */

/* Where the events keep what we read, from their `format` files. */
static struct {
	bool open;
	unsigned switch_id, exit_id;
	size_t pid_at;  /* common_pid */
	size_t next_at; /* next_pid of sched_switch */
	size_t comm_at; /* next_comm, its name */
	int cpus;
	char filter[160];
	unsigned kib;   /* of each processor's buffer */
	char own[COMM_SIZE]; /* what the kernel calls the loader's threads */
} trace;

/* The processes of the run: the place of each one's record + 1, or READY. */
static struct pids processes;
static uint64_t known; /* all records before this place are in it */

/* The place of a process that is ready, and the job of no record yet. */
#define READY UINT64_MAX

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
	long comm_at = format_number("sched/sched_switch", "offset:", "next_comm[16];");

	if (switch_id < 0 || exit_id < 0 || pid_at < 0 || next_at < 0 || comm_at < 0)
		return false;
	trace.switch_id = (unsigned)switch_id;
	trace.exit_id = (unsigned)exit_id;
	trace.pid_at = (size_t)pid_at;
	trace.next_at = (size_t)next_at;
	trace.comm_at = (size_t)comm_at;
	return true;
}

static bool set_room(unsigned kib)
{
	if (trace.kib == kib)
		return true;
	if (!put(TRACING "/buffer_size_kb", "%u", kib))
		return false;
	trace.kib = kib;
	return true;
}

static bool set_up(void)
{
	/* the entry of do_exit is the end of a job's own work; its memory goes after that */
	if (!put(TRACING "/kprobe_events", "p:" PROBE " do_exit\n"))
		return false;
	put(TRACING "/options/record-cmd", "0"); /* names of tasks, noted at each switch */
	if (!put(TRACING "/trace_clock", "mono") || !set_room(BUFFER_KIB) || !layout())
		return false;
	return put(TRACING "/events/" PROBE "/enable", "1");
}

/*
 * Only switches to jobs, unless all are asked for: the jobs' priorities are next to the
 * executor's in the kernel's count. For up to RANKS_USUAL of them the filter stays as it is
 * from the start, since a new one costs time; above begin the kernel's own threads.
 */
static void set_filter(unsigned ranks, bool all)
{
	char filter[sizeof trace.filter];

	snprintf(filter, sizeof filter,
		 "(next_prio > 0 && next_prio <= %u) || (next_prio == -1 && next_pid != %d)",
		 ranks > RANKS_USUAL ? ranks : RANKS_USUAL, (int)executor_thread());
	if (all)
		snprintf(filter, sizeof filter, "0"); /* which is none */
	if (strcmp(filter, trace.filter) == 0)
		return;
	if (put(TRACING "/events/sched/sched_switch/filter", "%s", filter) &&
	    put(TRACING "/events/sched/sched_switch/enable", "1"))
		memcpy(trace.filter, filter, sizeof filter);
}

void trace_open(void)
{
	trace.cpus = process_processors();
	if (trace.cpus > CPUS_MAX)
		trace.cpus = CPUS_MAX;
	if (!set_up()) {
		say("no trace: jobs are stamped by the loader itself (%s)", strerror(errno));
		return;
	}
	prctl(PR_GET_NAME, trace.own);
	set_filter(0, false);
	trace.open = true;
}

/* Takes in the records that are new, up to the first that still waits for its process. */
static void learn_all(struct run *run)
{
	uint64_t head = run->records.head;
	bool all_known = true;

	if (pids_full(&processes) || known < run->records.tail) {
		pids_clear(&processes);
		known = run->records.tail;
	}
	for (uint64_t place = known; place < head; place++) {
		const struct record *record = record_at(&run->records, place);

		if (record->pid > 0)
			pids_learn(&processes, record->pid, place + 1);
		/* a job that still waits for its process has none, as has what is no job */
		all_known = all_known && (record->pid != 0 || record->outcome != RUNNING);
		if (all_known)
			known = place + 1;
	}
}

/* Where every switch is told, job servers and processes that are ready are the loader's. */
static void learn_ready(const struct run *run)
{
	for (size_t i = 0; run->switches.limit > 0 && i < run->count; i++) {
		const struct stock *stock = &run->lanes[i].stock;
		uint32_t made = stock->made;

		for (unsigned maker = 0; maker < MAKERS; maker++)
			pids_learn(&processes, run->lanes[i].servers[maker].pid, READY);
		for (uint32_t ready = stock->used; ready != made; ready++)
			if (pids_find(&processes, stock->ready[ready % STOCK_MAX]) == 0)
				pids_learn(&processes, stock->ready[ready % STOCK_MAX], READY);
	}
}

/* One page's way to the records and switches of a run. */
struct reading {
	struct run *run;
	unsigned cpu;
};

static void add_switch(const struct reading *reading, int64_t time_ns, uint32_t task, uint32_t job)
{
	switches_add(&reading->run->switches, reading->cpu, time_ns - reading->run->zero_ns, task,
		     job);
}

/* A process is the loader's until it is let go, a job until its end, then the kernel's. */
static void note_switch(const struct reading *reading, int64_t time_ns, pid_t pid,
			const uint8_t *comm, uint64_t place)
{
	const struct run *run = reading->run;
	const struct record *record;

	if (pid == 0) {
		add_switch(reading, time_ns, SEAT_IDLE, 0);
	} else if (place == READY ||
		   (place == 0 && memcmp(comm, trace.own, strlen(trace.own) + 1) == 0)) {
		add_switch(reading, time_ns, SEAT_LOADER, 0);
	} else if (place == 0) {
		add_switch(reading, time_ns, SEAT_KERNEL, 0);
	} else {
		record = record_at(&run->records, place - 1);
		if (record->pid != pid || (record->end_ns != 0 && time_ns >= record->end_ns))
			add_switch(reading, time_ns, SEAT_KERNEL, 0);
		else if (time_ns < record->go_ns)
			add_switch(reading, time_ns, SEAT_LOADER, 0);
		else
			add_switch(reading, time_ns, run->lanes[record->lane].task->id,
				   record->job);
	}
}

static void take(void *context, int64_t time_ns, const uint8_t *event, size_t size)
{
	const struct reading *reading = context;
	struct run *run = reading->run;
	struct record *record;
	uint64_t place;
	uint16_t id;
	int32_t pid;
	bool is_exit;

	if (size < sizeof id)
		return;
	memcpy(&id, event, sizeof id);
	is_exit = id == trace.exit_id;
	if (!is_exit && id != trace.switch_id)
		return;
	if (size < (is_exit ? trace.pid_at : trace.next_at) + sizeof pid ||
	    (!is_exit && size < trace.comm_at + COMM_SIZE))
		return;
	memcpy(&pid, event + (is_exit ? trace.pid_at : trace.next_at), sizeof pid);
	place = pids_find(&processes, pid);
	if (pid > 0 && (place == 0 || place == READY) && known != run->records.head) {
		/* a job that was let go while this was read: its record precedes its event */
		learn_all(run);
		place = pids_find(&processes, pid);
	}
	if (!is_exit)
		note_switch(reading, time_ns, pid, event + trace.comm_at, place);
	if (place == 0 || place == READY)
		return;
	record = record_at(&run->records, place - 1);
	if (is_exit) {
		record->end_ns = time_ns;
		/* what is left of the process is taken apart by the kernel */
		add_switch(reading, time_ns, SEAT_KERNEL, 0);
	} else if (time_ns >= record->go_ns &&
		   (record->start_ns == 0 || time_ns < record->start_ns)) {
		record->start_ns = time_ns;
	}
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
		struct reading reading = { .run = run, .cpu = (unsigned)i };
		char path[160];
		int buffer;
		ssize_t size;
		int64_t begin_ns;

		snprintf(path, sizeof path, TRACING "/per_cpu/cpu%d/trace_pipe_raw", i);
		buffer = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		while (buffer >= 0 && (size = read(buffer, page, sizeof page)) > 0) {
			if (run != NULL && ringpage_lost(page, (size_t)size, &begin_ns) &&
			    begin_ns > run->zero_ns)
				run->switches.lost = true;
			ringpage_read(page, (size_t)size, each, &reading);
		}
		close(buffer);
	}
}

/* The kernel's buffers hold what comes between two readings. */
static void make_room(const struct run *run)
{
	unsigned kib = BUFFERS_KIB_SWITCHES / (unsigned)trace.cpus;

	if (run->switches.limit == 0 || kib < BUFFER_KIB)
		kib = BUFFER_KIB;
	set_room(kib < BUFFER_KIB_SWITCHES_MAX ? kib : BUFFER_KIB_SWITCHES_MAX);
}

void trace_begin(struct run *run)
{
	if (!trace.open) {
		run->switches.lost = true;
		return;
	}
	make_room(run);
	set_filter(run->ranks, run->switches.limit > 0);
	if (run->switches.limit > 0) /* otherwise there is room for what was left */
		read_all(ignore, NULL);
	known = 0;
	if (!pids_init(&processes,
		       run->records.size + (run->switches.limit > 0 ? STOCK_TOTAL + MAKERS * TASKS_MAX : 0)))
		fatal("no memory is left for the trace");
}

void trace_drain(struct run *run)
{
	bool over = run->over;

	if (!trace.open)
		return;
	learn_all(run);
	learn_ready(run);
	read_all(take, run);
	/* what the loader does from now on is to tell the host */
	run->switches.closed = over;
}
