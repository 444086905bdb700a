/* Job records become profile frames (docs/protocol.md). */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>

#include "buffer.h"
#include "run.h"

#define LOADER_VERSION "0.1.0"

/* Appends frames with a batch of what is not told yet; false when there was nothing. */
bool report_events(struct run *run, struct buffer *out, bool virtual_clock);

/* Appends a frame with switches that are not told yet; false when all are, or none asked for. */
bool report_switches(struct run *run, struct buffer *out, bool virtual_clock);

/* Lays out the frame that says who this loader is, once; report_profile appends it. */
void report_prepare(bool virtual_clock);
void report_profile(struct buffer *out);

/* Appends the live frame: one element for each running task; `run` may be NULL. */
void report_live(struct run *run, struct buffer *out);

#endif
