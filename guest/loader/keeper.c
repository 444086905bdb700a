#include "keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>
#include <stdbool.h>

#include "policy.h"
#include "thread.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static atomic_bool paused;
static bool asleep;
static bool there;

static void *spin(void *unused)
{
	(void)unused;
	policy_set(0, &(struct policy){ .kind = SCHED_IDLE });
	for (;;) {
		while (!paused)
			;
		pthread_mutex_lock(&lock);
		asleep = true;
		pthread_cond_broadcast(&changed);
		while (paused)
			pthread_cond_wait(&changed, &lock);
		asleep = false;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

void keeper_start(void)
{
	thread_start(spin, NULL, "the keeper of time");
	there = true;
}

void keeper_pause(void)
{
	if (!there)
		return;
	pthread_mutex_lock(&lock);
	paused = true;
	while (!asleep)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void keeper_go_on(void)
{
	pthread_mutex_lock(&lock);
	paused = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}
