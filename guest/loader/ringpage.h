/* The kernel's trace ring buffer, page by page, as per_cpu/cpuN/trace_pipe_raw gives it. */
#ifndef RINGPAGE_H
#define RINGPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void ringpage_event(void *context, int64_t time_ns, const uint8_t *event, size_t size);

/* Calls `take` for each event; stops at anything that does not fit into `size`. */
void ringpage_read(const uint8_t *page, size_t size, ringpage_event *take, void *context);

/*
 * Whether events before this page were overwritten before anybody read them; `time_ns` is
 * when the page begins.
 */
bool ringpage_lost(const uint8_t *page, size_t size, int64_t *time_ns);

#endif
