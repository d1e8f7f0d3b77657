"""The core of a client: what to send, what is held, what the application is told.

No socket, no clock, no task: frames go in, frames and events come out, so that a test can play any
interleaving. Times are not known here; the shell watches them.
"""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Union

from .errors import LiveError, ProtocolError, Refused, Unanswered
from .frames import Codec, Frame
from .items import Ended, Item
from .rows import NotHeld, natural, text
from .subscription import Track

MAX_SUB = (1 << 32) - 1
MAX_PENDING = 1024
"""Calls that wait for their answer."""

_OF_SUB = frozenset(("subscribed", "data", "ready", "gap", "reset", "ended"))
_REPEATABLE = frozenset(("GET", "PUT", "DELETE"))


Cost = tuple[int, int]
"""Number of the session and bytes: credit is given back to the session that spent it."""


@dataclass(frozen=True)
class Told:
    """The application is told something about a subscription."""

    track: Track
    items: list[Item]
    cost: Cost = (0, 0)
    """What the items cost in credit, to be given back when they are taken."""


@dataclass(frozen=True)
class Answered:
    """A call has its answer: a frame, or an error."""

    id: int
    answer: Frame | LiveError


@dataclass(frozen=True)
class Welcomed:
    """The session is open."""

    welcome: Frame


@dataclass(frozen=True)
class Ending:
    """The server ends the session."""

    code: str
    detail: str
    retry_after_s: float | None
    active: str | None


Event = Union[Told, Answered, Welcomed, Ending]


@dataclass
class _Call:
    frame: Frame
    again: bool
    sent: bool = False


@dataclass
class Hello:
    """How the client introduces itself."""

    token: str | None = None
    client: str = "spica-live-python"
    credit: int | None = 1 << 20
    bytes_per_s: int = 0


