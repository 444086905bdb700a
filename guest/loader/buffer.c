#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"

#define ROOM_MIN 4096
#define PIECE_MAX 512

void buffer_add(struct buffer *buffer, const void *bytes, size_t size)
{
	if (buffer->room - buffer->size < size) {
		size_t room = buffer->room ? buffer->room : ROOM_MIN;
		uint8_t *more;

		while (room - buffer->size < size)
			room *= 2;
		more = realloc(buffer->bytes, room);
		if (more == NULL)
			fatal("no memory is left for what the host is to be told");
		buffer->bytes = more;
		buffer->room = room;
	}
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
	char piece[PIECE_MAX];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(piece, sizeof piece, format, arguments);
	va_end(arguments);
	if (size > 0)
		buffer_add(buffer, piece, (size_t)size < sizeof piece ? (size_t)size : sizeof piece - 1);
}

void buffer_drop(struct buffer *buffer, size_t size)
{
	buffer->size -= size;
	memmove(buffer->bytes, buffer->bytes + size, buffer->size);
	if (buffer->size == 0)
		buffer_free(buffer);
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){ .bytes = NULL };
}
