/* DHCP (RFC 2131) as bytes: the client's packets and what a server answers; no sockets. */
#ifndef DHCP_H
#define DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_PACKET_SIZE 576
#define DHCP_CLIENT_PORT 68
#define DHCP_SERVER_PORT 67

enum dhcp_type { DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_NAK = 6 };

/* Addresses are in network byte order; 0 where the server did not say. */
struct dhcp_lease {
	enum dhcp_type type;
	uint32_t address, netmask, router, server;
};

/* Fills `packet` and returns its size. `offer` is what a DHCP_REQUEST asks for. */
size_t dhcp_write(uint8_t packet[DHCP_PACKET_SIZE], enum dhcp_type type, uint32_t id,
		  const uint8_t hardware[6], const struct dhcp_lease *offer);

/* True for a well-formed answer to the client's `id` and `hardware` address. */
bool dhcp_read(const uint8_t *packet, size_t size, uint32_t id, const uint8_t hardware[6],
	       struct dhcp_lease *lease);

#endif
