/* hey: prints `hey arg1`. */
#include "task.h"

int main(int argc, char **argv)
{
	long value = argument(argc, argv, -2147483647L, 2147483647L);

	return dprintf(STDOUT_FILENO, "hey %ld\n", value) < 0 && errno != EAGAIN;
}
