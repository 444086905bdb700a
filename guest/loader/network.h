/* Brings the machine's network up. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

/*
 * Waits for a network card, gets a lease and applies it; its address as text. Fatal if not.
 * `hardware` is the address that the card is to have; NULL, or zero, for the one that it has.
 */
const char *network_start(const uint8_t hardware[6]);

#endif
