/* A page of the kernel's trace: written by our own kernel, and read with as little trust. */
#include "ringpage.h"

#include "require.h"

static void take(void *context, int64_t time_ns, const uint8_t *event, size_t size)
{
	uint64_t *sum = context;

	*sum += (uint64_t)time_ns;
	for (size_t i = 0; i < size; i++)
		*sum += event[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	int64_t begin_ns;
	volatile uint64_t kept;
	uint64_t sum = 0;

	ringpage_lost(input, size, &begin_ns);
	ringpage_read(input, size, take, &sum);
	kept = sum;
	(void)kept;
	return 0;
}
