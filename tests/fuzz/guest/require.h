/* What must hold whatever the input: the fuzzer reports a trap, with the input that led to it. */
#ifndef REQUIRE_H
#define REQUIRE_H

#include <stddef.h>
#include <stdint.h>

#define require(what) ((what) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#endif
