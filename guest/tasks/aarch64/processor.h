/* What the tasks do by instructions of 64-bit ARM. */
#ifndef PROCESSOR_H
#define PROCESSOR_H

/* Linux system calls, by the numbers that newer architectures share. */
enum { SYS_WRITE = 64, SYS_MMAP = 222, SYS_CLOCK_GETTIME = 113, SYS_EXIT_GROUP = 94 };

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

/*
 * The kernel's stack at the start is task_begin's argument. As a job server (argv[0] is "+",
 * ../loader/jobserver.h) the program waits for SIGUSR1 and then clones itself; the clone stops, and is a
 * job once it is let go. The server itself leaves the stack alone: its jobs use it in turns.
 */
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x19, sp\n"
	"	ldr x0, [sp, #8]\n"
	"	ldrb w0, [x0]\n"
	"	cmp w0, #'+'\n"
	"	b.ne 3f\n"
	"	ldr x0, [sp]\n"
	"	sub x0, x0, #1\n"
	"	str x0, [x19, #8]!\n" /* where argv[0] was */
	"1:	mov x8, #137\n" /* rt_sigtimedwait */
	"	adr x0, 5f\n"
	"	mov x1, #0\n"
	"	mov x2, #0\n"
	"	mov x3, #8\n"
	"	svc #0\n"
	"	cmp x0, #10\n" /* SIGUSR1 */
	"	b.ne 1b\n"
	"	mov x8, #220\n" /* clone */
	"	mov x0, #0x8f00\n" /* VM, FS, FILES, SIGHAND, PARENT */
	"	mov x1, #0\n"
	"	mov x2, #0\n"
	"	mov x3, #0\n"
	"	mov x4, #0\n"
	"	svc #0\n"
	"	cmp x0, #0\n"
	"	b.eq 2f\n"
	"	b.lt 4f\n"
	"	str w0, [x19, #-8]\n" /* a word that is free by now */
	"	mov x8, #64\n" /* write */
	"	mov x0, #3\n"
	"	sub x1, x19, #8\n"
	"	mov x2, #4\n"
	"	svc #0\n"
	"	b 1b\n"
	"2:	mov x8, #172\n" /* getpid */
	"	svc #0\n"
	"	mov x8, #129\n" /* kill */
	"	mov x1, #19\n" /* SIGSTOP */
	"	svc #0\n"
	"3:	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, x19\n"
	"	b task_begin\n"
	"4:	mov x8, #94\n" /* exit_group */
	"	mov x0, #1\n"
	"	svc #0\n"
	"	.balign 8\n"
	"5:	.quad 0x200\n");

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
