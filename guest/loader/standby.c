#include "standby.h"

#include <dirent.h>
#include <fcntl.h>
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

struct program {
	char name[PKG_SIZE];
	pid_t ready[STANDBY_TASKS];
};

static struct program programs[STANDBY_PROGRAMS];
static unsigned count;
static int outputs[STANDBY_TASKS][2];
static bool open_outputs[STANDBY_TASKS];

static void make(struct maker *maker, struct program *program, const char *path)
{
	for (unsigned i = 0; i < STANDBY_TASKS; i++) {
		char mark[TURN_MARK_SIZE];
		char *argv[] = { mark, program->name, NULL };
		struct plan plan = { .path = path, .argv = argv, .output = outputs[i][1],
				     .turns = turns_file() };
		pid_t pid;

		turn_mark(mark, i);
		pid = process_begin(maker, &plan, -1);
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

pid_t standby_take(const char *name, unsigned number)
{
	struct program *program = number < STANDBY_TASKS ? find(name) : NULL;
	pid_t pid = program != NULL ? program->ready[number] : 0;

	if (pid != 0)
		program->ready[number] = 0;
	return pid;
}

bool standby_output(unsigned number, int ends[2])
{
	if (number >= STANDBY_TASKS || !open_outputs[number])
		return false;
	open_outputs[number] = false;
	memcpy(ends, outputs[number], sizeof outputs[number]);
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
