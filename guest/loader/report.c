#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "canary.h"
#include "console.h"
#include "moment.h"
#include "process.h"
#include "trace.h"
#include "wire.h"

/* Events sorted into one batch; a frame ends at about FRAME_BYTES. */
#define ITEMS_MAX 32768
#define FRAME_BYTES (256 * 1024)

enum part { STARTED, ENDED, ALL_DONE };

/* One event on its way into a frame. */
struct item {
	int64_t time_ns;
	uint64_t order; /* keeps events of one moment in the order of their records */
	const struct record *record;
	enum part part;
};

static const char *const NAMES[] = {
	[EXIT] = "EXIT",
	[EXIT_CRITICAL] = "EXIT_CRITICAL",
	[EXIT_EXTERNAL] = "EXIT_EXTERNAL",
	[EXIT_PERIOD] = "EXIT_PERIOD",
	[OUT_OF_QUOTA] = "OUT_OF_QUOTA",
	[EXIT_ERROR] = "EXIT_ERROR",
	[JOBS_DONE] = "JOBS_DONE",
	[NOT_SCHEDULED] = "NOT_SCHEDULED",
};

static const char *clock_name(bool virtual_clock)
{
	return virtual_clock ? "virtual" : "real";
}

/* A frame's size stands before it and counts the final NUL. */
static size_t open_frame(struct buffer *out)
{
	uint8_t size[4] = { 0 };

	buffer_add(out, size, sizeof size);
	return out->size;
}

static void close_frame(struct buffer *out, size_t begin)
{
	buffer_add(out, "", 1);
	put_word(out->bytes + begin - 4, (uint32_t)(out->size - begin));
}

