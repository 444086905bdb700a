/*
 * What is said between host and loader, whatever way it travels: bytes from the host go
 * in, bytes for the host gather in `out`.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

/* `news` is the eventfd that the executor notifies; it makes session_news due. */
void session_init(bool virtual_clock, int news);

/* A new host has come. */
void session_open(void);
/* It has gone: its tasks end and are forgotten. */
void session_close(void);

/* Takes what came from the host; false (told on the console) if it broke the protocol. */
bool session_feed(const uint8_t *bytes, size_t size, struct buffer *out);

/* The executor has news: tells what there is to tell. */
void session_news(struct buffer *out);

/*
 * The same, but what the run leaves behind stays, for a machine that ends now; true when
 * all is told (or there was nothing to run).
 */
bool session_tell(struct buffer *out);

#endif
