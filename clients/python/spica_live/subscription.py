"""One subscription as the core sees it: where it stands, what it holds, what it must tell."""

from __future__ import annotations

from typing import Any

from .errors import ProtocolError
from .frames import Codec, Frame
from .items import Ended, Gap, Item, Place, Ready, Reset
from .rows import View, natural, text

LANES = ("critical", "normal")


class Track:
    """The state machine of a subscription. It does no I/O: frames in, items and frames out."""

    def __init__(self, sub: int, options: Frame) -> None:
        self.sub = sub
        self.options = options
        self.view = View()
        self.stale = False
        self.at: Place | None = options.get("after")
        """The resume point."""
        self._begun = False
        self._open = False
        self._ready = False
        self._told: Place | None = self.at
        """Up to here the application knows of every event, or of its gap."""

    def request(self, sub: int) -> Frame:
        """Subscribes, or resumes, under this number."""
        self.sub = sub
        self._open = False
        frame = {"t": "subscribe", "sub": sub, **self.options}
        frame.pop("after", None)
        if self.at is not None:
            frame["after"] = self.at
        return frame

    def lost(self) -> None:
        """The connection is gone."""
        self._open = False
        self.stale = self.stale or self._begun

    def resync(self) -> None:
        """What is held cannot be trusted: the next request begins anew."""
        self.at = None
        self._open = False
        self.stale = True

    def receive(self, frame: Frame, codec: Codec) -> list[Item]:
        """What a frame tells. Raises `ProtocolError`, or `NotHeld` for a resync."""
        kind = frame["t"]
        if kind == "subscribed":
            return self._subscribed(frame)
        if kind in ("refused", "ended"):
            detail = frame.get("detail")
            detail = detail if isinstance(detail, str) else ""
            return [Ended(text(frame.get("code")), detail, kind == "refused")]
        if not self._open:
            raise ProtocolError("a frame of a subscription that has not begun")
        if kind == "ready":
            self.at = self._told = _place(frame)
            self._ready = True
            self.stale = False
            return [Ready(self.at)]
        if kind == "reset":
            self.at = None
            self._ready = False
            self.view.clear()
            return [Reset()]
        gap = _gap(frame)
        self._know([0, gap.last, 0, 0] if gap.lane == "critical" else [0, 0, 0, gap.last])
        return [gap]

    def rows(self, frame: Frame) -> list[Any]:
        """The rows of a `data` frame. Raises `ProtocolError`."""
        rows = frame.get("u")
        if not self._open or not isinstance(rows, list):
            raise ProtocolError("no rows, or before their subscription")
        return rows

    def moved(self, frame: Frame) -> None:
        """All rows of the frame are with the application."""
        at = _place(frame)
        if self._ready:
            self.at = self._told = at
        else:
            # Part of a snapshot is no resume point; events up to there have come all the same.
            self._know(at)

    def _know(self, at: Place) -> None:
        """Of every event up to this place, in each lane, the application knows."""
        told = self._told or at
        self._told = [told[0], max(told[1], at[1]), told[2], max(told[3], at[3])]

    def _subscribed(self, frame: Frame) -> list[Item]:
        at, resumed = _place(frame), frame.get("resumed")
        if self._open or not isinstance(resumed, bool):
            raise ProtocolError("subscribed: twice, or without its keys")
        asked = self.at
        self._open = True
        self._ready = resumed
        if resumed:
            self._begun = True
            return []
        items: list[Item] = []
        if asked is None and self._told is not None and self._brings_events():
            items += _missed(self._told, at)
        if self._begun:
            items.append(Reset())
        self._begun = True
        self.view.clear()
        self.at = None
        # What comes after this place is told, or named by a gap, even if the snapshot is cut.
        self._told = at
        if self.options.get("snapshot", True) is False:
            self.at = at
            self._ready = True
        return items

    def _brings_events(self) -> bool:
        return self.options.get("kinds") != "state" and self.options.get("deliver") != "latest"


def _gap(frame: Frame) -> Gap:
    lane = frame.get("lane")
    if lane not in LANES:
        raise ProtocolError("a gap of no lane")
    first, last = natural(frame.get("from")), natural(frame.get("to"))
    if first > last:
        raise ProtocolError("a gap of nothing")
    return Gap(lane, first, last, text(frame.get("reason")))


def _place(frame: Frame) -> Place:
    at = frame.get("at")
    if not isinstance(at, list) or len(at) != 4:
        raise ProtocolError("a frame without a place")
    return [natural(number) for number in at]


def _missed(told: Place, at: Place) -> list[Item]:
    """The numbers between two places, as gaps."""
    lanes = zip(LANES, (told[1], told[3]), (at[1], at[3]))
    return [Gap(lane, last + 1, now, "unknown") for lane, last, now in lanes if now > last]