static int in_time(const void *left, const void *right)
{
	const struct item *a = left;
	const struct item *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/*
 * A job that had the turn has told its own moments. An event that the trace lost is stamped with
 * what the loader itself saw.
 */
static void settle(struct run *run, struct record *record)
{
	if (record->own_end_ns != 0) {
		record->end_ns = record->own_end_ns;
		/* there is no switch to who has not slept, or only a later one */
		if (record->start_ns == 0 || record->start_ns > record->own_start_ns)
			record->start_ns = record->own_start_ns;
		return;
	}
	if (record->end_ns == 0 || record->start_ns == 0)
		trace_drain(run);
	if (record->end_ns == 0)
		record->end_ns = record->seen_ns;
	if (record->start_ns == 0 || record->start_ns > record->end_ns)
		record->start_ns = record->go_ns < record->end_ns ? record->go_ns : record->end_ns;
}

/*
 * Whether the job has begun by what its process itself has noted, if it does: a switch to that may
 * also be one to the end of its turn before.
 */
static bool has_begun(const struct run *run, const struct record *record)
{
	const struct turn *turn = run->lanes[record->lane].turn;

	return turn == NULL || (record->later == 0 && record->start_ns <= turn_start_ns(turn));
}

/*
 * Each processor has a trace of its own, and they are read one after the other: what one of them
 * says may be preceded by what another, read before it, says by now. So all is read once more
 * before anything is told of what is known here.
 */
static void note_known(struct run *run)
{
	struct records *records = &run->records;
	uint64_t head = records->head;

	for (uint64_t place = records->tail; place < head; place++) {
		struct record *record = record_at(records, place);

		record->begun = record->start_ns != 0 && has_begun(run, record);
		record->ended = atomic_load_explicit(&record->outcome, memory_order_acquire) !=
				RUNNING;
	}
}

/* A switch that comes after the job's end is none to its start: that one has been lost. */
static bool start_known(const struct record *record)
{
	return record->ended ||
	       (record->begun && (record->end_ns == 0 || record->start_ns <= record->end_ns));
}

/* A job has two events. */
static size_t items_room(const struct run *run)
{
	uint64_t most = 2 * (run->records.head - run->records.tail);

	return most < ITEMS_MAX ? (size_t)most + 2 : ITEMS_MAX;
}

static size_t collect(struct run *run, struct item *items, size_t room)
{
	struct records *records = &run->records;
	uint64_t head = records->head;
	size_t count = 0;

	for (uint64_t place = records->tail; place < head && count + 2 <= room; place++) {
		struct record *record = record_at(records, place);
		struct lane *lane = &run->lanes[record->lane];
		unsigned char outcome = record->ended ? record->outcome : RUNNING;

		if (record->told)
			continue;
		if (outcome == JOBS_DONE || outcome == NOT_SCHEDULED) {
			int64_t time_ns = lane->last_end_ns ? lane->last_end_ns : record->seen_ns;

			items[count++] = (struct item){ time_ns, 4 * place + 3, record, ALL_DONE };
			record->told = true;
			continue;
		}
		if (outcome != RUNNING)
			settle(run, record);
		if (!record->start_told && start_known(record)) {
			items[count++] = (struct item){ record->start_ns, 4 * place, record,
							STARTED };
			record->start_told = true;
		}
		if (outcome != RUNNING) {
			items[count++] = (struct item){ record->end_ns, 4 * place + 1, record,
							ENDED };
			lane->last_end_ns = record->end_ns;
			record->told = true;
		}
	}
	return count;
}

static void print_event(const struct run *run, struct buffer *out, const struct item *item)
{
	const struct record *record = item->record;
	const char *type = item->part == STARTED ? "START" :
						    NAMES[record->outcome];

	buffer_print(out, "<event type=\"%s\" task-id=\"%u\" time-stamp=\"%lld\" time-ns=\"%lld\"",
		     type, run->lanes[record->lane].task->id,
		     (long long)(item->time_ns / NS_PER_MS),
		     (long long)(item->time_ns - run->zero_ns));
	if (item->part != ALL_DONE)
		buffer_print(out, " job=\"%u\" release-ns=\"%lld\"", record->job,
			     (long long)(record->release_ns - run->zero_ns));
	if (item->part == ENDED)
		buffer_print(out, " exit=\"%d\"", record->exit);
	if (item->part == STARTED && record->cold)
		buffer_print(out, " cold=\"1\"");
	buffer_print(out, "/>");
}

static void print_frames(const struct run *run, struct buffer *out, const struct item *items,
			 size_t count, bool virtual_clock)
{
	int64_t late_ns = canary_late_ns();
	size_t i = 0;

	while (i < count) {
		size_t begin = open_frame(out);

		buffer_print(out, "<profile zero-ns=\"%lld\" clock=\"%s\"",
			     (long long)run->zero_ns, clock_name(virtual_clock));
		if (late_ns >= 0)
			buffer_print(out, " late-ns=\"%lld\"", (long long)late_ns);
		buffer_print(out, "><events>");
		while (i < count && out->size - begin < FRAME_BYTES)
			print_event(run, out, &items[i++]);
		buffer_print(out, "</events></profile>");
		close_frame(out, begin);
	}
}

/* Told records make room for new ones, as far as all before them are told. */
static void forget(struct records *records)
{
	uint64_t head = records->head;
	uint64_t tail = records->tail;

	while (tail < head && record_at(records, tail)->told)
		tail++;
	records->tail = tail;
}

bool report_events(struct run *run, struct buffer *out, bool virtual_clock)
{
	struct item *items;
	size_t room;
	size_t count;

	note_known(run);
	trace_drain(run);
	room = items_room(run);
	items = malloc(room * sizeof *items);
	if (items == NULL)
		fatal("no memory is left for what the host is to be told");
	count = collect(run, items, room);
	qsort(items, count, sizeof *items, in_time);
	print_frames(run, out, items, count, virtual_clock);
	free(items);
	forget(&run->records);
	return count > 0;
}

bool report_switches(struct run *run, struct buffer *out, bool virtual_clock)
{
	size_t begin;

	if (run->switches.limit == 0 || run->switches.end_told)
		return false;
	begin = open_frame(out);
	buffer_print(out, "<profile zero-ns=\"%lld\" clock=\"%s\">", (long long)run->zero_ns,
		     clock_name(virtual_clock));
	switches_print(&run->switches, out, FRAME_BYTES);
	buffer_print(out, "</profile>");
	close_frame(out, begin);
	return true;
}

static struct buffer profile;

void report_prepare(bool virtual_clock)
{
	struct utsname names;
	size_t begin = open_frame(&profile);

	uname(&names);
	buffer_print(&profile,
		     "<profile loader=\"distributor " LOADER_VERSION
		     "\" kernel=\"%s\" clock=\"%s\" cpus=\"%d\"/>",
		     names.release, clock_name(virtual_clock), process_processors());
	close_frame(&profile, begin);
}

void report_profile(struct buffer *out)
{
	buffer_add(out, profile.bytes, profile.size);
}

void report_live(struct run *run, struct buffer *out)
{
	size_t begin = open_frame(out);

	buffer_print(out, "<live>");
	for (size_t i = 0; run != NULL && i < run->count; i++)
		if (run->lanes[i].started > run->lanes[i].ended)
			buffer_print(out, "<task id=\"%u\" job=\"%u\"/>", run->lanes[i].task->id,
				     run->lanes[i].ended);
	buffer_print(out, "</live>");
	close_frame(out, begin);
}
