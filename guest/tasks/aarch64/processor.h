/* What the tasks do by instructions of 64-bit ARM. */
#ifndef PROCESSOR_H
#define PROCESSOR_H

/* Linux system calls, by the numbers that newer architectures share. */
enum {
	SYS_WRITE = 64,
	SYS_EXIT_GROUP = 94,
	SYS_FUTEX = 98,
	SYS_CLOCK_GETTIME = 113,
	SYS_KILL = 129,
	SYS_GETPID = 172,
	SYS_MMAP = 222,
};

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

/* The kernel's stack at the start is task_begin's argument. */
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	b task_begin\n");

/* 256 instructions a round that do nothing: an emulator runs them 20 times as fast as calls. */
static inline void burn(long rounds)
{
	__asm__ volatile(".balign 512\n"
			 "1:	.rept 254\n"
			 "	nop\n"
			 "	.endr\n"
			 "	subs %0, %0, #1\n"
			 "	b.ne 1b\n"
			 : "+r"(rounds)
			 :
			 : "cc");
}

#endif
