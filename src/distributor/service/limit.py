"""How much one client may ask for. Pure: time is handed in."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what the service takes; each has a value that no user should meet."""

    #: Bytes of a request's body, as it is sent.
    body_bytes: int = 16 * 2**20
    #: Seconds in which a request's head, and then its body, have to come.
    head_s: float = 10.0
    body_s: float = 60.0
    #: Jobs that may be open at once.
    jobs: int = 1000
    #: Requests a second of one client, on average and at once.
    rate_per_s: float = 50.0
    burst: int = 200
    #: Event streams at once.
    streams: int = 32


class Bucket:
    """A token bucket: a request takes one, and they come back at a steady rate."""

    __slots__ = ("_burst", "_left", "_rate_per_s", "_seen_s")

    def __init__(self, rate_per_s: float, burst: int, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._left = float(burst)
        self._seen_s = now_s

    def take(self, now_s: float) -> float:
        """Take one; 0 if it was there, else the seconds until it will be."""
        self._left = min(
            self._burst, self._left + max(0.0, now_s - self._seen_s) * self._rate_per_s
        )
        self._seen_s = now_s
        if self._left < 1:
            return (1 - self._left) / self._rate_per_s
        self._left -= 1
        return 0.0


class Buckets:
    """One bucket for each client; of so many at most, the longest unseen is forgotten."""

    CLIENTS_MAX = 1024

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, client: str, now_s: float) -> float:
        """See :meth:`Bucket.take`."""
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = Bucket(self._rate_per_s, self._burst, now_s)
            if len(self._buckets) > self.CLIENTS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(client)
        return bucket.take(now_s)
