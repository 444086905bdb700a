/*
 * The keeper of time: a thread that spins below everything else. In a machine with the
 * virtual clock an idle processor makes the clock leap to the next timer, and every
 * time-out of the network would come at once.
 */
#ifndef KEEPER_H
#define KEEPER_H

/* Starts it, spinning. */
void keeper_start(void);
/* Returns when it sleeps; without effect if there is none. */
void keeper_pause(void);
void keeper_go_on(void);

#endif
