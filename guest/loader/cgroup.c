#include "cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(char path[64], unsigned lane, unsigned slot, const char *file)
{
	snprintf(path, 64, "/sys/fs/cgroup/job.%u.%u%s", lane, slot, file);
}

static bool put(unsigned lane, unsigned slot, const char *file, const char *value)
{
	char path[64];
	int descriptor;
	bool done;

	path_of(path, lane, slot, file);
	descriptor = open(path, O_WRONLY | O_CLOEXEC);
	if (descriptor < 0)
		return false;
	done = write(descriptor, value, strlen(value)) > 0;
	close(descriptor);
	return done;
}

bool cgroup_make(unsigned lane, unsigned slot, uint64_t quota, int *procs, int *events)
{
	char path[64];
	char bytes[32];

	path_of(path, lane, slot, "");
	if (mkdir(path, 0755) < 0)
		return false;
	snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)quota);
	if (!put(lane, slot, "/memory.max", bytes) || !put(lane, slot, "/memory.oom.group", "1"))
		return false;
	put(lane, slot, "/memory.swap.max", "0"); /* not there without swap accounting */
	path_of(path, lane, slot, "/cgroup.procs");
	*procs = open(path, O_WRONLY | O_CLOEXEC);
	path_of(path, lane, slot, "/memory.events");
	*events = open(path, O_RDONLY | O_CLOEXEC);
	return *procs >= 0 && *events >= 0;
}

void cgroup_remove(unsigned lane, unsigned slot)
{
	char path[64];

	path_of(path, lane, slot, "");
	rmdir(path);
}

unsigned cgroup_kills(int events)
{
	char text[512];
	ssize_t size = pread(events, text, sizeof text - 1, 0);
	const char *found;

	if (size <= 0)
		return 0;
	text[size] = 0;
	found = strstr(text, "oom_kill ");
	return found ? (unsigned)strtoul(found + strlen("oom_kill "), NULL, 10) : 0;
}
