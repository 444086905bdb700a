/* The TCP side of the loader: one host at a time. */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>

/* Serves for ever; `news` is the executor's eventfd. */
void server_run(const char *address, int port, int news) __attribute__((noreturn));

#endif
