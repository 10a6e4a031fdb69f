"""A limit on logins that fail: so many from one address in a minute, then it has to wait.

Keys cannot be guessed; the limit keeps a caller that tries from filling the log and taking the
time of others. Each process counts for itself. Behind a proxy that does not tell where a caller is,
all callers have the proxy's address and wait together; whoever is logged in notices nothing.
"""

from __future__ import annotations

import ipaddress
import time
from collections import deque
from collections.abc import Callable

MOST_FAILED = 10
WITHIN_S = 60.0
_MOST_ADDRESSES = 1_000


class Attempts:
    """Logins of the last minute that did not succeed, by the address that they came from.

    Parameters
    ----------
    clock
        Seconds that only go up.

    Examples
    --------
    >>> attempts = Attempts(clock=lambda: 0.0)
    >>> [attempts.wait_s("192.0.2.1") for _ in range(MOST_FAILED)] == [0.0] * MOST_FAILED
    True
    >>> attempts.wait_s("192.0.2.1"), attempts.wait_s("192.0.2.2")
    (60.0, 0.0)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Count an attempt and return 0, or return how long to wait where there were too many."""
        now, network = self._clock(), _network(address)
        tried = self._tried.pop(network, None) or deque(maxlen=MOST_FAILED)
        self._tried[network] = tried  # the last of the dictionary, so that the oldest is dropped
        if len(tried) == MOST_FAILED and now - tried[0] < WITHIN_S:
            return WITHIN_S - (now - tried[0])
        tried.append(now)
        if len(self._tried) > _MOST_ADDRESSES:
            del self._tried[next(iter(self._tried))]
        return 0.0

    def forget(self, address: str) -> None:
        """Start anew with an address, after a login with a key that is valid."""
        self._tried.pop(_network(address), None)


def _network(address: str) -> str:
    """Return what one caller can have: an address, of the version 6 a whole /64."""
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if version == 6 else address
