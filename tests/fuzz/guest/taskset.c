/*
 * The description of a task set, and that of admission control: any text. What is taken has
 * values that the rest of the loader counts on.
 */
#include <string.h>

#include "admission.h"
#include "require.h"
#include "taskset.h"

static void look(const struct taskset *set, size_t place)
{
	const struct task *task = &set->tasks[place];

	require(memchr(task->pkg, 0, PKG_SIZE) != NULL);
	require(task->pkg[0] != 0 && task->pkg[0] != '.' && strchr(task->pkg, '/') == NULL);
	require(task->arg1 == NULL || strlen(task->arg1) < ARG1_SIZE);
	require(task->priority >= 0 && task->priority <= PRIORITY_EDF);
	require(task->period_ns > 0 && task->deadline_ns > 0);
	require(task->offset_ns >= 0 && task->executiontime_ns >= 0 && task->criticaltime_ns >= 0);
	require(task->jobs > 0 && task->period_ns <= INT64_MAX / 4 / task->jobs);
	require(task->cores >= 0 && task->cores <= PROCESSORS_MAX);
	require(task->coreoffset >= 0 && task->coreoffset < PROCESSORS_MAX);
	for (size_t other = 0; other < place; other++)
		require(set->tasks[other].id != task->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct taskset set;
	static bool candidate[TASKS_MAX], admitted[TASKS_MAX];
	enum goal goal = GOAL_NONE;
	char why[160];

	if (taskset_parse(&set, (const char *)input, size, why, sizeof why)) {
		require(set.count <= TASKS_MAX);
		for (size_t i = 0; i < set.count; i++)
			look(&set, i);
		memset(candidate, 1, sizeof candidate);
		/* among many tasks it takes long, on purpose (docs/decisions/0056) */
		if (set.count <= 4)
			admission_decide(&set, candidate, 2, GOAL_UTILIZATION, admitted);
	} else {
		require(why[0] != 0 && memchr(why, 0, sizeof why) != NULL);
	}
	taskset_free(&set);
	if (!goal_parse(&goal, (const char *)input, size, why, sizeof why))
		require(memchr(why, 0, sizeof why) != NULL);
	return 0;
}
