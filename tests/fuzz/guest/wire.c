/*
 * The wire: any bytes, cut in any way. The first byte says how large the pieces are; however
 * they are cut, the same messages come out.
 */
#include <string.h>

#include "require.h"
#include "wire.h"

/* FNV-1a: a fingerprint of what came out. */
static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* Where a binary's chunks are cut depends on the pieces; their bytes do not. */
static uint64_t take(const struct wire_item *item, uint64_t sum)
{
	if (item->kind != WIRE_CHUNK)
		sum = mix(sum, &item->kind, sizeof item->kind);
	switch (item->kind) {
	case WIRE_COMMAND:
		require(item->size <= WIRE_TEXT_MAX);
		if (item->data != NULL)
			require(item->data[item->size] == 0);
		return mix(mix(sum, &item->word, sizeof item->word), item->data, item->size);
	case WIRE_CHUNK:
		require(item->size > 0);
		return mix(sum, item->data, item->size);
	case WIRE_BINARY:
		require(item->size <= WIRE_BINARY_MAX);
		require(item->name[0] != 0 && item->name[0] != '.');
		require(memchr(item->name, 0, WIRE_NAME_SIZE) != NULL);
		require(strchr(item->name, '/') == NULL);
		return mix(sum, item->name, strlen(item->name));
	case WIRE_BAD:
		require(item->why != NULL);
		break;
	case WIRE_MORE:
	case WIRE_ASK:
	case WIRE_STORED:
		break;
	}
	return sum;
}

static uint64_t feed(const uint8_t *bytes, size_t size, size_t piece)
{
	struct wire wire;
	struct wire_item item = { .kind = WIRE_MORE };
	uint64_t sum = 0;

	wire_init(&wire);
	while (size > 0 && item.kind != WIRE_BAD) {
		size_t part = size < piece ? size : piece;

		size -= part;
		do {
			wire_next(&wire, &bytes, &part, &item);
			if (item.kind != WIRE_MORE)
				sum = take(&item, sum);
		} while (item.kind != WIRE_MORE && item.kind != WIRE_BAD);
		require(part == 0 || item.kind == WIRE_BAD);
	}
	wire_free(&wire);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size < 2)
		return 0;
	require(feed(input + 1, size - 1, size) == feed(input + 1, size - 1, 1 + input[0] % 40));
	return 0;
}
