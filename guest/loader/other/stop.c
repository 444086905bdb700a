/* On boards whose machines are booted one by one: nobody saves them or seals them. */
#include "stop.h"

#include "console.h"

void stop_open(void)
{
	fatal("machines of this processor cannot be saved, so distributor.shared is not for them");
}

void stop_here(void)
{
}

bool stop_print(const char *text, size_t size)
{
	(void)text;
	(void)size;
	return false;
}

void stop_for_good(bool refused)
{
	fatal("the run is over%s", refused ? ", its input refused" : "");
}
