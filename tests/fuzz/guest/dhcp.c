/* What a DHCP server, or whoever plays one, answers: any packet, ours by its head or not. */
#include "dhcp.h"

#include <stdlib.h>
#include <string.h>

#include "require.h"

static const uint8_t HARDWARE[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static void look(const uint8_t *packet, size_t size)
{
	struct dhcp_lease lease;
	uint8_t request[DHCP_PACKET_SIZE];

	if (!dhcp_read(packet, size, 7, HARDWARE, &lease))
		return;
	require(lease.type == DHCP_NAK || lease.address != 0);
	require(dhcp_write(request, DHCP_REQUEST, 7, HARDWARE, &lease) <= DHCP_PACKET_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const uint8_t cookie[4] = { 99, 130, 83, 99 };
	const uint32_t id = 7;
	uint8_t *packet;

	look(input, size);
	/* the same as the options of an answer that is for us */
	packet = calloc(1, 240 + size);
	require(packet != NULL);
	packet[0] = 2;
	memcpy(packet + 4, &id, sizeof id);
	memset(packet + 16, 10, 4);
	memcpy(packet + 28, HARDWARE, sizeof HARDWARE);
	memcpy(packet + 236, cookie, sizeof cookie);
	if (size > 0)
		memcpy(packet + 240, input, size);
	look(packet, 240 + size);
	free(packet);
	return 0;
}
