/* What hey and namaste do: print their name and arg1. */
#ifndef GREET_H
#define GREET_H

#include "task.h"

static inline int greet(const char *greeting, const char *name, const char *arg1)
{
	long long value = argument(name, arg1, -2147483647L, 2147483647L);
	struct text text;

	text.size = 0;
	add_text(&text, greeting);
	add_text(&text, " ");
	add_number(&text, value);
	add_text(&text, "\n");
	write_text(1, &text);
	return 0;
}

#endif
