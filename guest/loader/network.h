/* Brings the machine's network up. */
#ifndef NETWORK_H
#define NETWORK_H

/* Waits for a network card, gets a lease and applies it; its address as text. Fatal if not. */
const char *network_start(void);

#endif
