#include "record.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN UINT64_C(64)
#define SIZE_MAX_RECORDS (UINT64_C(1) << 18) /* 24 MiB */

bool records_init(struct records *records, uint64_t wanted)
{
	uint64_t size = SIZE_MIN;

	while (size < wanted && size < SIZE_MAX_RECORDS)
		size *= 2;
	records->ring = malloc((size_t)size * sizeof *records->ring);
	if (records->ring == NULL)
		return false;
	/* touched now, so that the executor takes no page fault later */
	memset(records->ring, 0, (size_t)size * sizeof *records->ring);
	records->size = size;
	records->head = records->tail = 0;
	return true;
}

void records_free(struct records *records)
{
	free(records->ring);
	records->ring = NULL;
}

struct record *record_new(struct records *records)
{
	struct record *record = record_at(records, records->head);

	memset(record, 0, sizeof *record);
	return record;
}

void record_publish(struct records *records)
{
	records->head++;
}
