/* What the loader tells the person who reads the machine's console. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What the calling thread prints, it prints by this from now on and not by the kernel, until that says
 * that it cannot: that line is then printed by the kernel, whole.
 */
void console_use(bool (*write)(const char *text, size_t size));

/* Prints one line, "loader: ..."; control characters become dots. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints "loader: fatal: ..." and powers the machine off. */
void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Prints text that a task wrote, line by line, each behind "task ID: ". */
void say_output(unsigned id, const char *text, unsigned long size);

#endif
