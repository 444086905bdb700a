#include "network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"
#include "dhcp.h"
#include "moment.h"

#define CARD_WAIT_NS (30 * NS_PER_S)
#define CARD_LOOK_US 5000
#define TRIES 9
#define FIRST_WAIT_MS 100 /* doubled with each try, up to LAST_WAIT_MS */
#define LAST_WAIT_MS 8000
#define QUIET_TRIES 3 /* a packet may be lost */

struct card {
	char name[IFNAMSIZ];
	uint8_t hardware[6];
	int control; /* any socket, for ioctl */
};

static void name_into(struct ifreq *request, const char *name)
{
	memset(request, 0, sizeof *request);
	snprintf(request->ifr_name, IFNAMSIZ, "%s", name);
}

static void bring_up(int control, const char *name)
{
	struct ifreq request;

	name_into(&request, name);
	if (ioctl(control, SIOCGIFFLAGS, &request) < 0)
		fatal("%s has no flags: %s", name, strerror(errno));
	request.ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request) < 0)
		fatal("%s cannot be brought up: %s", name, strerror(errno));
}

/* The first card that is not the loopback. */
static bool find_card(char name[IFNAMSIZ])
{
	DIR *directory = opendir("/sys/class/net");
	struct dirent *entry;
	bool found = false;

	while (directory != NULL && !found && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lo") == 0)
			continue;
		snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, entry->d_name);
		found = true;
	}
	if (directory != NULL)
		closedir(directory);
	return found;
}

/*
 * A machine that goes on from a template has its template's card, with its address. The
 * kernel changes that before the card is up.
 */
static void set_hardware(const struct card *card, const uint8_t hardware[6])
{
	static const uint8_t any[6];
	struct ifreq request;

	if (hardware == NULL || memcmp(hardware, any, sizeof any) == 0)
		return;
	name_into(&request, card->name);
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, hardware, sizeof any);
	if (ioctl(card->control, SIOCSIFHWADDR, &request) < 0)
		fatal("%s takes no hardware address: %s", card->name, strerror(errno));
}

static void open_card(struct card *card, const uint8_t hardware[6])
{
	int64_t limit_ns = now_ns() + CARD_WAIT_NS;
	struct ifreq request;

	while (!find_card(card->name)) {
		if (now_ns() > limit_ns)
			fatal("no network card appeared in %lld s: are its modules in /modules?",
			      (long long)(CARD_WAIT_NS / NS_PER_S));
		usleep(CARD_LOOK_US);
	}
	set_hardware(card, hardware);
	name_into(&request, card->name);
	if (ioctl(card->control, SIOCGIFHWADDR, &request) < 0)
		fatal("%s has no hardware address: %s", card->name, strerror(errno));
	memcpy(card->hardware, request.ifr_hwaddr.sa_data, sizeof card->hardware);
	bring_up(card->control, card->name);
}

static int open_socket(const struct card *card)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT) };
	int one = 1;
	int socket_end = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* bound to the device, it may send and be sent to before there is an address */
	if (socket_end < 0 ||
	    setsockopt(socket_end, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0 ||
	    setsockopt(socket_end, SOL_SOCKET, SO_BINDTODEVICE, card->name,
		       (socklen_t)strlen(card->name)) < 0 ||
	    bind(socket_end, (struct sockaddr *)&local, sizeof local) < 0)
		fatal("no socket for DHCP: %s", strerror(errno));
	return socket_end;
}

static void send_packet(int socket_end, const uint8_t *packet, size_t size)
{
	struct sockaddr_in everybody = { .sin_family = AF_INET,
					 .sin_port = htons(DHCP_SERVER_PORT),
					 .sin_addr.s_addr = INADDR_BROADCAST };

	/* a failure is as good as a lost packet: it is sent again */
	(void)!sendto(socket_end, packet, size, 0, (struct sockaddr *)&everybody,
		      sizeof everybody);
}

