/*
 * What the built-in tasks share: a start of a few instructions, one decimal argument,
 * short outputs. They use no C library: its set-up before main takes 230 us of a job's
 * time in virtual time, this one takes 3 (docs/decisions/0022-small-tasks.md).
 */
#ifndef TASK_H
#define TASK_H

#include "processor.h" /* of the folder that is named after the processor */
#include "turn.h"

#define EXIT_WRONG 1    /* a result that cannot be */
#define EXIT_ARGUMENT 2 /* arg1 is none */

/*
 * Said by a task whose jobs leave nothing behind that would change the next one: one process
 * may run them all, in turns. A note of ELF's for the loader (turns.c;
 * docs/decisions/0035-turns.md).
 */
#define JOBS_TAKE_TURNS \
	__asm__(".pushsection .note.jobs, \"a\", %note\n" \
		"	.balign 4\n" \
		"	.long 12, 0, 2\n" /* sizes of name and description; a type */ \
		"	.asciz \"Distributor\"\n" \
		"	.popsection\n")

int task_main(const char *name, const char *arg1);

static inline void __attribute__((noreturn)) task_exit(int value)
{
	for (;;)
		system_call(SYS_EXIT_GROUP, value, 0, 0, 0, 0, 0);
}

/* Text that is put together first, so that it goes out in one piece. */
struct text {
	char bytes[256];
	unsigned size;
};

static inline void add_text(struct text *text, const char *more)
{
	while (*more && text->size < sizeof text->bytes)
		text->bytes[text->size++] = *more++;
}

static inline void add_number(struct text *text, long long value)
{
	unsigned long long rest = value < 0 ? -(unsigned long long)value :
						(unsigned long long)value;
	char digits[24];
	unsigned at = sizeof digits - 1;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		digits[--at] = '-';
	add_text(text, digits + at);
}

/* Whatever becomes of it: a full pipe is no fault of the task. */
static inline void write_text(int descriptor, const struct text *text)
{
	system_call(SYS_WRITE, descriptor, (long)text->bytes, text->size, 0, 0, 0);
}

/* Zeroed memory, or a null pointer. */
static inline void *take_memory(unsigned long size)
{
	long address = system_call(SYS_MMAP, 0, (long)size, 3 /* read, write */,
				   0x22 /* private, anonymous */, -1, 0);

	return address < 0 && address > -4096 ? 0 : (void *)address;
}

/* Decimal digits, with a sign or without; false for anything else. */
static inline int parse_number(const char *text, long long *value)
{
	int negative = *text == '-';
	long long number = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (!*text)
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10LL, &number) ||
		    __builtin_add_overflow(number, (long long)(*text - '0'), &number))
			return 0;
	}
	*value = negative ? -number : number;
	return 1;
}

/* arg1 as a whole number from low to high; else says so and ends the job with 2. */
static inline long long argument(const char *name, const char *arg1, long long low,
				 long long high)
{
	struct text text;
	long long value;

	if (arg1 && parse_number(arg1, &value) && value >= low && value <= high)
		return value;
	text.size = 0; /* alone: a whole text of zeros would take a memset */
	add_text(&text, name);
	add_text(&text, ": arg1 is a whole number from ");
	add_number(&text, low);
	add_text(&text, " to ");
	add_number(&text, high);
	add_text(&text, "\n");
	write_text(2, &text);
	task_exit(EXIT_ARGUMENT);
}

/* Numbers of Linux on every processor. */
enum { CLOCK_MONOTONIC = 1, SIGSTOP = 19, FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static inline struct turns *map_turns(void)
{
	long turns = system_call(SYS_MMAP, 0, sizeof(struct turns), 3 /* read, write */,
				 1 /* shared */, TURN_FILE, 0);

	if (turns < 0 && turns > -4096)
		task_exit(EXIT_WRONG);
	return (struct turns *)turns;
}

/* Page faults come now: nothing is changed. */
static inline struct turn *own_turn(struct turns *turns, const char *mark)
{
	struct turn *turn;
	long long number;

	if (!parse_number(mark, &number) || number < 0 || number >= TURNS)
		task_exit(EXIT_WRONG);
	turn = &turns->of[number];
	turn->argument[TURN_ARGUMENT - 1] = 0;
	__atomic_fetch_add(&turns->rung, 0, __ATOMIC_SEQ_CST);
	return turn;
}

static inline void await_turn(struct turn *turn)
{
	while (__atomic_load_n(&turn->whose, __ATOMIC_SEQ_CST) == TURN_OVER)
		system_call(SYS_FUTEX, (long)&turn->whose, FUTEX_WAIT, TURN_OVER, 0, 0, 0);
}

static inline void end_turn(struct turns *turns, struct turn *turn)
{
	if (__atomic_exchange_n(&turn->whose, TURN_OVER, __ATOMIC_SEQ_CST) != TURN_TELL)
		return;
	__atomic_fetch_add(&turns->rung, 1, __ATOMIC_SEQ_CST);
	system_call(SYS_FUTEX, (long)&turns->rung, FUTEX_WAKE, 1, 0, 0, 0);
}

/* One job after the other. A job that fails ends the process, as it would anywhere. */
__attribute__((noreturn)) static inline void take_turns(const char *mark, const char *name)
{
	struct turns *turns = map_turns();
	struct turn *turn = own_turn(turns, mark);

	/* who made it goes on only when it has stopped */
	system_call(SYS_KILL, system_call(SYS_GETPID, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0);
	for (;;) {
		int value;

		await_turn(turn);
		system_call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)&turn->start, 0, 0, 0, 0);
		value = task_main(name, turn->arguments == 1 ? turn->argument : 0);
		if (value != 0)
			task_exit(value);
		system_call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)&turn->end, 0, 0, 0, 0);
		end_turn(turns, turn);
	}
}

/* The kernel's stack at the start: argc, then the pointers of argv, then NULL. */
__attribute__((noreturn, used)) static void task_begin(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);

	if (stack[0] == 2 && argv[0][0] == TURN_MARK)
		take_turns(argv[0], argv[1]);
	task_exit(task_main(stack[0] > 0 ? argv[0] : "task", stack[0] == 2 ? argv[1] : 0));
}

#endif
