"""Distributor: real-time task sets, run for real on a fleet of QEMU machines."""
