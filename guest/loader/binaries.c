#include "binaries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "standby.h"

/* No binary can be called so: names do not begin with a dot. */
#define UNFINISHED "/tasks/.unfinished"

void binary_begin(struct binary *binary, const char *name)
{
	binary->error = 0;
	snprintf(binary->name, sizeof binary->name, "%s", name);
	binary->file = open(UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (binary->file < 0)
		binary->error = errno;
}

void binary_add(struct binary *binary, const uint8_t *bytes, size_t size)
{
	while (size > 0 && binary->error == 0) {
		ssize_t written = write(binary->file, bytes, size);

		if (written < 0) {
			binary->error = errno;
		} else {
			bytes += written;
			size -= (size_t)written;
		}
	}
}

void binary_end(struct binary *binary)
{
	char path[32];

	snprintf(path, sizeof path, "/tasks/%s", binary->name);
	if (binary->file >= 0)
		close(binary->file);
	binary->file = -1;
	standby_forget(binary->name);
	if (binary->error == 0 && rename(UNFINISHED, path) < 0)
		binary->error = errno;
	if (binary->error != 0) {
		say("binary %s is not kept: %s", binary->name, strerror(binary->error));
		unlink(UNFINISHED);
		unlink(path); /* an older one of that name would be the wrong one */
	}
}

void binary_drop(struct binary *binary)
{
	if (binary->file >= 0)
		close(binary->file);
	binary->file = -1;
	unlink(UNFINISHED);
}
