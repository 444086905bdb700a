/* The binaries that the host has sent, in /tasks (tmpfs); they last until a reboot. */
#ifndef BINARIES_H
#define BINARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* A binary as it arrives; a failure is kept and told once, by binary_end. */
struct binary {
	int file; /* -1: none is open */
	int error;
	char name[WIRE_NAME_SIZE];
};

void binary_begin(struct binary *binary, const char *name);
void binary_add(struct binary *binary, const uint8_t *bytes, size_t size);
/* Puts it in its place, at once and whole. */
void binary_end(struct binary *binary);
/* Throws away what has come so far. */
void binary_drop(struct binary *binary);

#endif
