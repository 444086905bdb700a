#include "standby.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "process.h"
#include "taskset.h"
#include "turns.h"

/* The first ones of a set. Each takes two descriptors, which every exec has to close. */
#define STANDBY_TASKS 10
#define STANDBY_PROGRAMS 12

/* All sleep on their turns, so each has its own, behind those of a set's tasks. */
_Static_assert(TURNS >= TASKS_MAX + STANDBY_PROGRAMS * STANDBY_TASKS, "a turn for each");

struct program {
	char name[PKG_SIZE];
	pid_t ready[STANDBY_TASKS];
};

static struct program programs[STANDBY_PROGRAMS];
static unsigned count;
static int outputs[STANDBY_TASKS][2];
static bool open_outputs[STANDBY_TASKS];

static unsigned turn_of(const struct program *program, unsigned task)
{
	return TASKS_MAX + (unsigned)(program - programs) * STANDBY_TASKS + task;
}

static void make(struct maker *maker, struct program *program, const char *path)
{
	for (unsigned i = 0; i < STANDBY_TASKS; i++) {
		char mark[TURN_MARK_SIZE];
		char *argv[] = { mark, program->name, NULL };
		struct plan plan = { .path = path, .argv = argv, .output = outputs[i][1],
				     .turns = turns_file() };
		pid_t pid;

		turn_mark(mark, turn_of(program, i));
		pid = process_begin(maker, &plan, -1);
		if (pid > 0)
			kill(pid, SIGCONT); /* it goes on to wait for its turn */
		program->ready[i] = pid > 0 ? pid : 0;
	}
}

static void fill_from(DIR *folder)
{
	static struct maker maker;
	struct dirent *entry;

	while (count < STANDBY_PROGRAMS && (entry = readdir(folder)) != NULL) {
		char path[sizeof "/tasks/" + sizeof entry->d_name];

		snprintf(path, sizeof path, "/tasks/%s", entry->d_name);
		if (strlen(entry->d_name) >= PKG_SIZE || !turns_fit(path))
			continue;
		strcpy(programs[count].name, entry->d_name);
		make(&maker, &programs[count++], path);
	}
}

void standby_fill(void)
{
	DIR *folder = opendir("/tasks");

	if (folder == NULL)
		return;
	for (unsigned i = 0; i < STANDBY_TASKS; i++) {
		if (pipe2(outputs[i], O_CLOEXEC | O_NONBLOCK) < 0)
			fatal("no pipes for processes");
		open_outputs[i] = true;
	}
	policy_set(0, &PROCESS_CALM);
	fill_from(folder);
	policy_set(0, &(struct policy){ .kind = SCHED_OTHER });
	closedir(folder);
}

static struct program *find(const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	return NULL;
}

pid_t standby_take(const char *name, unsigned task, unsigned *turn)
{
	struct program *program = task < STANDBY_TASKS ? find(name) : NULL;
	pid_t pid = program != NULL ? program->ready[task] : 0;

	if (pid != 0) {
		program->ready[task] = 0;
		*turn = turn_of(program, task);
	}
	return pid;
}

bool standby_output(unsigned task, int ends[2])
{
	if (task >= STANDBY_TASKS || !open_outputs[task])
		return false;
	open_outputs[task] = false;
	memcpy(ends, outputs[task], sizeof outputs[task]);
	return true;
}

void standby_forget(const char *name)
{
	struct program *program = find(name);

	if (program != NULL)
		program->name[0] = 0;
}

void standby_empty(void)
{
	count = 0;
	for (unsigned i = 0; i < STANDBY_TASKS; i++) {
		if (open_outputs[i]) {
			close(outputs[i][0]);
			close(outputs[i][1]);
		}
		open_outputs[i] = false;
	}
}
