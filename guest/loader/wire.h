/* The wire protocol (docs/protocol.md): bytes in, messages out; no sockets. */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum wire_word {
	WORD_GO_SEND = 0x00000090,
	WORD_SEND_DESCS = 0x00000DE5,
	WORD_CLEAR = 0x00000DE6,
	WORD_GET_PROFILE = 0x000159D1,
	WORD_GET_LIVE = 0x000159D2,
	WORD_REBOOT = 0x000159D3,
	WORD_AVAILABLE = 0x000AAAAA,
	WORD_START = 0x00514DE5,
	WORD_STOP = 0x00514DE6,
	WORD_OPTIMIZE = 0x006F7074,
	WORD_SEND_BINARIES = 0x0DE5F11E,
};

#define WIRE_TEXT_MAX (UINT32_C(1) << 20)
#define WIRE_BINARY_MAX (UINT32_C(64) << 20)
#define WIRE_BINARIES_MAX UINT32_C(1024)
#define WIRE_NAME_SIZE 16

enum wire_kind {
	WIRE_MORE,    /* all bytes are used up */
	WIRE_COMMAND, /* `word`, with `data` and `size` where it has a body */
	WIRE_ASK,     /* the peer waits for GO_SEND */
	WIRE_BINARY,  /* a binary of `name` and `size` begins */
	WIRE_CHUNK,   /* the next `size` bytes of it, at `data` */
	WIRE_STORED,  /* it is complete */
	WIRE_BAD,     /* not of the protocol; `why` says what. Close the connection. */
};

struct wire_item {
	enum wire_kind kind;
	uint32_t word;
	const uint8_t *data;
	size_t size;
	char name[WIRE_NAME_SIZE];
	const char *why;
};

enum wire_state { AT_WORD, AT_SIZE, AT_TEXT, AT_COUNT, AT_ASK, AT_NAME, AT_LENGTH, AT_BYTES, AT_END };

struct wire {
	enum wire_state state;
	uint32_t word;
	uint8_t head[WIRE_NAME_SIZE]; /* a word or a name as it trickles in */
	size_t filled;
	uint32_t left;     /* bytes of a text or binary still to come */
	uint32_t binaries; /* binaries still to come */
	char name[WIRE_NAME_SIZE];
	uint8_t *text; /* the body of a command */
	size_t text_size;
};

void wire_init(struct wire *wire);
void wire_free(struct wire *wire);

/*
 * Takes bytes from `*bytes` (and `*size`, both moved on) until something is complete.
 * `item->data` stays valid until the next call.
 */
void wire_next(struct wire *wire, const uint8_t **bytes, size_t *size, struct wire_item *item);

void put_word(uint8_t out[4], uint32_t word);

#endif
