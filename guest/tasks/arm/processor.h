/* What the tasks do by instructions of 32-bit ARM (version 7; compiled with -marm). */
#ifndef PROCESSOR_H
#define PROCESSOR_H

/* Linux system calls, by their numbers on ARM; mmap2 counts its offset in pages. */
enum { SYS_WRITE = 4, SYS_MMAP = 192, SYS_CLOCK_GETTIME = 263, SYS_EXIT_GROUP = 248 };

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r7 __asm__("r7") = number;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;
	register long r5 __asm__("r5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(r0)
			 : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
			 : "memory");
	return r0;
}

/*
 * The kernel's stack at the start is task_begin's argument. As a job server (argv[0] is "+",
 * ../loader/jobserver.h) the program waits for SIGUSR1 and then clones itself; the clone stops, and is a
 * job once it is let go. The server itself leaves the stack alone: its jobs use it in turns.
 */
__asm__(".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	"	mov r8, sp\n"
	"	ldr r0, [sp, #4]\n"
	"	ldrb r0, [r0]\n"
	"	cmp r0, #'+'\n"
	"	bne 3f\n"
	"	ldr r0, [sp]\n"
	"	sub r0, r0, #1\n"
	"	str r0, [r8, #4]!\n" /* where argv[0] was */
	"1:	mov r7, #177\n" /* rt_sigtimedwait */
	"	adr r0, 5f\n"
	"	mov r1, #0\n"
	"	mov r2, #0\n"
	"	mov r3, #8\n"
	"	svc #0\n"
	"	cmp r0, #10\n" /* SIGUSR1 */
	"	bne 1b\n"
	"	mov r7, #120\n" /* clone */
	"	mov r0, #0x8f00\n" /* VM, FS, FILES, SIGHAND, PARENT */
	"	mov r1, #0\n"
	"	mov r2, #0\n"
	"	mov r3, #0\n"
	"	mov r4, #0\n"
	"	svc #0\n"
	"	cmp r0, #0\n"
	"	beq 2f\n"
	"	blt 4f\n"
	"	str r0, [r8, #-4]\n" /* a word that is free by now */
	"	mov r7, #4\n" /* write */
	"	mov r0, #3\n"
	"	sub r1, r8, #4\n"
	"	mov r2, #4\n"
	"	svc #0\n"
	"	b 1b\n"
	"2:	mov r7, #20\n" /* getpid */
	"	svc #0\n"
	"	mov r7, #37\n" /* kill */
	"	mov r1, #19\n" /* SIGSTOP */
	"	svc #0\n"
	"3:	mov r11, #0\n"
	"	mov lr, #0\n"
	"	mov r0, r8\n"
	"	b task_begin\n"
	"4:	mov r7, #248\n" /* exit_group */
	"	mov r0, #1\n"
	"	svc #0\n"
	"	.balign 8\n"
	"5:	.word 0x200, 0\n");

/*
 * 256 instructions a round that do nothing: an emulator runs them 20 times as fast as calls.
 * By itself, as no constant of a caller could be reached across them.
 */
__attribute__((noinline, unused)) static void burn(long rounds)
{
	__asm__ volatile(".balign 512\n"
			 "1:	.rept 254\n"
			 "	nop\n"
			 "	.endr\n"
			 "	subs %0, %0, #1\n"
			 "	bne 1b\n"
			 : "+r"(rounds)
			 :
			 : "cc");
}

/* The compiler's library divides 64 bits, and calls these on a division by zero. */
void division_by_zero(void) __asm__("__aeabi_ldiv0");
void narrow_division_by_zero(void) __asm__("__aeabi_idiv0");

void division_by_zero(void)
{
	__builtin_trap();
}

void narrow_division_by_zero(void)
{
	__builtin_trap();
}

#endif
