#include "dhcp.h"

#include <string.h>

/* Offsets and numbers of RFC 2131 and RFC 2132. */
#define AT_ID 4
#define AT_FLAGS 10
#define AT_YOUR_ADDRESS 16
#define AT_HARDWARE 28
#define AT_COOKIE 236
#define AT_OPTIONS 240
#define BOOT_REQUEST 1
#define BOOT_REPLY 2
#define ETHERNET 1
#define FLAG_BROADCAST 0x80

enum option {
	OPTION_PAD = 0,
	OPTION_NETMASK = 1,
	OPTION_ROUTER = 3,
	OPTION_ADDRESS = 50,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_PARAMETERS = 55,
	OPTION_END = 255,
};

static const uint8_t COOKIE[4] = { 99, 130, 83, 99 };

static uint8_t *add(uint8_t *at, enum option option, const void *bytes, uint8_t size)
{
	*at++ = (uint8_t)option;
	*at++ = size;
	memcpy(at, bytes, size);
	return at + size;
}

size_t dhcp_write(uint8_t packet[DHCP_PACKET_SIZE], enum dhcp_type type, uint32_t id,
		  const uint8_t hardware[6], const struct dhcp_lease *offer)
{
	static const uint8_t wanted[] = { OPTION_NETMASK, OPTION_ROUTER };
	uint8_t kind = (uint8_t)type;
	uint8_t *at = packet + AT_OPTIONS;

	memset(packet, 0, DHCP_PACKET_SIZE);
	packet[0] = BOOT_REQUEST;
	packet[1] = ETHERNET;
	packet[2] = 6;
	memcpy(packet + AT_ID, &id, sizeof id);
	packet[AT_FLAGS] = FLAG_BROADCAST; /* we have no address to be written to yet */
	memcpy(packet + AT_HARDWARE, hardware, 6);
	memcpy(packet + AT_COOKIE, COOKIE, sizeof COOKIE);
	at = add(at, OPTION_TYPE, &kind, 1);
	if (offer != NULL) {
		at = add(at, OPTION_ADDRESS, &offer->address, 4);
		at = add(at, OPTION_SERVER, &offer->server, 4);
	}
	at = add(at, OPTION_PARAMETERS, wanted, sizeof wanted);
	*at++ = OPTION_END;
	/* some servers want the room of the old BOOTP packet */
	return at - packet > 300 ? (size_t)(at - packet) : 300;
}

static void take_option(struct dhcp_lease *lease, uint8_t option, const uint8_t *bytes, size_t size)
{
	uint32_t *word = option == OPTION_NETMASK ? &lease->netmask :
			 option == OPTION_ROUTER ? &lease->router :
			 option == OPTION_SERVER ? &lease->server : NULL;

	if (option == OPTION_TYPE && size == 1)
		lease->type = bytes[0];
	else if (word != NULL && size >= 4)
		memcpy(word, bytes, 4);
}

bool dhcp_read(const uint8_t *packet, size_t size, uint32_t id, const uint8_t hardware[6],
	       struct dhcp_lease *lease)
{
	size_t at = AT_OPTIONS;

	*lease = (struct dhcp_lease){ .address = 0 };
	if (size < AT_OPTIONS || packet[0] != BOOT_REPLY ||
	    memcmp(packet + AT_ID, &id, sizeof id) != 0 ||
	    memcmp(packet + AT_HARDWARE, hardware, 6) != 0 ||
	    memcmp(packet + AT_COOKIE, COOKIE, sizeof COOKIE) != 0)
		return false;
	memcpy(&lease->address, packet + AT_YOUR_ADDRESS, 4);
	while (at < size && packet[at] != OPTION_END) {
		uint8_t option = packet[at++];
		size_t length;

		if (option == OPTION_PAD)
			continue;
		if (at >= size || packet[at] > size - at - 1)
			return false;
		length = packet[at++];
		take_option(lease, option, packet + at, length);
		at += length;
	}
	if (lease->type != DHCP_OFFER && lease->type != DHCP_ACK)
		return lease->type == DHCP_NAK;
	return lease->address != 0;
}
