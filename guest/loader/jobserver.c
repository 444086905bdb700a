#include "jobserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"

/* The first bytes of a program, in which linkers put its notes. */
#define NOTE_WITHIN 1024

/* What JOBS_SHARE_MEMORY leaves in a program (a note as of elf(5)). */
static const struct {
	uint32_t name_size, description_size, type;
	char name[12];
} NOTE = { 12, 0, 1, "Distributor" };

bool jobserver_fits(const char *path)
{
	char first[NOTE_WITHIN];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = file < 0 ? 0 : read(file, first, sizeof first);

	if (file >= 0)
		close(file);
	return size > 0 && memmem(first, (size_t)size, &NOTE, sizeof NOTE) != NULL;
}

void jobserver_open(struct maker *maker)
{
	if (pipe2(maker->announced, O_CLOEXEC) < 0)
		fatal("no pipe for job servers");
}

void jobserver_free(struct jobserver *server)
{
	if (server->pid != 0)
		close(server->end);
	server->pid = 0;
}

static int start(struct jobserver *server, struct maker *maker, struct plan *plan)
{
	pid_t pid = process_begin(maker, plan, -1, maker->announced[1]);

	if (pid < 0)
		return pid;
	server->end = (int)syscall(SYS_pidfd_open, pid, 0);
	if (server->end < 0) {
		process_drop(pid);
		return -errno;
	}
	server->pid = pid;
	kill(pid, SIGCONT);
	return 0;
}

/* Waits for what it tells; its clone's pid, or -errno when it has ended for want of memory. */
static pid_t hear(struct jobserver *server, const struct maker *maker)
{
	struct pollfd news[2] = { { .fd = maker->announced[0], .events = POLLIN },
				  { .fd = server->end, .events = POLLIN } };
	pid_t pid;

	while (poll(news, 2, -1) < 0)
		;
	if (news[0].revents != 0 && read(news[0].fd, &pid, sizeof pid) == sizeof pid)
		return pid;
	process_drop(server->pid);
	jobserver_free(server);
	return -ENOMEM;
}

/* The clone stops itself; without a level it is our equal, as its server is. */
static pid_t await_clone(struct jobserver *server, const struct maker *maker)
{
	pid_t pid = hear(server, maker);
	int error;

	if (pid < 0)
		return pid;
	if (maker->level != NULL) /* a deadline task's clone is an ordinary one */
		policy_set(pid, maker->level);
	error = process_await_stop(pid);
	if (error != 0)
		return error;
	setpgid(pid, pid);
	return pid;
}

pid_t jobserver_clone(struct jobserver *server, struct maker *maker, struct plan *plan)
{
	int error = server->pid == 0 ? start(server, maker, plan) : 0;
	pid_t pid;

	if (error != 0)
		return error;
	process_stay(server->pid);
	kill(server->pid, SIGUSR1);
	pid = await_clone(server, maker);
	process_roam();
	return pid;
}
