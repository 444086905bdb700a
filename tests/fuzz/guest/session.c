/*
 * A whole session: any bytes from a host, and then it goes. Everything that session.c would
 * have done to the machine is noted instead; session.c itself is built with its calls to the
 * kernel renamed (Makefile).
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "binaries.h"
#include "canary.h"
#include "executor.h"
#include "keeper.h"
#include "preparer.h"
#include "report.h"
#include "require.h"
#include "rescuer.h"
#include "run.h"
#include "standby.h"
#include "trace.h"

static bool running, receiving;
static size_t received;

int pretend_kill(pid_t pid, int signal);
pid_t pretend_waitpid(pid_t pid, int *status, int options);
int pretend_reboot(int how);
void pretend_sync(void);

int pretend_kill(pid_t pid, int signal)
{
	(void)pid;
	(void)signal;
	return 0;
}

pid_t pretend_waitpid(pid_t pid, int *status, int options)
{
	(void)pid;
	(void)status;
	(void)options;
	errno = ECHILD;
	return -1;
}

int pretend_reboot(int how)
{
	(void)how;
	return 0;
}

void pretend_sync(void) {}

bool run_init(struct run *run, struct taskset *set, bool quiet)
{
	require(!running && set->count > 0 && set->count <= TASKS_MAX);
	memset(run, 0, sizeof *run);
	run->set = *set;
	run->count = set->count;
	run->quiet = quiet;
	running = true;
	return true;
}

void run_free(struct run *run)
{
	require(running);
	running = false;
	run->count = 0;
}

void run_print_output(struct run *run)
{
	require(running && run->count > 0);
}

void lane_refuse(struct lane *lane, const char *format, ...)
{
	lane->refusal = format;
}

/* The set takes no time; what is stopped, and what is not, is over when it is looked at. */
void executor_begin(struct run *run)
{
	require(run->zero_ns > 0);
	run->over = true;
}

void executor_wake(void) {}
void keeper_pause(void) {}
void keeper_go_on(void) {}
void canary_begin(const struct run *run) { (void)run; }
void canary_rest(void) {}
void preparer_fill(struct run *run) { (void)run; }
void preparer_leave(void) {}
void rescuer_begin(struct run *run) { (void)run; }
void rescuer_leave(void) {}
void standby_empty(void) {}
void trace_begin(struct run *run) { (void)run; }
void trace_drain(struct run *run) { (void)run; }

bool report_events(struct run *run, struct buffer *out, bool virtual_clock)
{
	(void)run;
	(void)out;
	(void)virtual_clock;
	return false;
}

bool report_switches(struct run *run, struct buffer *out, bool virtual_clock)
{
	(void)out;
	(void)virtual_clock;
	run->switches.end_told = true;
	return false;
}

void report_prepare(bool virtual_clock) { (void)virtual_clock; }

void report_profile(struct buffer *out)
{
	buffer_add(out, "profile", 7);
}

void report_live(struct run *run, struct buffer *out)
{
	require(run == NULL || run->count > 0);
	buffer_add(out, "live", 4);
}

void binary_begin(struct binary *binary, const char *name)
{
	(void)binary;
	require(!receiving && name[0] != 0 && strchr(name, '/') == NULL);
	receiving = true;
	received = 0;
}

void binary_add(struct binary *binary, const uint8_t *bytes, size_t size)
{
	(void)binary;
	(void)bytes;
	received += size;
	require(receiving && received <= WIRE_BINARY_MAX);
}

void binary_end(struct binary *binary)
{
	(void)binary;
	require(receiving);
	receiving = false;
}

void binary_drop(struct binary *binary)
{
	(void)binary;
	receiving = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static bool begun;
	struct buffer out = { .bytes = NULL };
	size_t piece;

	if (!begun)
		session_init(true, -1);
	begun = true;
	if (size < 2)
		return 0;
	piece = 1U + input[0];
	session_open();
	for (size_t at = 1; at < size; at += piece) {
		size_t part = size - at < piece ? size - at : piece;

		if (!session_feed(input + at, part, &out))
			break;
		if (input[at] & 1)
			session_news(&out);
	}
	session_close();
	require(!running && !receiving);
	buffer_free(&out);
	return 0;
}