@dataclass
class Core:
    """What a client knows of its sessions."""

    hello: Hello
    out: deque[Frame] = field(default_factory=deque)
    """Frames to be sent, in order. Empty while there is no session."""

    def __post_init__(self) -> None:
        self.codec = Codec(False)
        self.welcome: Frame | None = None
        self.tracks: dict[int, Track] = {}
        self._calls: dict[int, _Call] = {}
        self._ids = itertools.count(1)
        self._subs = itertools.count(1)
        self._engine: str | None = None
        self._owed = 0
        self._session = 0
        self._interval: int | None = None

    # The session.

    def begin(self, codec: Codec) -> Frame:
        """The hello of a new session."""
        self.codec = codec
        self._session += 1
        frame: Frame = {"t": "hello", "client": self.hello.client}
        if self.hello.token is not None:
            frame["token"] = self.hello.token
        if self.hello.credit is not None:
            frame["credit"] = self.hello.credit
        if self.hello.bytes_per_s:
            frame["bytes_per_s"] = self.hello.bytes_per_s
        return frame

    def lost(self) -> list[Event]:
        """The session is gone. What was asked and cannot be asked again has failed."""
        self.welcome = None
        self.out.clear()
        self._owed = 0
        for track in self.tracks.values():
            track.lost()
        dead = [id_ for id_, call in self._calls.items() if call.sent and not call.again]
        for id_ in dead:
            del self._calls[id_]
        error = "the connection was lost before the answer; it may have been done or not"
        return [Answered(id_, Unanswered(error)) for id_ in dead]

    # What the application wants.

    def subscribe(self, options: Frame) -> Track:
        """Begins a subscription; now, or when there is a session."""
        track = Track(next(self._subs), options)
        self._request(track, track.sub)
        return track

    def unsubscribe(self, track: Track) -> None:
        """Ends a subscription."""
        if self.tracks.get(track.sub) is track:
            del self.tracks[track.sub]
            self._say({"t": "unsubscribe", "sub": track.sub})

    def change(self, track: Track | None, limits: Frame) -> None:
        """New limits, of a subscription or of the session; they hold for later sessions too."""
        if track is None:
            self.hello.bytes_per_s = limits.get("bytes_per_s", self.hello.bytes_per_s)
            self._interval = limits.get("min_interval_ms", self._interval)
            self._say({"t": "change", **limits})
        elif self.tracks.get(track.sub) is track:
            track.options.update(limits)
            self._say({"t": "change", "sub": track.sub, **limits})

    def ask(self, frame: Frame, again: bool | None = None) -> int:
        """Asks something that has an answer: `call`, `ping`, `stats`. Gives its number."""
        if len(self._calls) >= MAX_PENDING:
            raise Refused("limit", f"{MAX_PENDING} calls wait for their answers")
        id_ = next(self._ids)
        frame = {**frame, "id": id_}
        if again is None:
            again = frame["t"] != "call" or "key" in frame or frame["method"] in _REPEATABLE
        call = _Call(frame, again, sent=self.welcome is not None)
        self._calls[id_] = call
        self._say(frame)
        return id_

    def forget(self, id_: int) -> None:
        """Nobody waits for this answer any more."""
        self._calls.pop(id_, None)

    def taken(self, cost: Cost) -> None:
        """The application has taken what cost so many bytes: the server may send as many more."""
        session, size = cost
        credit = self.hello.credit
        if credit is None or self.welcome is None or session != self._session:
            return
        self._owed += size
        if self._owed * 4 >= credit:
            self._say({"t": "credit", "bytes": self._owed})
            self._owed = 0

    # What the server says.

    def receive(self, frame: Frame, size: int) -> list[Event]:
        """What a frame of `size` encoded bytes means. Raises `ProtocolError`."""
        kind = frame["t"]
        if self.welcome is None and kind not in ("welcome", "bye", "refused"):
            raise ProtocolError(f"{kind} before the welcome")
        if kind in _OF_SUB or (kind == "refused" and "sub" in frame):
            return self._of_sub(frame, size)
        if kind in ("result", "pong", "stats") or (kind == "refused" and "id" in frame):
            return self._answer(frame)
        if kind == "welcome":
            return self._welcomed(frame)
        if kind == "bye":
            return [_ending(frame)]
        return []

    def _welcomed(self, frame: Frame) -> list[Event]:
        if self.welcome is not None:
            raise ProtocolError("a second welcome")
        engine = text(frame.get("engine"))
        if natural(frame.get("heartbeat_ms")) == 0:
            raise ProtocolError("a heartbeat of no time")
        if engine != self._engine:
            self._engine = engine
            for track in self.tracks.values():
                track.view.forget_numbers()
        self.welcome = frame
        if self._interval is not None:
            self._say({"t": "change", "min_interval_ms": self._interval})
        for track in list(self.tracks.values()):
            self._say(track.request(track.sub))
        for call in self._calls.values():
            call.sent = True
            self._say(call.frame)
        return [Welcomed(frame)]

    def _of_sub(self, frame: Frame, size: int) -> list[Event]:
        track = self.tracks.get(natural(frame.get("sub")))
        if track is None:
            # Of one that was ended meanwhile.
            if frame["t"] == "data":
                self.taken((self._session, size))
            return []
        if frame["t"] == "data":
            return [Told(track, self._data(track, frame), (self._session, size))]
        items = track.receive(frame, self.codec)
        if items and isinstance(items[-1], Ended):
            del self.tracks[track.sub]
        return [Told(track, items)] if items else []

    def _data(self, track: Track, frame: Frame) -> list[Item]:
        items: list[Item] = []
        try:
            for row in track.rows(frame):
                items.append(track.view.apply(row, self.codec))
            track.moved(frame)
        except NotHeld:
            self._say({"t": "unsubscribe", "sub": track.sub})
            del self.tracks[track.sub]
            track.resync()
            self._request(track, next(self._subs))
        return items

    def _answer(self, frame: Frame) -> list[Event]:
        id_ = natural(frame.get("id"))
        if self._calls.pop(id_, None) is None:
            return []
        if frame["t"] == "refused":
            detail = frame.get("detail")
            error = Refused(text(frame.get("code")), detail if isinstance(detail, str) else "")
            return [Answered(id_, error)]
        return [Answered(id_, frame)]

    def _request(self, track: Track, sub: int) -> None:
        if sub > MAX_SUB:
            raise Refused("limit", "no more numbers for subscriptions: make another client")
        self.tracks[sub] = track
        self._say(track.request(sub))

    def _say(self, frame: Frame) -> None:
        """Sends a frame, if there is a session; without one it is said at the next welcome."""
        if self.welcome is not None:
            self.out.append(frame)


def new_key() -> str:
    """A key that makes a repetition harmless."""
    return uuid.uuid4().hex


def _ending(frame: Frame) -> Ending:
    retry, active, detail = (frame.get(k) for k in ("retry_after_ms", "active", "detail"))
    return Ending(
        code=text(frame.get("code")),
        detail=detail if isinstance(detail, str) else "",
        retry_after_s=None if retry is None else natural(retry) / 1000,
        active=active if isinstance(active, str) else None,
    )


