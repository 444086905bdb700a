/* cond_42: a long loop if arg1 is 42, else it returns at once. */
#include "loop.h"
#include "task.h"

int main(int argc, char **argv)
{
	if (argument(argc, argv, -2147483647L, 2147483647L) == 42)
		long_loop();
	return 0;
}
