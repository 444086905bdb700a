#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admission.h"
#include "binaries.h"
#include "canary.h"
#include "console.h"
#include "executor.h"
#include "keeper.h"
#include "moment.h"
#include "preparer.h"
#include "report.h"
#include "rescuer.h"
#include "run.h"
#include "standby.h"
#include "taskset.h"
#include "trace.h"
#include "wire.h"

/*
 * Time zero lies at least this far ahead, on a multiple of ZERO_STEP_NS. All usual tick rates have
 * whole numbers of ticks in that step, so that ticks fall on the same moments of each run; and
 * often on those of releases, which saves the host an interrupt. Real time may hold us up meanwhile.
 */
#define ZERO_AHEAD_NS NS_PER_MS
#define ZERO_AHEAD_REAL_NS (5 * NS_PER_MS)
#define ZERO_STEP_NS (20 * NS_PER_MS)

/* What waits for the host to read it; beyond that, frames stay records. */
#define OUT_MAX (4U << 20)

static struct wire wire;
static struct binary binary = { .file = -1 };
static struct taskset described; /* what the next START runs */
static enum goal goal;           /* of its admission control */
static struct run run;           /* run.count is 0 when there is none */
static bool virtual_clock;
static int news_end;

void session_init(bool is_virtual, int news)
{
	virtual_clock = is_virtual;
	news_end = news;
	wire_init(&wire);
	report_prepare(virtual_clock);
}

void session_open(void)
{
	wire_free(&wire);
}

static void copy_set(struct taskset *to, const struct taskset *from)
{
	*to = *from;
	for (size_t i = 0; i < from->count; i++) {
		if (from->tasks[i].arg1 == NULL)
			continue;
		to->tasks[i].arg1 = strdup(from->tasks[i].arg1);
		if (to->tasks[i].arg1 == NULL)
			fatal("no memory is left for a task set");
	}
}

/*
 * In virtual time, where waiting costs nothing, it is as far ahead again as it took to get ready: on a
 * slow processor all takes longer.
 */
static int64_t choose_zero(int64_t begun_ns)
{
	int64_t ready_ns = now_ns();
	int64_t ahead_ns = ZERO_AHEAD_REAL_NS;

	if (virtual_clock)
		ahead_ns = ready_ns - begun_ns > ZERO_AHEAD_NS ? ready_ns - begun_ns : ZERO_AHEAD_NS;
	return ((ready_ns + ahead_ns) / ZERO_STEP_NS + 1) * ZERO_STEP_NS;
}

/* Admission control, among the tasks that this machine can run at all. */
static void admit(void)
{
	static bool candidate[TASKS_MAX], admitted[TASKS_MAX];

	for (size_t i = 0; i < run.count; i++)
		candidate[i] = run.lanes[i].refusal == NULL;
	admission_decide(&run.set, candidate, (int)sysconf(_SC_NPROCESSORS_ONLN), goal, admitted);
	for (size_t i = 0; i < run.count; i++) {
		if (!candidate[i] || admitted[i])
			continue;
		run.lanes[i].not_admitted = true;
		lane_refuse(&run.lanes[i], "with it, deadlines could be missed");
	}
}

static void start(void)
{
	int64_t begun_ns = now_ns();
	struct taskset set;

	if (run.count > 0) {
		say("START is ignored: a task set is running");
		return;
	}
	if (described.count == 0) {
		say("START is ignored: there is no task set");
		return;
	}
	/* first of all: though it is below the preparer's children, it would take turns */
	keeper_pause();
	copy_set(&set, &described);
	if (!run_init(&run, &set, virtual_clock))
		fatal("no memory is left for a task set's records");
	if (goal != GOAL_NONE)
		admit();
	run.notify = news_end;
	trace_begin(&run);
	preparer_fill(&run);
	rescuer_begin(&run);
	run.zero_ns = choose_zero(begun_ns);
	if (!virtual_clock)
		canary_begin(&run);
	executor_begin(&run);
}

/* Every process but this one ends: prepared ones, and what jobs have left behind. */
static void end_processes(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	standby_empty();
}

/* The run is over: nothing of it stays but what `out` holds. */
static void finish(void)
{
	canary_rest();
	preparer_leave();
	rescuer_leave();
	end_processes();
	run_free(&run);
	taskset_free(&run.set);
}

static void tell(struct buffer *out)
{
	while (out->size < OUT_MAX && report_events(&run, out, virtual_clock))
		;
}

