#include "ringpage.h"

#include <string.h>

/* From the kernel's include/linux/ring_buffer.h. */
#define TYPE_PADDING 29
#define TYPE_TIME_EXTEND 30
#define TYPE_TIME_STAMP 31
#define DELTA_BITS 27
/* a moment, then how much is committed: a local_t, which is a long */
#define PAGE_HEADER (8 + sizeof(long))
#define COMMIT_MASK UINT32_C(0xfffff) /* above it are flags for lost events */
#define MISSED_EVENTS (UINT32_C(1) << 31)

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof word);
	return word;
}

void ringpage_read(const uint8_t *page, size_t size, ringpage_event *take, void *context)
{
	uint64_t time;
	size_t at = PAGE_HEADER;
	size_t end;

	if (size < PAGE_HEADER)
		return;
	memcpy(&time, page, sizeof time);
	end = PAGE_HEADER + (word_at(page + 8) & COMMIT_MASK);
	if (end > size)
		end = size;
	while (end - at >= 4) {
		uint32_t head = word_at(page + at);
		uint32_t type = head & 31;
		uint64_t delta = head >> 5;
		size_t length;

		at += 4;
		if (type == 0 || type >= TYPE_PADDING) {
			if (type == TYPE_PADDING && delta == 0)
				return; /* the rest of the page is empty */
			if (end - at < 4)
				return;
			length = word_at(page + at);
		} else {
			length = type * 4;
		}
		switch (type) {
		case TYPE_TIME_EXTEND:
			time += ((uint64_t)length << DELTA_BITS) + delta;
			at += 4;
			continue;
		case TYPE_TIME_STAMP:
			time = ((uint64_t)length << DELTA_BITS) + delta;
			at += 4;
			continue;
		case TYPE_PADDING:
		case 0:
			time += delta;
			/* the length counts its own word */
			if (length < 4 || length > end - at)
				return;
			if (type == 0)
				take(context, (int64_t)time, page + at + 4, length - 4);
			at += (length + 3) & ~(size_t)3;
			if (at > end)
				return;
			continue;
		default:
			time += delta;
			if (length > end - at)
				return;
			take(context, (int64_t)time, page + at, length);
			at += length;
		}
	}
}

bool ringpage_lost(const uint8_t *page, size_t size, int64_t *time_ns)
{
	if (size < PAGE_HEADER)
		return false;
	memcpy(time_ns, page, sizeof *time_ns);
	return (word_at(page + 8) & MISSED_EVENTS) != 0;
}
