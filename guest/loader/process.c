#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console.h"

#define CHILD_STACK (64 * 1024)
#define JOB_FILES 1024

/* Of the calling thread, except in an emergency. */
static const struct policy LOWEST = { .kind = SCHED_FIFO, .fifo = 1 };

struct birth {
	const struct plan *plan;
	const struct policy *policy;
	int cgroup;
	int error; /* written by the child, which shares our memory until its exec */
};

static char *const ENVIRONMENT[] = { (char[]){ "PATH=/tasks" }, (char[]){ "HOME=/tmp" }, NULL };

static int nothing = -1; /* /dev/null */
static int processors;
static cpu_set_t all_processors;

void process_open(void)
{
	struct rlimit core = { 0, 0 };

	nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* what children inherit costs none of them a call of its own */
	if (nothing < 0 || chdir("/tmp") < 0 || setrlimit(RLIMIT_CORE, &core) < 0)
		fatal("no place for processes");
	processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
	sched_getaffinity(0, sizeof all_processors, &all_processors);
}

int process_processors(void)
{
	return processors;
}

static int give_up(struct birth *birth)
{
	birth->error = errno;
	_exit(127);
}

/* Runs in the loader's memory: system calls only, nothing that takes a lock. */
static int child(void *argument)
{
	struct birth *birth = argument;
	const struct plan *plan = birth->plan;
	struct rlimit files = { JOB_FILES, JOB_FILES };
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* a session would do too, but the kernel makes a scheduling group for each of them */
	if (setpgid(0, 0) < 0 || dup2(nothing, 0) < 0 || dup2(plan->output, 1) < 0 ||
	    dup2(plan->output, 2) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
		return give_up(birth);
	if (birth->cgroup >= 0 && write(birth->cgroup, "0", 1) != 1)
		return give_up(birth);
	if (birth->policy != NULL && (errno = policy_set(0, birth->policy)) != 0)
		return give_up(birth);
	sigaction(SIGPIPE, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(plan->path, plan->argv, ENVIRONMENT);
	return give_up(birth);
}

/* Where the program's first instruction lies; 0 if that is not known. */
static uintptr_t find_entry(pid_t pid)
{
	ElfW(auxv_t) values[64];
	char path[32];
	ssize_t size;
	int descriptor;

	snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return 0;
	size = read(descriptor, values, sizeof values);
	close(descriptor);
	for (ssize_t i = 0; i < size / (ssize_t)sizeof values[0]; i++)
		if (values[i].a_type == AT_ENTRY)
			return values[i].a_un.a_val;
	return 0;
}

/*
 * Maps the page that the job's first instruction lies in, and those around it: reading it
 * takes the page fault now, which would cost 15 us after the release.
 */
static void touch_entry(struct plan *plan, pid_t pid)
{
	char first;
	struct iovec here = { &first, 1 };
	struct iovec there = { NULL, 1 };

	if (plan->entry == 0) /* the same for all: addresses are not randomised */
		plan->entry = find_entry(pid);
	there.iov_base = (void *)plan->entry;
	(void)!process_vm_readv(pid, &here, 1, &there, 1, 0);
}

/* Keeps this thread, and children that it makes, on the processor where it is. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof here, &here);
}

/* Waits for the child's stop; returns 0, or an errno when it has ended instead. */
static int await_stop(pid_t pid, const struct birth *birth)
{
	siginfo_t info;
	int error;

	do {
		error = waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED) < 0 ? errno : 0;
	} while (error == EINTR);
	if (error != 0)
		return error;
	if (info.si_code == CLD_STOPPED)
		return 0;
	if (info.si_code == CLD_EXITED) /* without an exec */
		return birth->error ? birth->error : EINVAL;
	return ENOMEM; /* killed: it did not fit into its quota */
}

static pid_t prepare(struct plan *plan, struct birth *birth)
{
	static char stack[CHILD_STACK] __attribute__((aligned(16)));
	int error;
	/*
	 * As vfork does it: the child borrows our memory until its exec. A plain fork would
	 * copy the page tables, and the executor would pay with a fault for each page that
	 * it writes to afterwards.
	 */
	pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, birth);

	if (pid < 0)
		return -errno;
	/*
	 * We go on when the child's exec lets go of our memory. Since we share a processor
	 * and come first there, it has not left the kernel yet, and does not without seeing
	 * this: it stops before its first instruction.
	 */
	kill(pid, SIGSTOP);
	/*
	 * From here on it need not be below us: as our equal it leaves the processor before
	 * we hear of its stop. Else we would hear of it in the middle, and of locks it holds.
	 */
	if (birth->policy == NULL)
		policy_set(pid, &LOWEST);
	error = await_stop(pid, birth);
	if (error != 0)
		return -error;
	touch_entry(plan, pid);
	if (processors > 1 && sched_setaffinity(pid, plan->cpus_size, plan->cpus) < 0)
		error = errno;
	else
		error = policy_set(pid, &plan->policy);
	if (error == 0)
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	return -error;
}

pid_t process_prepare(struct plan *plan, int cgroup, const struct policy *policy)
{
	struct birth birth = { .plan = plan, .policy = policy, .cgroup = cgroup };
	pid_t pid;

	if (processors == 1)
		return prepare(plan, &birth);
	stay_here();
	pid = prepare(plan, &birth);
	sched_setaffinity(0, sizeof all_processors, &all_processors);
	return pid;
}
