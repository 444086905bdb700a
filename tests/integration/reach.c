/*
 * A task that tries to get out of its machine. Its argument says where to:
 *   GATEWAY OUTSIDE PORT MACHINES
 * the network's gateway, an address of the host outside of that network, the port on which the
 * host listens there, and the machines of the network with commas between them, or - for none. Its exit value is the sum of what it
 * has reached; what only the host can know (datagrams, frames) the test looks at.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum reached {
	HOST_BY_GATEWAY = 1,
	HOST_OUTSIDE = 2,
	NAMES = 4,
	HOST_BY_IPV6 = 8,
	OTHER_MACHINE = 16,
	/* that it has a network at all: without it the rest shows nothing */
	NETWORK = 64,
};

#define WAIT_MS 300
/* "local experimental" in IEEE 802's list of what frames carry */
#define FRAME_TYPE 0x88b5
#define LISTEN_S 2

static int wait_for(int end, short what)
{
	struct pollfd one = { .fd = end, .events = what };

	return poll(&one, 1, WAIT_MS) == 1 && (one.revents & what);
}

static int tcp(const struct sockaddr *address, socklen_t size)
{
	int end = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int error = 0, reached = 0;
	socklen_t length = sizeof error;

	if (end < 0)
		return 0;
	if (connect(end, address, size) == 0)
		reached = 1;
	else if (errno == EINPROGRESS && wait_for(end, POLLOUT))
		reached = getsockopt(end, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
	close(end);
	return reached;
}

static struct sockaddr_in at(const char *host, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, host, &address.sin_addr);
	return address;
}

static int tcp4(const char *host, int port)
{
	struct sockaddr_in address = at(host, port);

	return tcp((struct sockaddr *)&address, sizeof address);
}

static int tcp6(const char *host, int port, unsigned scope)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_port = htons((uint16_t)port),
					.sin6_scope_id = scope };

	inet_pton(AF_INET6, host, &address.sin6_addr);
	return tcp((struct sockaddr *)&address, sizeof address);
}

/* Whether anybody answers a datagram. */
static int answered(int kind, int protocol, const char *host, int port, const void *said,
		    size_t size)
{
	struct sockaddr_in address = at(host, port);
	int end = socket(AF_INET, kind, protocol);
	char heard[512];
	int reached = 0;

	if (end < 0)
		return 0;
	connect(end, (struct sockaddr *)&address, sizeof address);
	if (send(end, said, size, 0) > 0 && wait_for(end, POLLIN))
		reached = recv(end, heard, sizeof heard, 0) > 0;
	close(end);
	return reached;
}

/* Whether it arrives, only the host knows. */
static void datagram(const char *host, int port)
{
	struct sockaddr_in address = at(host, port);
	int end = socket(AF_INET, SOCK_DGRAM, 0);

	if (end < 0)
		return;
	sendto(end, "hello", 5, 0, (struct sockaddr *)&address, sizeof address);
	close(end);
}

static int name_server(const char *host)
{
	/* who is example.org? */
	static const unsigned char question[] =
		"\1\2\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1";

	return answered(SOCK_DGRAM, 0, host, 53, question, sizeof question - 1) || tcp4(host, 53);
}

static int ping(const char *host)
{
	struct icmphdr echo = { .type = ICMP_ECHO };

	echo.checksum = htons((uint16_t)~(ICMP_ECHO << 8));
	return answered(SOCK_RAW, IPPROTO_ICMP, host, 0, &echo, sizeof echo);
}

static unsigned card(char own[INET_ADDRSTRLEN])
{
	struct ifaddrs *all, *each;
	unsigned found = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (each = all; each != NULL; each = each->ifa_next)
		if (each->ifa_addr != NULL && each->ifa_addr->sa_family == AF_INET &&
		    !(each->ifa_flags & IFF_LOOPBACK)) {
			found = if_nametoindex(each->ifa_name);
			inet_ntop(AF_INET, &((struct sockaddr_in *)each->ifa_addr)->sin_addr, own,
				  INET_ADDRSTRLEN);
		}
	freeifaddrs(all);
	return found;
}

/* Sends frames to everybody, and listens for those of another machine. */
static int shout_and_listen(unsigned index)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(FRAME_TYPE),
				  .sll_ifindex = (int)index,
				  .sll_halen = 6 };
	int end = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(FRAME_TYPE));
	time_t until = time(NULL) + LISTEN_S;
	char heard[64];

	if (end < 0)
		return 0;
	memset(to.sll_addr, 0xff, 6);
	while (time(NULL) < until) {
		struct sockaddr_ll from;
		socklen_t size = sizeof from;

		sendto(end, "hello", 5, 0, (struct sockaddr *)&to, sizeof to);
		usleep(50000);
		while (recvfrom(end, heard, sizeof heard, 0, (struct sockaddr *)&from, &size) > 0)
			if (from.sll_pkttype != PACKET_OUTGOING)
				return 1;
	}
	return 0;
}

static int others(char *machines, const char *own, unsigned index)
{
	for (char *each = strtok(machines, ","); each != NULL; each = strtok(NULL, ","))
		if (strcmp(each, own) != 0 && (tcp4(each, 3001) || ping(each)))
			return 1;
	return shout_and_listen(index);
}

int main(int argc, char **argv)
{
	char gateway[64], outside[64], machines[64], own[INET_ADDRSTRLEN] = "";
	unsigned index = card(own);
	int port, reached = index ? NETWORK : 0;

	if (argc < 2 || sscanf(argv[1], "%63s %63s %d %63s", gateway, outside, &port, machines) != 4)
		return 0;
	if (tcp4(gateway, port) || tcp4(gateway, 22))
		reached |= HOST_BY_GATEWAY;
	if (tcp4(outside, port) || ping(outside))
		reached |= HOST_OUTSIDE;
	datagram(gateway, port);
	datagram(outside, port);
	if (name_server(gateway) || name_server("10.0.2.3"))
		reached |= NAMES;
	if (tcp6("fec0::2", port, 0) || tcp6("fe80::2", port, index))
		reached |= HOST_BY_IPV6;
	if (strcmp(machines, "-") != 0 && others(machines, own, index))
		reached |= OTHER_MACHINE;
	return reached;
}
