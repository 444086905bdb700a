#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_STACK (64 * 1024)
#define JOB_FILES 1024
#define SETTLE_NS 20000

struct birth {
	const struct plan *plan;
	int cgroup;
	int error; /* written by the child, which shares our memory until its exec */
};

static char *const ENVIRONMENT[] = { (char[]){ "PATH=/tasks" }, (char[]){ "HOME=/tmp" }, NULL };

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
	struct rlimit core = { 0, 0 };
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* a session would do too, but the kernel makes a scheduling group for each of them */
	if (setpgid(0, 0) < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(plan->output, 1) < 0 ||
	    dup2(plan->output, 2) < 0 || chdir("/tmp") < 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_CORE, &core) < 0)
		return give_up(birth);
	if (birth->cgroup >= 0 && write(birth->cgroup, "0", 1) != 1)
		return give_up(birth);
	if (sched_setaffinity(0, plan->cpus_size, plan->cpus) < 0)
		return give_up(birth);
	sigaction(SIGPIPE, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		return give_up(birth);
	execve(plan->path, plan->argv, ENVIRONMENT);
	return give_up(birth);
}

/*
 * Maps the page that the job's first instruction lies in, and those around it: reading it
 * takes the page fault now, which would cost 15 us after the release.
 */
static void touch_entry(pid_t pid)
{
#ifdef __x86_64__
	long entry = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), NULL);

	ptrace(PTRACE_PEEKTEXT, pid, (void *)entry, NULL);
#else
	(void)pid;
#endif
}

/*
 * We are told of a stop just before the child leaves its processor. A ptrace request would
 * wait for that by sleeping for a whole tick, and a new policy would come into force.
 */
static void settle(void)
{
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = SETTLE_NS }, NULL);
}

static pid_t discard(pid_t pid, int error)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	return -error;
}

pid_t process_prepare(const struct plan *plan, int cgroup)
{
	static char stack[CHILD_STACK] __attribute__((aligned(16)));
	struct birth birth = { .plan = plan, .cgroup = cgroup };
	siginfo_t info;
	int status;
	int error;
	/*
	 * As vfork does it: the child borrows our memory until its exec. A plain fork would
	 * copy the page tables, and the executor would pay with a fault for each page that
	 * it writes to afterwards.
	 */
	pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);

	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, __WALL) < 0)
		return -errno;
	if (!WIFSTOPPED(status)) /* no exec; killed: it did not fit into its quota */
		return WIFSIGNALED(status) ? -ENOMEM : -(birth.error ? birth.error : EINVAL);
	if (WSTOPSIG(status) != SIGTRAP)
		return discard(pid, EINTR);
	settle();
	touch_entry(pid);
	/*
	 * Only the thread that forked may end a ptrace stop, but any thread may send
	 * SIGCONT: the child goes from the one stop into the other. It gets its policy
	 * after that, so that it never runs with it before its release.
	 */
	if (ptrace(PTRACE_DETACH, pid, NULL, (void *)(long)SIGSTOP) < 0)
		return discard(pid, errno);
	do {
		error = waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED) < 0 ? errno : 0;
	} while (error == EINTR);
	if (error != 0)
		return -error;
	if (info.si_code != CLD_STOPPED)
		return -ENOMEM;
	settle();
	error = policy_set(pid, &plan->policy);
	return error != 0 ? discard(pid, error) : pid;
}
