/* Stands in for the fuzzer where there is none: gives the target each file that is named. */
#include <stdio.h>
#include <stdlib.h>

#include "require.h"

#define INPUT_MAX (4 << 20)

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		uint8_t *all = malloc(INPUT_MAX), *input;
		size_t size;

		if (file == NULL || all == NULL)
			return 2;
		size = fread(all, 1, INPUT_MAX, file);
		fclose(file);
		/* exactly as large as its content, so that a step beyond is seen */
		input = realloc(all, size ? size : 1);
		LLVMFuzzerTestOneInput(input, size);
		free(input);
	}
	return 0;
}
