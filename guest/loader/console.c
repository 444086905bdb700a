#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#define LINE_MAX_SIZE 512

/* The calling thread's own: others may not use what this one may (ioperm(2)). */
static _Thread_local bool (*writer)(const char *text, size_t size);

void console_use(bool (*write)(const char *text, size_t size))
{
	writer = write;
}

/* Whatever becomes of it: nobody else is to be told. */
static void put_line(const char *line, size_t size)
{
	if (writer != NULL && writer(line, size))
		return;
	writer = NULL;
	(void)!write(STDOUT_FILENO, line, size);
}

/* A hostile name or a task's output must not move the reader's cursor. */
static void clean(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			text[i] = '.';
}

static void print_line(const char *prefix, const char *format, va_list arguments)
{
	char line[LINE_MAX_SIZE];
	size_t used = (size_t)snprintf(line, sizeof line, "%s", prefix);
	int more = vsnprintf(line + used, sizeof line - used - 1, format, arguments);

	used = strlen(line);
	(void)more;
	clean(line, used);
	line[used++] = '\n';
	put_line(line, used);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("loader: ", format, arguments);
	va_end(arguments);
}

void fatal(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("loader: fatal: ", format, arguments);
	va_end(arguments);
	if (getpid() == 1) {
		sleep(1); /* lets the serial port drain */
		reboot(RB_POWER_OFF);
	}
	exit(1);
}

void say_output(unsigned id, const char *text, unsigned long size)
{
	while (size > 0) {
		char line[LINE_MAX_SIZE];
		size_t used = (size_t)snprintf(line, sizeof line, "task %u: ", id);
		const char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) : size;
		size_t part = length;

		if (part > sizeof line - used - 1)
			part = sizeof line - used - 1;
		memcpy(line + used, text, part);
		clean(line + used, part);
		used += part;
		line[used++] = '\n';
		put_line(line, used);
		/* a line that is too long goes on in the next one */
		part += part == length && end ? 1 : 0;
		text += part;
		size -= part;
	}
}
