"""Which server is tried next, and when: order, memory of what failed, backoff with full jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass
from urllib.parse import urlsplit

CAP_S = 30.0
"""The longest pause of our own between two attempts; a server's `retry_after` may be longer."""

BASE_S = 0.5
STABLE_S = 10.0
"""A session that lived so long was a success: the pauses begin anew."""

MAX_EXTRA = 4
"""Active nodes that servers named beyond those we were given."""


@dataclass
class Endpoint:
    """A server, as `http(s)://host:port`."""

    url: str
    failures: int = 0
    not_before: float = 0.0
    asked: bool = False
    """The server asked for the pause: nobody may shorten it."""

    given: bool = True


def normal(url: str, scheme: str = "http") -> str:
    """`scheme://host:port` of an address. Raises `ValueError`."""
    text = url if "://" in url else f"{scheme}://{url}"
    parts = urlsplit(text)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"no address of a server: {url!r}; allowed is http(s)://host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}:{parts.port or (443 if scheme == 'https' else 80)}"


class Endpoints:
    """The servers in order. Times are seconds of a clock that never goes back."""

    def __init__(self, urls: list[str], rng: random.Random, cap_s: float = CAP_S) -> None:
        if not urls:
            raise ValueError("no endpoint")
        self.list = [Endpoint(normal(url)) for url in dict.fromkeys(urls)]
        self._rng = rng
        self._cap = cap_s
        self._preferred: str | None = None
        self._pause_until = 0.0

    def next(self, now: float) -> tuple[Endpoint, float]:
        """The endpoint to try, and the seconds until then."""
        ready = [e for e in self.list if e.not_before <= now]
        ready.sort(key=lambda e: e.failures > 0)
        preferred = [e for e in ready if e.url == self._preferred]
        chosen = (preferred or ready or [min(self.list, key=lambda e: e.not_before)])[0]
        return chosen, max(0.0, chosen.not_before - now, self._pause_until - now)

    def failed(self, endpoint: Endpoint, now: float, retry_after_s: float | None = None) -> None:
        """An attempt or a young session failed."""
        endpoint.failures += 1
        endpoint.asked = retry_after_s is not None
        wait = self._jitter(endpoint.failures - 1)
        if retry_after_s is not None:
            wait = max(0.0, retry_after_s) + self._jitter(0)
        endpoint.not_before = now + wait
        if endpoint.url == self._preferred:
            self._preferred = None

    def lost(
        self, endpoint: Endpoint, now: float, lived_s: float, retry_after_s: float | None = None
    ) -> None:
        """A session that was open has ended."""
        if lived_s >= STABLE_S:
            endpoint.failures = 0
        self.failed(endpoint, now, retry_after_s)
        # All clients of a server lose it at once: its partner must not see them at once.
        self._pause_until = now + self._jitter(0)

    def prefer(self, endpoint: Endpoint, active: str, now: float) -> None:
        """`endpoint` says that `active` serves: it comes first, at once."""
        try:
            url = normal(active, urlsplit(endpoint.url).scheme)
        except ValueError:
            return
        if url.startswith("http:") and endpoint.url.startswith("https:"):
            return  # The token would go out in the clear.
        known = next((e for e in self.list if e.url == url), None)
        if known is None:
            extra = [e for e in self.list if not e.given]
            if len(extra) >= MAX_EXTRA:
                self.list.remove(extra[0])
            self.list.append(Endpoint(url, given=False))
        elif known is not endpoint and not known.asked:
            known.not_before = min(known.not_before, now + self._jitter(known.failures))
        self._preferred = url

    def _jitter(self, failures: int) -> float:
        return self._rng.uniform(0.0, min(self._cap, BASE_S * 2.0 ** min(failures, 16)))
