#include "wire.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void wire_init(struct wire *wire)
{
	*wire = (struct wire){ .state = AT_WORD };
}

void wire_free(struct wire *wire)
{
	free(wire->text);
	wire_init(wire);
}

void put_word(uint8_t out[4], uint32_t word)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(word >> (8 * i));
}

static uint32_t get_word(const uint8_t *in)
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* Collects `want` bytes in wire->head; true when they are all there. */
static bool collect(struct wire *wire, const uint8_t **bytes, size_t *size, size_t want)
{
	size_t part = want - wire->filled;

	if (part > *size)
		part = *size;
	if (part > 0)
		memcpy(wire->head + wire->filled, *bytes, part);
	wire->filled += part;
	*bytes += part;
	*size -= part;
	if (wire->filled < want)
		return false;
	wire->filled = 0;
	return true;
}

static void bad(struct wire_item *item, const char *why)
{
	item->kind = WIRE_BAD;
	item->why = why;
}

static void command(struct wire *wire, struct wire_item *item)
{
	item->kind = WIRE_COMMAND;
	item->word = wire->word;
	item->data = wire->text;
	item->size = wire->text_size;
	wire->state = AT_WORD;
}

static void take_word(struct wire *wire, struct wire_item *item)
{
	free(wire->text);
	wire->text = NULL;
	wire->text_size = 0;
	wire->word = get_word(wire->head);
	switch (wire->word) {
	case WORD_SEND_DESCS:
	case WORD_OPTIMIZE:
		wire->state = AT_SIZE;
		break;
	case WORD_SEND_BINARIES:
		wire->state = AT_COUNT;
		break;
	case WORD_CLEAR:
	case WORD_GET_PROFILE:
	case WORD_GET_LIVE:
	case WORD_REBOOT:
	case WORD_AVAILABLE:
	case WORD_START:
	case WORD_STOP:
		command(wire, item);
		break;
	default:
		bad(item, "an unknown word");
	}
}

static void take_text_size(struct wire *wire, struct wire_item *item)
{
	wire->left = get_word(wire->head);
	if (wire->left > WIRE_TEXT_MAX) {
		bad(item, "a description over 1 MiB");
		return;
	}
	/* one byte more, so that the text can be ended by NUL */
	wire->text = malloc((size_t)wire->left + 1);
	if (wire->text == NULL) {
		bad(item, "a description that does not fit in memory");
		return;
	}
	wire->text[wire->left] = 0;
	wire->state = AT_TEXT;
}

static void take_text(struct wire *wire, const uint8_t **bytes, size_t *size,
		      struct wire_item *item)
{
	size_t part = wire->left < *size ? wire->left : *size;

	if (part > 0)
		memcpy(wire->text + wire->text_size, *bytes, part);
	wire->text_size += part;
	wire->left -= (uint32_t)part;
	*bytes += part;
	*size -= part;
	if (wire->left == 0)
		command(wire, item);
}

static void take_name(struct wire *wire, struct wire_item *item)
{
	const char *name = (const char *)wire->head;

	if (memchr(name, 0, WIRE_NAME_SIZE) == NULL)
		bad(item, "a binary's name without an end");
	else if (name[0] == 0 || name[0] == '.' || strchr(name, '/') != NULL)
		bad(item, "a binary's name that is no plain file name");
	else
		memcpy(wire->name, name, WIRE_NAME_SIZE);
	wire->state = AT_LENGTH;
}

static void take_chunk(struct wire *wire, const uint8_t **bytes, size_t *size,
		       struct wire_item *item)
{
	size_t part = wire->left < *size ? wire->left : *size;

	if (part == 0)
		return;
	item->kind = WIRE_CHUNK;
	item->data = *bytes;
	item->size = part;
	wire->left -= (uint32_t)part;
	*bytes += part;
	*size -= part;
	if (wire->left == 0)
		wire->state = AT_END;
}

static void take_length(struct wire *wire, struct wire_item *item)
{
	wire->left = get_word(wire->head);
	if (wire->left > WIRE_BINARY_MAX) {
		bad(item, "a binary over 64 MiB");
		return;
	}
	item->kind = WIRE_BINARY;
	item->size = wire->left;
	memcpy(item->name, wire->name, WIRE_NAME_SIZE);
	wire->state = wire->left > 0 ? AT_BYTES : AT_END;
}

static void take_count(struct wire *wire, struct wire_item *item)
{
	wire->binaries = get_word(wire->head);
	if (wire->binaries > WIRE_BINARIES_MAX)
		bad(item, "more than 1024 binaries");
	wire->state = wire->binaries > 0 ? AT_ASK : AT_WORD;
}

void wire_next(struct wire *wire, const uint8_t **bytes, size_t *size, struct wire_item *item)
{
	*item = (struct wire_item){ .kind = WIRE_MORE };
	do {
		switch (wire->state) {
		case AT_WORD:
			if (collect(wire, bytes, size, 4))
				take_word(wire, item);
			break;
		case AT_SIZE:
			if (collect(wire, bytes, size, 4))
				take_text_size(wire, item);
			if (item->kind == WIRE_MORE && wire->state == AT_TEXT && wire->left == 0)
				command(wire, item);
			break;
		case AT_TEXT:
			take_text(wire, bytes, size, item);
			break;
		case AT_COUNT:
			if (collect(wire, bytes, size, 4))
				take_count(wire, item);
			/* the first GO_SEND is due before any further byte comes */
			if (item->kind == WIRE_MORE && wire->state == AT_ASK) {
				item->kind = WIRE_ASK;
				wire->state = AT_NAME;
			}
			break;
		case AT_ASK:
			item->kind = WIRE_ASK;
			wire->state = AT_NAME;
			break;
		case AT_NAME:
			if (collect(wire, bytes, size, WIRE_NAME_SIZE))
				take_name(wire, item);
			break;
		case AT_LENGTH:
			if (collect(wire, bytes, size, 4))
				take_length(wire, item);
			break;
		case AT_BYTES:
			take_chunk(wire, bytes, size, item);
			break;
		case AT_END:
			item->kind = WIRE_STORED;
			wire->binaries--;
			wire->state = wire->binaries > 0 ? AT_ASK : AT_WORD;
			break;
		}
	} while (item->kind == WIRE_MORE &&
		 (*size > 0 || wire->state == AT_ASK || wire->state == AT_END));
}
