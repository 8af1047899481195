"""How often somebody may: token buckets in tables of bounded size, and the address that they are counted by."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

REFUSED_WINDOW_S: Final = 60.0


class Bucket:
    """Room for `burst` at once, refilled at `rate` a second. Times are seconds of any one steady clock."""

    __slots__ = ("at", "burst", "rate", "room")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst, self.room, self.at = rate, burst, burst, now

    def take(self, now: float) -> float:
        """0 when there was room for one more; otherwise the seconds until there is."""
        self._refill(now)
        if self.room >= 1.0:
            self.room -= 1.0
            return 0.0
        return (1.0 - self.room) / self.rate

    def is_full(self, now: float) -> bool:
        """Whether forgetting this bucket would change nothing."""
        self._refill(now)
        return self.room >= self.burst

    def _refill(self, now: float) -> None:
        if now > self.at:
            self.room = min(self.burst, self.room + (now - self.at) * self.rate)
            self.at = now


class Buckets:
    """One bucket for each key, at most `size` of them; the one unused for longest makes room for a new one."""

    def __init__(self, rate: float, burst: float, size: int = 50_000) -> None:
        self.rate, self.burst, self.size = rate, max(1.0, burst), size
        self._table: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._table)

    def take(self, key: str, now: float) -> float:
        """0 when `key` may; otherwise the seconds that it has to wait."""
        bucket = self._table.get(key)
        if bucket is None:
            self._forget(now)
            bucket = self._table[key] = Bucket(self.rate, self.burst, now)
        else:
            self._table.move_to_end(key)
        return bucket.take(now)

    def _forget(self, now: float) -> None:
        """Drop up to two that are full again, and whatever is over the size."""
        for _ in range(2):
            oldest = next(iter(self._table), None)
            if oldest is None or not self._table[oldest].is_full(now):
                break
            del self._table[oldest]
        while len(self._table) >= self.size:
            self._table.popitem(last=False)


class Refusals:
    """How many were refused within a minute that begins with the first."""

    __slots__ = ("count", "most", "since")

    def __init__(self, most: int) -> None:
        self.most, self.count, self.since = most, 0, 0.0

    def add(self, now: float) -> bool:
        """Count one more; True when that is over the limit."""
        if now - self.since > REFUSED_WINDOW_S:
            self.count, self.since = 0, now
        self.count += 1
        return self.count > self.most


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of TRUSTED_PROXIES. Raises ValueError with the one that isn't a network."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())


def client_key(peer: str | None, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """Whom to count a call against: the address nearest to us that is not one of our own proxies.

    `peer` is the other end of the connection, `forwarded` its X-Forwarded-For. An IPv6 client owns a whole /64, so that
    is what counts as one.
    """
    address = _address(peer or "")
    if address is None:
        return "unknown"
    hops = [hop for hop in forwarded.split(",") if hop.strip()]
    while hops and _is_trusted(address, trusted):
        hop = _address(hops.pop().strip())
        if hop is None:
            break
        address = hop
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _is_trusted(address: IPv4Address | IPv6Address, trusted: tuple[Network, ...]) -> bool:
    return any(address.version == net.version and address in net for net in trusted)
