/* What the tasks do by instructions of x86-64. */
#ifndef PROCESSOR_H
#define PROCESSOR_H

/* Linux system calls, by their numbers on x86-64. */
enum { SYS_WRITE = 1, SYS_MMAP = 9, SYS_CLOCK_GETTIME = 228, SYS_EXIT_GROUP = 231 };

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

/*
 * The kernel's stack at the start is task_begin's argument. As a job server (argv[0] is "+",
 * ../loader/jobserver.h) the program waits for SIGUSR1 and then clones itself; the clone stops, and is a
 * job once it is let go. The server itself leaves the stack alone: its jobs use it in turns.
 */
__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rbx\n"
	"	mov 8(%rsp), %rax\n"
	"	cmpb $'+', (%rax)\n"
	"	jne 3f\n"
	"	mov (%rsp), %rax\n"
	"	dec %rax\n"
	"	add $8, %rbx\n" /* where argv[0] was */
	"	mov %rax, (%rbx)\n"
	"1:	mov $128, %eax\n" /* rt_sigtimedwait */
	"	lea 5f(%rip), %rdi\n"
	"	xor %esi, %esi\n"
	"	xor %edx, %edx\n"
	"	mov $8, %r10d\n"
	"	syscall\n"
	"	cmp $10, %eax\n" /* SIGUSR1 */
	"	jne 1b\n"
	"	mov $56, %eax\n" /* clone */
	"	mov $0x8f00, %edi\n" /* VM, FS, FILES, SIGHAND, PARENT */
	"	xor %esi, %esi\n"
	"	xor %edx, %edx\n"
	"	xor %r10d, %r10d\n"
	"	xor %r8d, %r8d\n"
	"	syscall\n"
	"	test %eax, %eax\n"
	"	jz 2f\n"
	"	js 4f\n"
	"	mov %eax, -8(%rbx)\n" /* a word that is free by now */
	"	mov $1, %eax\n" /* write */
	"	mov $3, %edi\n"
	"	lea -8(%rbx), %rsi\n"
	"	mov $4, %edx\n"
	"	syscall\n"
	"	jmp 1b\n"
	"2:	mov $39, %eax\n" /* getpid */
	"	syscall\n"
	"	mov %eax, %edi\n"
	"	mov $62, %eax\n" /* kill */
	"	mov $19, %esi\n" /* SIGSTOP */
	"	syscall\n"
	"3:	xor %ebp, %ebp\n"
	"	mov %rbx, %rdi\n"
	"	and $-16, %rsp\n"
	"	call task_begin\n"
	"4:	mov $231, %eax\n" /* exit_group */
	"	mov $1, %edi\n"
	"	syscall\n"
	"	.balign 8\n"
	"5:	.quad 0x200\n");

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