bool session_tell(struct buffer *out)
{
	bool over = run.over;

	if (run.count == 0)
		return true;
	if (over)
		keeper_go_on();
	else if (run.quiet && run.records.head > 0 &&
		 run.records.head - run.records.tail < run.records.size / 4 * 3)
		trace_drain(&run);
	if (over || !run.quiet || run.records.head - run.records.tail >= run.records.size / 4 * 3)
		tell(out);
	if (!over || run.records.head != run.records.tail)
		return false;
	/* after all jobs: who asked for switches waits for their end */
	while (out->size < OUT_MAX && report_switches(&run, out, virtual_clock))
		;
	if (run.switches.limit > 0 && !run.switches.end_told)
		return false;
	if (run.full)
		say("the set was stopped: more jobs than there is memory for had to be told");
	run_print_output(&run);
	return true;
}

void session_news(struct buffer *out)
{
	if (run.count > 0 && session_tell(out))
		finish();
}

static void stop(void)
{
	if (run.count == 0)
		return;
	run.stop = true;
	executor_wake();
}

/* Stops what runs and waits for its end; its last events go to `out`. */
static void stop_and_wait(struct buffer *out)
{
	stop();
	while (run.count > 0) {
		struct pollfd news = { .fd = news_end, .events = POLLIN };
		uint64_t count;

		if (!run.over && poll(&news, 1, -1) > 0 && read(news_end, &count, sizeof count) < 0)
			continue;
		if (!run.over)
			continue;
		keeper_go_on();
		while (report_events(&run, out, virtual_clock))
			;
		run_print_output(&run);
		finish();
	}
}

void session_close(void)
{
	struct buffer nobody = { .bytes = NULL };

	stop_and_wait(&nobody);
	buffer_free(&nobody);
	binary_drop(&binary);
	taskset_free(&described);
	goal = GOAL_NONE;
	wire_free(&wire);
}

static bool describe(const struct wire_item *item)
{
	char why[160];

	taskset_free(&described);
	if (taskset_parse(&described, (const char *)item->data, item->size, why, sizeof why))
		return true;
	taskset_free(&described);
	say("the connection is closed: %s", why);
	return false;
}

static bool set_goal(const struct wire_item *item)
{
	char why[160];

	if (goal_parse(&goal, (const char *)item->data, item->size, why, sizeof why))
		return true;
	say("the connection is closed: %s", why);
	return false;
}

static void restart_machine(void)
{
	say("restarts");
	sync();
	reboot(RB_AUTOBOOT);
}

static bool obey(const struct wire_item *item, struct buffer *out)
{
	uint8_t word[4];

	switch (item->word) {
	case WORD_SEND_DESCS:
		return describe(item);
	case WORD_CLEAR:
		stop_and_wait(out);
		taskset_free(&described);
		goal = GOAL_NONE;
		break;
	case WORD_START:
		start();
		break;
	case WORD_STOP:
		stop();
		break;
	case WORD_GET_PROFILE:
		report_profile(out);
		break;
	case WORD_GET_LIVE:
		report_live(run.count > 0 ? &run : NULL, out);
		break;
	case WORD_AVAILABLE:
		put_word(word, WORD_AVAILABLE);
		buffer_add(out, word, sizeof word);
		break;
	case WORD_REBOOT:
		restart_machine();
		break;
	case WORD_OPTIMIZE:
		return set_goal(item);
	default:
		break;
	}
	return true;
}

bool session_feed(const uint8_t *bytes, size_t size, struct buffer *out)
{
	struct wire_item item;
	uint8_t word[4];

	do {
		wire_next(&wire, &bytes, &size, &item);
		switch (item.kind) {
		case WIRE_MORE:
			break;
		case WIRE_COMMAND:
			if (!obey(&item, out))
				return false;
			break;
		case WIRE_ASK:
			put_word(word, WORD_GO_SEND);
			buffer_add(out, word, sizeof word);
			break;
		case WIRE_BINARY:
			binary_begin(&binary, item.name);
			break;
		case WIRE_CHUNK:
			binary_add(&binary, item.data, item.size);
			break;
		case WIRE_STORED:
			binary_end(&binary);
			break;
		case WIRE_BAD:
			say("the connection is closed: the host sent %s", item.why);
			return false;
		}
	} while (item.kind != WIRE_MORE);
	return true;
}
