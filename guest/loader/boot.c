#include "boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"

#define FILES_MAX 4096

static const struct {
	const char *source, *target, *type, *data;
	bool needed;
} MOUNTS[] = {
	{ "proc", "/proc", "proc", NULL, true },
	{ "sysfs", "/sys", "sysfs", NULL, true },
	{ "devtmpfs", "/dev", "devtmpfs", NULL, true },
	{ "tmpfs", "/tmp", "tmpfs", "mode=1777", true },
	/* favordynmods: a process moves into its cgroup without waiting for RCU */
	{ "cgroup2", "/sys/fs/cgroup", "cgroup2", "favordynmods", false },
	{ "debugfs", "/sys/kernel/debug", "debugfs", NULL, false },
	{ "tracefs", "/sys/kernel/tracing", "tracefs", NULL, false },
};

/*
 * What would run or change something by itself while tasks run. Not every kernel has each
 * of these; what is missing is nothing to be switched off.
 */
static const struct {
	const char *path, *value;
} SETTINGS[] = {
	/* also ends the kernel's own admission test for deadline tasks: ours is the one */
	{ "/proc/sys/kernel/sched_rt_runtime_us", "-1" },
	{ "/proc/sys/kernel/sched_deadline_period_max_us", "4294967295" },
	{ "/proc/sys/kernel/sched_deadline_period_min_us", "1" },
	{ "/proc/sys/kernel/pid_max", "4194304" },
	{ "/proc/sys/kernel/randomize_va_space", "0" }, /* one layout, one set of page faults */
	{ "/proc/sys/kernel/watchdog", "0" },
	{ "/proc/sys/kernel/hung_task_timeout_secs", "0" },
	{ "/proc/sys/kernel/numa_balancing", "0" },
	{ "/proc/sys/kernel/core_pattern", "" },
	{ "/proc/sys/kernel/panic", "-1" },
	/* printing takes time from tasks; a crash of the kernel is printed all the same */
	{ "/proc/sys/kernel/printk", "1" },
	{ "/proc/sys/vm/stat_interval", "3600" },
	{ "/proc/sys/vm/compaction_proactiveness", "0" },
	/* pages of ended jobs stay with the processor; else every 60th is the start of 130 us
	   in which the kernel hands them all back */
	{ "/proc/sys/vm/percpu_pagelist_high_fraction", "8" },
	{ "/sys/kernel/mm/transparent_hugepage/enabled", "never" },
	{ "/sys/fs/cgroup/cgroup.subtree_control", "+memory" },
};

static bool put(const char *path, const char *value)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (descriptor < 0)
		return false;
	done = write(descriptor, value, strlen(value)) >= 0;
	close(descriptor);
	return done;
}

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof MOUNTS / sizeof MOUNTS[0]; i++) {
		mkdir(MOUNTS[i].target, 0755);
		if (mount(MOUNTS[i].source, MOUNTS[i].target, MOUNTS[i].type, 0, MOUNTS[i].data) == 0 ||
		    (MOUNTS[i].data != NULL && mount(MOUNTS[i].source, MOUNTS[i].target,
						     MOUNTS[i].type, 0, NULL) == 0) ||
		    errno == EBUSY)
			continue;
		if (MOUNTS[i].needed)
			fatal("%s cannot be mounted: %s", MOUNTS[i].target, strerror(errno));
		say("%s cannot be mounted: %s", MOUNTS[i].target, strerror(errno));
	}
}

/* An initramfs may come without /dev/console; then nothing was open until now. */
static void open_console(void)
{
	int console = open("/dev/console", O_RDWR | O_NOCTTY);

	if (console < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(console, i);
	if (console > 2)
		close(console);
}

static void load(const char *name)
{
	char path[128];
	int descriptor;

	snprintf(path, sizeof path, "/modules/%s", name);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		say("module %s: %s", name, strerror(errno));
	else if (syscall(SYS_finit_module, descriptor, "", 0) < 0 && errno != EEXIST)
		say("module %s cannot be loaded: %s", name, strerror(errno));
	close(descriptor);
}

static void load_modules(void)
{
	char name[96];
	FILE *order = fopen("/modules/order", "re");

	if (order == NULL)
		return; /* everything is built in */
	while (fgets(name, sizeof name, order) != NULL) {
		name[strcspn(name, "\n")] = 0;
		if (name[0] != 0 && strchr(name, '/') == NULL)
			load(name);
	}
	fclose(order);
}

/* Since 6.8 a server for fair tasks takes 5 % of a processor away from real-time tasks. */
static void stop_fair_servers(void)
{
	static const char directory_name[] = "/sys/kernel/debug/sched/fair_server";
	DIR *directory = opendir(directory_name);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char path[320];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s/runtime", directory_name, entry->d_name);
		if (!put(path, "0"))
			say("the fair server of %s stays on: %s", entry->d_name, strerror(errno));
	}
	if (directory != NULL)
		closedir(directory);
}

static void read_command_line(struct options *options)
{
	static char line[4096];
	int descriptor = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t size = descriptor < 0 ? 0 : read(descriptor, line, sizeof line - 1);
	char *rest = line;
	char *word;

	close(descriptor);
	line[size < 0 ? 0 : size] = 0;
	options->virtual_clock = false;
	options->port = 3001;
	options->shared_size = 0;
	while ((word = strsep(&rest, " \n")) != NULL) {
		if (strcmp(word, "distributor.clock=virtual") == 0) {
			options->virtual_clock = true;
		} else if (strncmp(word, "distributor.clock=", 18) == 0) {
			if (strcmp(word + 18, "real") != 0)
				fatal("distributor.clock is virtual or real, not %s", word + 18);
		} else if (strncmp(word, "distributor.port=", 17) == 0) {
			char *end;
			long port = strtol(word + 17, &end, 10);

			if (*end != 0 || port < 1 || port > 65535)
				fatal("distributor.port is 1 to 65535, not %s", word + 17);
			options->port = (int)port;
		} else if (strncmp(word, "distributor.shared=", 19) == 0) {
			if (sscanf(word + 19, "%" SCNu64 ",%" SCNu64, &options->shared_at,
				   &options->shared_size) != 2)
				fatal("distributor.shared is ADDRESS,SIZE, not %s", word + 19);
		}
	}
}

void boot(struct options *options)
{
	struct rlimit files = { FILES_MAX, FILES_MAX };

	mount_all();
	open_console();
	read_command_line(options);
	for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++)
		put(SETTINGS[i].path, SETTINGS[i].value);
	stop_fair_servers();
	setrlimit(RLIMIT_NOFILE, &files);
	load_modules();
}
