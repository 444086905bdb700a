/* What the tasks do by instructions of x86-64. */
#ifndef PROCESSOR_H
#define PROCESSOR_H

/* Linux system calls, by their numbers on x86-64. */
enum {
	SYS_WRITE = 1,
	SYS_MMAP = 9,
	SYS_GETPID = 39,
	SYS_KILL = 62,
	SYS_FUTEX = 202,
	SYS_CLOCK_GETTIME = 228,
	SYS_EXIT_GROUP = 231,
};

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

/* The kernel's stack at the start is task_begin's argument. */
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call task_begin\n");

/* 256 instructions a round that do nothing: an emulator runs them 20 times as fast as calls. */
static inline void burn(long rounds)
{
	__asm__ volatile(".balign 512\n"
			 "1:	.rept 254\n"
			 "	nop\n"
			 "	.endr\n"
			 "	dec %0\n"
			 "	jnz 1b\n"
			 : "+r"(rounds)
			 :
			 : "cc");
}

#endif
