#include "policy.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"

#define RESET_ON_FORK UINT64_C(1)

/* struct sched_attr of the kernel, first version. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int policy_set(pid_t thread, const struct policy *policy)
{
	struct attributes attributes = {
		.size = sizeof attributes,
		.policy = policy->kind,
		/* without it a deadline task's fork fails */
		.flags = policy->reset || policy->kind == SCHED_DEADLINE ? RESET_ON_FORK : 0,
		.priority = policy->fifo,
		.runtime = policy->runtime_ns,
		.deadline = policy->deadline_ns,
		.period = policy->period_ns,
	};

	return syscall(SYS_sched_setattr, thread, &attributes, 0) == 0 ? 0 : errno;
}

static bool same(const struct policy *a, const struct policy *b)
{
	return a->kind == b->kind && a->fifo == b->fifo && a->reset == b->reset &&
	       a->runtime_ns == b->runtime_ns && a->deadline_ns == b->deadline_ns &&
	       a->period_ns == b->period_ns;
}

void policy_change(pid_t thread, struct policy *has, const struct policy *policy, const char *name)
{
	int error = same(has, policy) ? 0 : policy_set(thread, policy);

	if (error != 0)
		fatal("%s gets no real-time policy: %s", name, strerror(error));
	*has = *policy;
}
