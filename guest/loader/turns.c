#include "turns.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"
#include "moment.h"

/* The first bytes of a program, in which linkers put its notes. */
#define NOTE_WITHIN 1024

/* What JOBS_TAKE_TURNS leaves in a program (a note as of elf(5)). */
static const struct {
	uint32_t name_size, description_size, type;
	char name[12];
} NOTE = { 12, 0, 2, "Distributor" };

_Static_assert(TURNS <= 1000, "a mark has three digits");

static int file = -1;
static struct turns *turns;

void turns_open(void)
{
	file = memfd_create("turns", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, sizeof *turns) < 0)
		fatal("no file of turns");
	turns = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (turns == MAP_FAILED)
		fatal("the file of turns cannot be mapped");
	memset(turns, 0, sizeof *turns); /* no page fault later */
}

int turns_file(void)
{
	return file;
}

bool turns_argument_fits(const char *argument)
{
	return argument == NULL || strlen(argument) < TURN_ARGUMENT;
}

struct turn *turns_at(unsigned number, const char *argument)
{
	struct turn *turn = &turns->of[number];

	turn->arguments = argument != NULL;
	if (argument != NULL)
		strcpy(turn->argument, argument);
	return turn;
}

unsigned turns_rung(void)
{
	return __atomic_load_n(&turns->rung, __ATOMIC_SEQ_CST);
}

void turns_count(void)
{
	__atomic_fetch_add(&turns->rung, 1, __ATOMIC_SEQ_CST);
}

void turns_ring(void)
{
	turns_count();
	syscall(SYS_futex, &turns->rung, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/*
 * One call waits for everything. timerfd and POSIX timers would fire too late: on PREEMPT_RT a thread
 * below the tasks expires them.
 */
void turns_await(unsigned noted, int64_t until_ns)
{
	struct timespec until = timespec_of(until_ns);
	long number = SYS_futex;

#ifdef SYS_futex_time64 /* of 32 bits, with a C library whose time has more */
	if (sizeof until.tv_sec > sizeof number)
		number = SYS_futex_time64;
#endif
	syscall(number, &turns->rung, FUTEX_WAIT_BITSET, noted,
		until_ns == MOMENT_NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void turn_mark(char mark[TURN_MARK_SIZE], unsigned number)
{
	/* by hand: printf's code is not needed before a sealed set's first release, else */
	mark[0] = TURN_MARK;
	for (unsigned i = TURN_MARK_SIZE - 2; i > 0; i--) {
		mark[i] = (char)('0' + number % 10);
		number /= 10;
	}
	mark[TURN_MARK_SIZE - 1] = 0;
}

bool turns_fit(const char *path)
{
	char first[NOTE_WITHIN];
	int program = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = program < 0 ? 0 : read(program, first, sizeof first);

	if (program >= 0)
		close(program);
	return size > 0 && memmem(first, (size_t)size, &NOTE, sizeof NOTE) != NULL;
}

void turn_give(struct turn *turn, bool tell)
{
	__atomic_store_n(&turn->whose, tell ? TURN_TELL : TURN_JOB, __ATOMIC_SEQ_CST);
}

bool turn_wake(struct turn *turn)
{
	return syscall(SYS_futex, &turn->whose, FUTEX_WAKE, 1, NULL, NULL, 0) == 1;
}

bool turn_tell(struct turn *turn)
{
	int whose = TURN_JOB;

	return __atomic_compare_exchange_n(&turn->whose, &whose, TURN_TELL, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
	       whose == TURN_TELL;
}

bool turn_over(const struct turn *turn)
{
	return __atomic_load_n(&turn->whose, __ATOMIC_SEQ_CST) == TURN_OVER;
}

int64_t turn_start_ns(const struct turn *turn)
{
	return turn->start.s * NS_PER_S + turn->start.ns;
}

int64_t turn_end_ns(const struct turn *turn)
{
	return turn->end.s * NS_PER_S + turn->end.ns;
}
