/* cond_mod: a long loop if arg1 is even, else it returns at once. */
#include "loop.h"
#include "task.h"

int main(int argc, char **argv)
{
	if (argument(argc, argv, -2147483647L, 2147483647L) % 2 == 0)
		long_loop();
	return 0;
}
