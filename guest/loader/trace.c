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
	bool holding; /* the buffers that are read, in `held` */
	int held[CPUS_MAX];
	unsigned switch_id, exit_id;
	size_t pid_at;  /* common_pid */
	size_t next_at; /* next_pid of sched_switch */
	size_t comm_at; /* next_comm, its name */
	int cpus;
	bool filtered; /* for so many ranks, or for all switches */
	unsigned ranks;
	bool all;
	unsigned kib;   /* of each processor's buffer */
	char own[COMM_SIZE]; /* what the kernel calls the loader's threads */
} trace;

/* The processes of the run: the place of each one's record + 1, or READY. */
static struct pids processes;
static uint64_t known;   /* all records before this place are in it */
static uint64_t learned; /* those before this one as far as they had a process */
static bool waiting;     /* not all of them had */

/* Of each processor: the place + 1 of the job that has it, 0 if none has. */
static uint64_t seated[CPUS_MAX];

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
	char filter[160];

	if (ranks < RANKS_USUAL)
		ranks = RANKS_USUAL;
	if (trace.filtered && trace.ranks == ranks && trace.all == all)
		return;
	snprintf(filter, sizeof filter,
		 "(next_prio > 0 && next_prio <= %u) || (next_prio == -1 && next_pid != %d)",
		 ranks, (int)executor_thread());
	if (all)
		snprintf(filter, sizeof filter, "0"); /* which is none */
	trace.filtered = put(TRACING "/events/sched/sched_switch/filter", "%s", filter) &&
			 put(TRACING "/events/sched/sched_switch/enable", "1");
	trace.ranks = ranks;
	trace.all = all;
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
	learned = head;
	waiting = !all_known;
}

/*
 * The place of a process' record. Jobs are let go, and get the process that they waited for, while
 * this is read.
 */
static uint64_t place_of(struct run *run, pid_t pid)
{
	uint64_t place;

	if (pid > 0 && learned != run->records.head)
		learn_all(run);
	place = pids_find(&processes, pid);
	if (pid > 0 && waiting && (place == 0 || place == READY)) {
		learn_all(run);
		place = pids_find(&processes, pid);
	}
	return place;
}

/*
 * The job that a process had then, of which a later one may be known by now. Events come in the
 * order of their times, so that the way from the job before is short.
 */
static struct record *job_of(struct run *run, uint64_t place, int64_t time_ns)
{
	struct lane *lane = &run->lanes[record_at(&run->records, place - 1)->lane];
	uint64_t at = lane->reading > run->records.tail ? lane->reading : place;
	struct record *record = record_at(&run->records, at - 1);

	while (time_ns < record->go_ns && record->earlier > run->records.tail) {
		at = record->earlier;
		record = record_at(&run->records, at - 1);
	}
	while (record->later != 0 &&
	       time_ns >= record_at(&run->records, record->later - 1)->go_ns) {
		at = record->later;
		record = record_at(&run->records, at - 1);
	}
	lane->reading = at;
	return record;
}

