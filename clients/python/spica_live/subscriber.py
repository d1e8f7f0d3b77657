"""What the application holds of a subscription: its items, its values, its limits."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any

from .core import Core, Cost
from .frames import Frame
from .items import Ended, Item, Place, Value
from .subscription import Track

log = logging.getLogger("spica_live")

FREE: Cost = (0, 0)

Callback = Callable[[Item], Any]


class Subscription(AsyncIterator[Item]):
    """A running subscription: `async for item in subscription`, or by callback.

    What is not taken from the iterator holds back the credit of the whole session, so that memory
    is bounded: read every subscription, or give it a callback.
    """

    def __init__(
        self, core: Core, track: Track, callback: Callback | None, wake: Callable[[], None]
    ) -> None:
        self._core = core
        self._track = track
        self._callback = callback
        self._wake = wake
        self._queue: deque[tuple[Item, Cost]] = deque()
        self._came = asyncio.Event()
        self._over: BaseException | None = None
        self._done = False

    @property
    def values(self) -> Mapping[str, Value]:
        """The current value of each topic; it follows what comes. See `stale`."""
        return MappingProxyType(self._track.view.values)

    @property
    def done(self) -> bool:
        """Whether nothing comes any more."""
        return self._done

    @property
    def stale(self) -> bool:
        """Whether the values may be out of date: the connection is lost, or they come anew."""
        return self._track.stale

    @property
    def at(self) -> Place | None:
        """The place to resume after, to be given as `after` later; None while there is none."""
        return self._track.at

    def change(
        self, *, min_interval_ms: int | None = None, bytes_per_s: int | None = None
    ) -> None:
        """New limits from now on, for later connections too."""
        self._core.change(self._track, limits(min_interval_ms, bytes_per_s))
        self._wake()

    def close(self) -> None:
        """Ends the subscription and its iterator; what was not taken is dropped."""
        self._core.unsubscribe(self._track)
        for _, cost in self._queue:
            self._core.taken(cost)
        self._queue.clear()
        self.finish(None)
        self._wake()

    def tell(self, items: list[Item], cost: Cost) -> None:
        """Hands items to the application. `cost` goes back when the last of them is taken."""
        if self._callback is not None or self._done:
            for item in items:
                self._call_back(item)
            self._core.taken(cost)
        elif items:
            self._queue.extend((item, FREE) for item in items[:-1])
            self._queue.append((items[-1], cost))
            self._came.set()
        else:
            self._core.taken(cost)
        if items and isinstance(items[-1], Ended):
            self.finish(None)

    def _call_back(self, item: Item) -> None:
        if self._callback is None or self._done:
            return
        try:
            self._callback(item)
        except Exception:  # The application's error is not the session's.
            log.exception("a callback of %r failed", self._track.options.get("filter"))

    def finish(self, error: BaseException | None) -> None:
        """Nothing comes any more. `error` is raised by the iterator at its end."""
        if not self._done:
            self._done = True
            self._over = error
            self._came.set()

    async def __anext__(self) -> Item:
        while not self._queue:
            if self._done:
                raise self._over or StopAsyncIteration
            self._came.clear()
            await self._came.wait()
        item, cost = self._queue.popleft()
        if cost is not FREE:
            self._core.taken(cost)
            self._wake()
        return item


def limits(min_interval_ms: int | None, bytes_per_s: int | None) -> Frame:
    """The keys of `change` that are given. Raises `ValueError` for none or negative ones."""
    given = {"min_interval_ms": min_interval_ms, "bytes_per_s": bytes_per_s}
    found = {name: value for name, value in given.items() if value is not None}
    if not found or any(value < 0 for value in found.values()):
        raise ValueError("give min_interval_ms or bytes_per_s, not negative")
    return found
