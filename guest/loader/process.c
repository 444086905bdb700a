#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console.h"
#include "moment.h"
#include "turn.h"

#define JOB_FILES 1024

const struct policy PROCESS_CALM = { .kind = SCHED_FIFO, .fifo = 1, .reset = true };
static const struct policy LOWEST = { .kind = SCHED_FIFO, .fifo = 1 };

struct birth {
	const struct plan *plan;
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
	if (plan->turns >= 0 && dup2(plan->turns, TURN_FILE) < 0)
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
	struct iovec ours = { &first, 1 };
	struct iovec theirs = { NULL, 1 };

	if (plan->entry == 0) /* the same for all: addresses are not randomised */
		plan->entry = find_entry(pid);
	theirs.iov_base = (void *)plan->entry;
	(void)!process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
}

/* From here to roam() the caller keeps to one processor. */
static void stay(void)
{
	cpu_set_t here;

	if (processors == 1)
		return;
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof here, &here);
}

static void roam(void)
{
	if (processors > 1)
		sched_setaffinity(0, sizeof all_processors, &all_processors);
}

/* Waits for its stop; 0, or -errno when it has ended instead. */
static int await_stop(pid_t pid)
{
	siginfo_t info;
	int error;

	do {
		error = waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED) < 0 ? errno : 0;
	} while (error == EINTR);
	if (error != 0)
		return -error;
	if (info.si_code == CLD_STOPPED)
		return 0;
	return info.si_code == CLD_EXITED ? -EINVAL : -ENOMEM; /* killed: beyond its quota */
}

void process_drop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

/* Waits until the child's exec lets go of our memory, or its exit does. */
static void await_exec(const int *making, pid_t pid)
{
	while (__atomic_load_n(making, __ATOMIC_SEQ_CST) == pid)
		syscall(SYS_futex, making, FUTEX_WAIT, pid, NULL, NULL, 0);
}

/*
 * As vfork does it: the child borrows our memory until its exec. A plain fork would copy the
 * page tables, and the executor would pay with a fault for each page that it writes to
 * afterwards. Unlike vfork this leaves us free to raise the child before that: tasks that
 * leave no idle time would keep it from running.
 */
static pid_t fork_child(struct maker *maker, struct birth *birth)
{
	return clone(child, maker->stack + sizeof maker->stack,
		     CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, birth,
		     &maker->making, NULL, &maker->making);
}

/*
 * A child has the absolute deadline of the thread that made it, whatever its policy (Linux 6.1,
 * sched_fork). Made a deadline task it keeps that until it has passed: for that long it would
 * come before its maker.
 */
static void raise_child(const struct maker *maker, pid_t pid)
{
	struct timespec pause;

	if (maker->own != NULL) {
		pause = timespec_of((int64_t)maker->own->deadline_ns);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	policy_set(pid, maker->level);
}

static pid_t begin(struct maker *maker, struct plan *plan, struct birth *birth)
{
	pid_t pid = fork_child(maker, birth);
	int error;

	if (pid < 0)
		return -errno;
	if (maker->level != NULL)
		raise_child(maker, pid);
	/*
	 * When its exec lets go of our memory the child is deep in the kernel. Since we share
	 * a processor and come first there, it does not leave it without seeing this: it
	 * stops before its first instruction.
	 */
	await_exec(&maker->making, pid);
	if (plan->turns < 0) /* else it stops itself */
		kill(pid, SIGSTOP);
	/*
	 * From here on it need not be below us: where it is not, it leaves the processor before
	 * we hear of its stop. Else we would hear of it in the middle, and of locks it holds;
	 * and the kernel renews the deadline only of a process that has left.
	 */
	if (maker->level == NULL)
		policy_set(pid, &LOWEST);
	if (maker->behind != NULL)
		policy_set(0, maker->behind);
	error = await_stop(pid);
	/* its deadline is as before from its next sleep on: until then it is behind, still */
	if (maker->own != NULL)
		policy_set(0, maker->own);
	if (error != 0)
		return error == -EINVAL && birth->error != 0 ? -birth->error : error;
	if (plan->turns < 0)
		touch_entry(plan, pid);
	return pid;
}

pid_t process_begin(struct maker *maker, struct plan *plan, int cgroup)
{
	struct birth birth = { .plan = plan, .cgroup = cgroup };
	pid_t pid;

	stay();
	pid = begin(maker, plan, &birth);
	roam();
	return pid;
}

pid_t process_settle(const struct plan *plan, pid_t pid)
{
	int error;

	if (processors > 1 && sched_setaffinity(pid, plan->cpus_size, plan->cpus) < 0)
		error = errno;
	else
		error = policy_set(pid, &plan->policy);
	if (error == 0)
		return pid;
	process_drop(pid);
	return -error;
}