/* Where every switch is told, processes that are ready are the loader's. */
static void learn_ready(const struct run *run)
{
	for (size_t i = 0; run->switches.limit > 0 && i < run->count; i++) {
		const struct stock *stock = &run->lanes[i].stock;
		uint32_t made = stock->made;

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

/* When the job ended by what its process itself has noted; 0 if it has not. */
static int64_t own_end_ns(const struct run *run, const struct record *record)
{
	const struct turn *turn = run->lanes[record->lane].turn;

	if (record->own_end_ns != 0 || turn == NULL || record->later != 0 || !turn_over(turn))
		return record->own_end_ns;
	return turn_end_ns(turn) >= record->go_ns ? turn_end_ns(turn) : 0; /* not seen yet */
}

/* Before another has the processor: a job that ended its turn has left it to the kernel. */
static void close_seat(const struct reading *reading, int64_t time_ns)
{
	struct run *run = reading->run;
	uint64_t *at = &seated[reading->cpu];
	int64_t end_ns;

	if (run->switches.limit == 0)
		return;
	if (*at > run->records.tail) {
		end_ns = own_end_ns(run, record_at(&run->records, *at - 1));
		if (end_ns != 0 && end_ns < time_ns &&
		    end_ns - run->zero_ns >= run->switches.last[reading->cpu].time_ns)
			add_switch(reading, end_ns, SEAT_KERNEL, 0);
	}
	*at = 0;
}

/* A process is the loader's until it is let go, a job until its end, then the kernel's. */
static uint32_t seat_of(struct run *run, uint64_t place, pid_t pid, int64_t time_ns,
			const struct record **job)
{
	const struct record *record = job_of(run, place, time_ns);
	int64_t end_ns = own_end_ns(run, record);

	if (end_ns == 0)
		end_ns = record->end_ns;
	if (record->pid != pid) /* that of a later job, or of one before */
		return time_ns < record_at(&run->records, place - 1)->go_ns ? SEAT_LOADER :
									     SEAT_KERNEL;
	if (end_ns != 0 && time_ns >= end_ns)
		return SEAT_KERNEL;
	if (time_ns < record->go_ns)
		return SEAT_LOADER;
	*job = record;
	return run->lanes[record->lane].task->id;
}

static void note_switch(const struct reading *reading, int64_t time_ns, pid_t pid,
			const uint8_t *comm, uint64_t place)
{
	struct run *run = reading->run;
	const struct record *record = NULL;
	uint32_t seat = SEAT_KERNEL;

	close_seat(reading, time_ns);
	if (pid == 0) {
		seat = SEAT_IDLE;
	} else if (place == READY ||
		   (place == 0 && memcmp(comm, trace.own, strlen(trace.own) + 1) == 0)) {
		seat = SEAT_LOADER;
	} else if (place != 0) {
		seat = seat_of(run, place, pid, time_ns, &record);
	}
	add_switch(reading, time_ns, seat, record != NULL ? record->job : 0);
	if (record != NULL)
		seated[reading->cpu] = run->lanes[record->lane].reading;
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
	place = place_of(run, pid);
	if (!is_exit)
		note_switch(reading, time_ns, pid, event + trace.comm_at, place);
	if (place == 0 || place == READY)
		return;
	record = job_of(run, place, time_ns);
	if (is_exit) /* what is left of the process is taken apart by the kernel */
		add_switch(reading, time_ns, SEAT_KERNEL, 0);
	if (record->pid != pid)
		return; /* what was killed in place of a later turn */
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

static int open_buffer(int cpu)
{
	char path[160];

	snprintf(path, sizeof path, TRACING "/per_cpu/cpu%d/trace_pipe_raw", cpu);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/*
 * The buffers are open only while they are read, where processes are made before time zero: each
 * inherits their descriptors, and the kernel wakes a thread for each that is closed. To open and to
 * close them is a fifth of what a short set costs the host, so they are held where none is made then.
 */
void trace_hold(void)
{
	for (int i = 0; trace.open && i < trace.cpus; i++)
		trace.held[i] = open_buffer(i);
	trace.holding = trace.open;
}

void trace_let_go(void)
{
	for (int i = 0; trace.holding && i < trace.cpus; i++)
		close(trace.held[i]);
	trace.holding = false;
}

static void read_all(ringpage_event *each, struct run *run)
{
	static uint8_t page[PAGE_MAX];

	for (int i = 0; i < trace.cpus; i++) {
		struct reading reading = { .run = run, .cpu = (unsigned)i };
		bool held = trace.holding && trace.held[i] >= 0;
		int buffer = held ? trace.held[i] : open_buffer(i);
		ssize_t size;
		int64_t begin_ns;

		while (buffer >= 0 && (size = read(buffer, page, sizeof page)) > 0) {
			if (run != NULL && ringpage_lost(page, (size_t)size, &begin_ns) &&
			    begin_ns > run->zero_ns)
				run->switches.lost = true;
			ringpage_read(page, (size_t)size, each, &reading);
		}
		if (!held)
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
	known = learned = 0;
	waiting = false;
	memset(seated, 0, sizeof seated);
	if (!pids_init(&processes,
		       run->records.size + (run->switches.limit > 0 ? STOCK_TOTAL : 0)))
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
