"""Keeps a session open: chooses the server and the way, reads, writes, watches, begins anew."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .core import Answered, Core, Ending, Event, Hello, Told, Welcomed
from .endpoints import Endpoint, Endpoints
from .errors import Closed, LiveError, ProtocolError, Unauthorized
from .frames import Codec, Frame
from .http1 import HttpError
from .links import WAYS, Link, LinkLost, SseLink, connect
from .subscriber import Callback, Subscription
from .subscription import Track

CONNECT_S = 10.0
"""How long a connection may take until its welcome."""

SILENCE = 2.5
"""So many heartbeats without a frame: the connection is dead."""

WS_AGAIN_S = 600.0
"""After so long on another way, WebSocket is tried again."""

BATCH = 64
"""Frames that are sent at once."""


@dataclass
class Settings:
    """What a client was made with."""

    endpoints: list[str]
    token: str | None
    binary: bool
    ways: tuple[str, ...]
    name: str
    credit: int
    bytes_per_s: int
    max_pause_s: float
    tls: ssl.SSLContext | None


@dataclass
class _End:
    """How a session ended."""

    reason: str
    opened: bool = False
    lived_s: float = 0.0
    retry_after_s: float | None = None
    active: str | None = None
    way_failed: bool = False


class _Over(Exception):
    """The session is over, as its end says."""

    def __init__(self, end: _End) -> None:
        self.end = end


class Connection:
    """The loop of a client. All state is used by one event loop only."""

    def __init__(
        self,
        settings: Settings,
        answered: Callable[[int | None, Frame | LiveError], None],
        on_state: Callable[[str, str | None], Any],
    ) -> None:
        if not settings.ways or any(way not in WAYS for way in settings.ways):
            raise ValueError(f"ways are of {WAYS}")
        if settings.credit < 1:
            raise ValueError("credit is at least 1 byte")
        self.state = "new"
        self.way: str | None = None
        hello = Hello(settings.token, settings.name, settings.credit, settings.bytes_per_s)
        self.core = Core(hello)
        self._settings = settings
        self._answered = answered
        self._on_state = on_state
        self._endpoints = Endpoints(settings.endpoints, random.Random(), settings.max_pause_s)
        self._subscriptions: dict[Track, Subscription] = {}
        self._wake = asyncio.Event()
        self._welcomed = asyncio.Event()
        self._worked: str | None = None
        self._ws_at = 0.0
        self._heard = 0.0
        self._opened = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect."""
        self._set("connecting")
        self._task = asyncio.create_task(self._run(), name="spica-live")

    async def close(self) -> None:
        """Ends the session and all that waits for it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._closed(None)

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def subscribe(self, options: Frame, callback: Callback | None) -> Subscription:
        """Begins a subscription."""
        track = self.core.subscribe(options)
        subscription = Subscription(self.core, track, callback, self.wake)
        self._subscriptions = {t: s for t, s in self._subscriptions.items() if not s.done}
        self._subscriptions[track] = subscription
        self.wake()
        return subscription

    def _set(self, state: str, reason: str | None = None) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state, reason)

    def _closed(self, error: Closed | None) -> None:
        self._set("closed", None if error is None else str(error))
        self.core.lost()
        self._answered(None, error or Closed("the client is closed"))
        for subscription in self._subscriptions.values():
            subscription.finish(error)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _run(self) -> None:
        while True:
            endpoint, wait = self._endpoints.next(self._now())
            await asyncio.sleep(wait)
            end = await self._try(endpoint)
            now = self._now()
            if end.reason == "unauthorized":
                self._closed(Unauthorized("the server wants a valid token"))
                return
            if end.reason == "upgrade":
                continue
            if end.opened:
                self._endpoints.lost(endpoint, now, end.lived_s, end.retry_after_s)
            else:
                self._endpoints.failed(endpoint, now, end.retry_after_s)
            if end.active is not None:
                self._endpoints.prefer(endpoint, end.active, now)

    async def _try(self, endpoint: Endpoint) -> _End:
        """One session at this endpoint, by the first way that works."""
        end = _End("cut")
        for way in self._ways():
            end = await self._session(endpoint, way)
            if not end.way_failed:
                break
        return end

    def _ways(self) -> list[str]:
        """The ways to try, in order: what has worked comes first, but WebSocket now and then."""
        ways = [way for way in WAYS if way in self._settings.ways]
        if self._worked not in (None, "ws") and self._now() >= self._ws_at:
            self._ws_at = self._now() + WS_AGAIN_S
        elif self._worked is not None:
            ways.sort(key=lambda way: way != self._worked)
        return ways

    async def _session(self, endpoint: Endpoint, way: str) -> _End:
        """A session from its first byte to its end."""
        try:
            link = await self._connect(endpoint, way)
        except HttpError as error:
            return _of_status(error)
        except ProtocolError:
            return _End("protocol", way_failed=True)
        except (LinkLost, ConnectionResetError, BrokenPipeError, EOFError):
            return _End("cut", way_failed=True)
        except OSError:
            return _End("cut")  # Nobody is there; no other way leads there either.
        except asyncio.TimeoutError:
            return _End("silence", way_failed=True)
        end = _End("cut")
        try:
            end = await self._talk(link, way)
        finally:
            await self._leave(link, end)
        return end

    async def _connect(self, endpoint: Endpoint, way: str) -> Link:
        """A link within the time. (`wait_for` of Python 3.11 may swallow a cancellation.)"""
        codec = Codec(self._settings.binary and way == "ws")
        hello = self.core.begin(codec)
        work = connect(way, endpoint.url, codec, hello, self._settings.tls)
        opening = asyncio.create_task(work)
        try:
            await asyncio.wait([opening], timeout=CONNECT_S)
            if opening.done():
                return opening.result()
        except asyncio.CancelledError:
            if opening.done() and opening.exception() is None:
                await opening.result().close()
            raise
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        raise asyncio.TimeoutError

    async def _talk(self, link: Link, way: str) -> _End:
        """Reads, writes and watches until one of them says that it is over."""
        self._heard = self._now()
        self._wake.clear()
        self._welcomed.clear()
        tasks = [asyncio.create_task(work) for work in (self._read(link, way), self._write(link))]
        welcomed = asyncio.create_task(self._welcomed.wait())
        end: _End | None = None
        try:
            while end is None:
                waiting = [*tasks, *([] if welcomed.done() else [welcomed])]
                left, end = self._left(way)
                if end is None:
                    await asyncio.wait(
                        waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED
                    )
                    end = next((_end_of(task) for task in tasks if task.done()), None)
        finally:
            for task in (*tasks, welcomed):
                task.cancel()
            await asyncio.gather(*tasks, welcomed, return_exceptions=True)
        end.opened = self.core.welcome is not None
        if end.opened:
            end.lived_s = self._now() - self._opened
        unproven = isinstance(link, SseLink) and not link.brought
        end.way_failed = end.reason in ("cut", "silence") and (not end.opened or unproven)
        return end

    async def _leave(self, link: Link, end: _End) -> None:
        """The session is over, whatever happens to its connection."""
        was_open = self.core.welcome is not None
        self.way = None
        for event in self.core.lost():
            self._tell(event)
        if was_open:
            self._set("lost", end.reason)
        closing = asyncio.create_task(link.close())
        try:
            await asyncio.wait([closing], timeout=2)
        finally:
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)

    async def _read(self, link: Link, way: str) -> None:
        while True:
            frame, size = await link.receive()
            self._heard = self._now()
            for event in self.core.receive(frame, size):
                if isinstance(event, Welcomed):
                    self._opened = self._heard
                    self._welcomed.set()
                    self.way = way
                self._tell(event)
            if self.way is not None and self._worked != self.way and _proven(link):
                self._worked = self.way
                self._ws_at = self._heard + WS_AGAIN_S
            if self.core.out:
                self.wake()

    async def _write(self, link: Link) -> None:
        while True:
            while self.core.out:
                out = self.core.out
                await link.send([out.popleft() for _ in range(min(BATCH, len(out)))])
            self._wake.clear()
            await self._wake.wait()

    def _left(self, way: str) -> tuple[float, _End | None]:
        """The time until the connection counts as dead, or WebSocket is to be tried again."""
        welcome = self.core.welcome
        limit = CONNECT_S if welcome is None else SILENCE * welcome["heartbeat_ms"] / 1000
        now = self._now()
        left = self._heard + limit - now
        if left <= 0:
            return 0, _End("silence")
        if self._worked == way and way != "ws" and "ws" in self._settings.ways:
            if now >= self._ws_at:
                return 0, _End("upgrade")
            left = min(left, self._ws_at - now)
        return left, None

    def _tell(self, event: Event) -> None:
        if isinstance(event, Told):
            subscription = self._subscriptions.get(event.track)
            if subscription is not None:
                subscription.tell(event.items, event.cost)
        elif isinstance(event, Answered):
            self._answered(event.id, event.answer)
        elif isinstance(event, Welcomed):
            self._set("open")
        elif isinstance(event, Ending):
            raise _Over(_End(event.code, retry_after_s=event.retry_after_s, active=event.active))


def _proven(link: Link) -> bool:
    return not isinstance(link, SseLink) or link.brought


def _end_of(task: asyncio.Task[None]) -> _End:
    error = task.exception()
    if isinstance(error, _Over):
        return error.end
    if isinstance(error, ProtocolError):
        return _End("protocol")
    if isinstance(error, (LinkLost, OSError)):
        return _End("cut")
    raise error or AssertionError("a loop without an end has ended")


def _of_status(error: HttpError) -> _End:
    """What an HTTP status says instead of a session."""
    if error.status in (401, 403):
        return _End("unauthorized")
    if error.status in (301, 302, 307, 308):
        return _End("not_active", active=error.location)
    if error.status in (429, 503):
        return _End("overloaded", retry_after_s=error.retry_after_s)
    return _End("cut", way_failed=True)
