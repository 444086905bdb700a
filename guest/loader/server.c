#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "console.h"
#include "session.h"

#define PIECE (64 * 1024)

static int listen_on(int port)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(listener, (struct sockaddr *)&local, sizeof local) < 0 || listen(listener, 4) < 0)
		fatal("port %d cannot be served: %s", port, strerror(errno));
	return listener;
}

static int accept_host(int listener)
{
	int one = 1;
	int host = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (host >= 0) {
		setsockopt(host, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		session_open();
	}
	return host;
}

/* False when the host has gone or broken the protocol. */
static bool receive(int host, struct buffer *out)
{
	static uint8_t bytes[PIECE];
	ssize_t size = recv(host, bytes, sizeof bytes, 0);

	if (size < 0)
		return errno == EAGAIN || errno == EINTR;
	return size > 0 && session_feed(bytes, (size_t)size, out);
}

static bool send_out(int host, struct buffer *out)
{
	while (out->size > 0) {
		ssize_t size = send(host, out->bytes, out->size, MSG_NOSIGNAL);

		if (size < 0)
			return errno == EAGAIN || errno == EINTR;
		buffer_drop(out, (size_t)size);
		session_news(out); /* what did not fit before */
	}
	return true;
}

static void hang_up(int *host, struct buffer *out)
{
	close(*host);
	*host = -1;
	buffer_free(out);
	session_close();
}

void server_run(const char *address, int port, int news)
{
	struct buffer out = { .bytes = NULL };
	int listener = listen_on(port);
	int host = -1;

	say("ready on %s port %d", address, port);
	for (;;) {
		struct pollfd ends[2] = {
			{ .fd = news, .events = POLLIN },
			{ .fd = host < 0 ? listener : host,
			  .events = (short)(POLLIN | (out.size > 0 ? POLLOUT : 0)) },
		};
		uint64_t count;
		bool well = true;

		if (poll(ends, 2, -1) < 0)
			continue;
		if (ends[0].revents && read(news, &count, sizeof count) > 0)
			session_news(&out);
		if (ends[1].revents && host < 0)
			host = accept_host(listener);
		else if (ends[1].revents & (POLLIN | POLLHUP | POLLERR))
			well = receive(host, &out);
		if (host >= 0 && (!well || !send_out(host, &out)))
			hang_up(&host, &out);
	}
}
