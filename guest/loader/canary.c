#include "canary.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "console.h"
#include "moment.h"
#include "policy.h"
#include "thread.h"

#define STEP_NS (5 * NS_PER_MS)
/* Releases mostly lie on whole milliseconds after time zero: it stays out of their way. */
#define PHASE_NS (STEP_NS / 2)
#define CANARIES_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct policy policy; /* this and the next under `lock` */
static int64_t zero_ns;
static _Atomic unsigned turn; /* odd while a run is watched */
static _Atomic int64_t late_ns = -1;

static void note(int64_t late)
{
	int64_t most = late_ns;

	while (late > most && !atomic_compare_exchange_weak(&late_ns, &most, late))
		;
}

static void watch(unsigned mine, int64_t next_ns)
{
	int64_t now = now_ns();

	if (next_ns <= now)
		next_ns += ((now - next_ns) / STEP_NS + 1) * STEP_NS;
	for (;;) {
		struct timespec next = timespec_of(next_ns);
		int64_t late;

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		late = now_ns() - next_ns;
		if (turn != mine)
			return;
		note(late);
		next_ns += (late / STEP_NS + 1) * STEP_NS;
	}
}

static void *work(void *processor)
{
	unsigned seen = 0;
	cpu_set_t own;

	CPU_ZERO(&own);
	CPU_SET((size_t)(intptr_t)processor, &own);
	sched_setaffinity(0, sizeof own, &own);
	prctl(PR_SET_TIMERSLACK, 1UL);
	pthread_mutex_lock(&lock);
	for (;;) {
		int64_t first_ns;

		while (turn % 2 == 0 || turn == seen)
			pthread_cond_wait(&changed, &lock);
		seen = turn;
		first_ns = zero_ns + PHASE_NS;
		if (policy_set(0, &policy) != 0) {
			say("no canary: it gets no real-time policy");
			continue;
		}
		pthread_mutex_unlock(&lock);
		watch(seen, first_ns);
		pthread_mutex_lock(&lock);
	}
	return NULL;
}

void canary_start(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	for (long i = 0; i < processors && i < CANARIES_MAX; i++)
		thread_start(work, (void *)(intptr_t)i, "the canary");
}

void canary_begin(const struct run *run)
{
	if (run->canary_policy.kind == SCHED_OTHER)
		return;
	pthread_mutex_lock(&lock);
	policy = run->canary_policy;
	zero_ns = run->zero_ns;
	late_ns = 0;
	turn++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void canary_rest(void)
{
	if (turn % 2 == 1)
		turn++;
	late_ns = -1;
}

int64_t canary_late_ns(void)
{
	return late_ns;
}
