/*
 * What the built-in tasks share: a start of a few instructions, one decimal argument,
 * short outputs. They use no C library: its set-up before main takes 230 us of a job's
 * time in virtual time, this one takes 3 (docs/decisions/0022-small-tasks.md).
 */
#ifndef TASK_H
#define TASK_H

#ifndef __x86_64__
#error "the built-in tasks are written for x86-64 Linux"
#endif

#define EXIT_WRONG 1    /* a result that cannot be */
#define EXIT_ARGUMENT 2 /* arg1 is none */

/* Linux system calls, by their numbers on x86-64. */
enum { SYS_WRITE = 1, SYS_MMAP = 9, SYS_CLOCK_GETTIME = 228, SYS_EXIT_GROUP = 231 };

int task_main(const char *name, const char *arg1);

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline void __attribute__((noreturn)) task_exit(int value)
{
	for (;;)
		system_call(SYS_EXIT_GROUP, value, 0, 0, 0, 0, 0);
}

/* The kernel's stack at the start: argc, then the pointers of argv, then NULL. */
__attribute__((noreturn, used)) static void task_begin(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);

	task_exit(task_main(stack[0] > 0 ? argv[0] : "task", stack[0] == 2 ? argv[1] : 0));
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call task_begin\n");

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

static inline void add_number(struct text *text, long value)
{
	unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;
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
static inline int parse_number(const char *text, long *value)
{
	int negative = *text == '-';
	long number = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (!*text)
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10L, &number) ||
		    __builtin_add_overflow(number, (long)(*text - '0'), &number))
			return 0;
	}
	*value = negative ? -number : number;
	return 1;
}

/* arg1 as a whole number from low to high; else says so and ends the job with 2. */
static inline long argument(const char *name, const char *arg1, long low, long high)
{
	struct text text = { .size = 0 };
	long value;

	if (arg1 && parse_number(arg1, &value) && value >= low && value <= high)
		return value;
	add_text(&text, name);
	add_text(&text, ": arg1 is a whole number from ");
	add_number(&text, low);
	add_text(&text, " to ");
	add_number(&text, high);
	add_text(&text, "\n");
	write_text(2, &text);
	task_exit(EXIT_ARGUMENT);
}

#endif