/* Waits for an answer of that type (or a refusal) until the time is up. */
static bool await(int socket_end, const struct card *card, uint32_t id, enum dhcp_type type,
		  int wait_ms, struct dhcp_lease *lease)
{
	int64_t limit_ns = now_ns() + wait_ms * NS_PER_MS;
	int64_t left_ns;

	while ((left_ns = limit_ns - now_ns()) > 0) {
		struct pollfd ready = { .fd = socket_end, .events = POLLIN };
		uint8_t packet[1500];
		ssize_t size;

		if (poll(&ready, 1, (int)(left_ns / NS_PER_MS) + 1) <= 0)
			return false;
		size = recv(socket_end, packet, sizeof packet, MSG_DONTWAIT);
		if (size > 0 && dhcp_read(packet, (size_t)size, id, card->hardware, lease) &&
		    (lease->type == type || lease->type == DHCP_NAK))
			return lease->type == type;
	}
	return false;
}

static bool lease_once(int socket_end, const struct card *card, int wait_ms,
		       struct dhcp_lease *lease)
{
	uint8_t packet[DHCP_PACKET_SIZE];
	struct dhcp_lease offer;
	uint32_t id;

	if (getrandom(&id, sizeof id, GRND_NONBLOCK) != sizeof id)
		id = (uint32_t)now_ns();
	send_packet(socket_end, packet,
		    dhcp_write(packet, DHCP_DISCOVER, id, card->hardware, NULL));
	if (!await(socket_end, card, id, DHCP_OFFER, wait_ms, &offer))
		return false;
	send_packet(socket_end, packet,
		    dhcp_write(packet, DHCP_REQUEST, id, card->hardware, &offer));
	return await(socket_end, card, id, DHCP_ACK, wait_ms, lease);
}

static void address_into(struct sockaddr *place, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };

	memcpy(place, &in, sizeof in);
}

static void apply(const struct card *card, const struct dhcp_lease *lease)
{
	struct ifreq request;
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	name_into(&request, card->name);
	address_into(&request.ifr_addr, lease->address);
	if (ioctl(card->control, SIOCSIFADDR, &request) < 0)
		fatal("%s takes no address: %s", card->name, strerror(errno));
	if (lease->netmask != 0) {
		address_into(&request.ifr_netmask, lease->netmask);
		if (ioctl(card->control, SIOCSIFNETMASK, &request) < 0)
			fatal("%s takes no netmask: %s", card->name, strerror(errno));
	}
	if (lease->router == 0)
		return;
	address_into(&route.rt_dst, 0);
	address_into(&route.rt_genmask, 0);
	address_into(&route.rt_gateway, lease->router);
	if (ioctl(card->control, SIOCADDRT, &route) < 0 && errno != EEXIST)
		say("%s takes no route: %s", card->name, strerror(errno));
}

const char *network_start(const uint8_t hardware[6])
{
	static char text[INET_ADDRSTRLEN];
	struct card card = { .control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	struct dhcp_lease lease;
	int wait_ms = FIRST_WAIT_MS;
	int socket_end;
	bool leased = false;

	if (card.control < 0)
		fatal("no sockets: %s", strerror(errno));
	bring_up(card.control, "lo");
	open_card(&card, hardware);
	socket_end = open_socket(&card);
	for (int i = 0; i < TRIES && !leased; i++) {
		if (i == QUIET_TRIES)
			say("no DHCP server has answered on %s yet", card.name);
		leased = lease_once(socket_end, &card, wait_ms, &lease);
		wait_ms = wait_ms * 2 < LAST_WAIT_MS ? wait_ms * 2 : LAST_WAIT_MS;
	}
	if (!leased)
		fatal("no DHCP server answered on %s", card.name);
	apply(&card, &lease);
	close(socket_end);
	close(card.control);
	inet_ntop(AF_INET, &lease.address, text, sizeof text);
	return text;
}
