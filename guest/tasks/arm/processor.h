/* What the tasks do by instructions of 32-bit ARM (version 7; compiled with -marm). */
#ifndef PROCESSOR_H
#define PROCESSOR_H

/* Linux system calls, by their numbers on ARM; mmap2 counts its offset in pages. */
enum {
	SYS_WRITE = 4,
	SYS_GETPID = 20,
	SYS_KILL = 37,
	SYS_MMAP = 192,
	SYS_FUTEX = 240,
	SYS_EXIT_GROUP = 248,
	SYS_CLOCK_GETTIME = 263,
};

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

/* The kernel's stack at the start is task_begin's argument. */
__asm__(".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	"	mov r11, #0\n"
	"	mov lr, #0\n"
	"	mov r0, sp\n"
	"	b task_begin\n");

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
