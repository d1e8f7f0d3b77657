"""What a subscription gives: values, and what is to be known about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union

Place = Any
"""Everything up to a record in each lane. Opaque: give it back unchanged."""


@dataclass(frozen=True)
class Position:
    """One record. `lane` is `critical` or `normal`. Compare numbers only within a lane's history."""

    lane: str
    epoch: int
    number: int


@dataclass(frozen=True)
class Value:
    """A record as it was received, or what a window computed, or that a topic was deleted.

    `value` is a JSON value, a `str` or `bytes`, as `content_type` says; of a window an object with
    its results; None if `deleted`. `quality` is `good`, `uncertain` or `bad`. `received` and
    `source` are µs since 1970-01-01T00:00:00Z; `source` is None if the source said no time.
    `window` are the received times of a window's first and last value, None for a record.
    """

    topic: str
    value: Any
    quality: str
    position: Position
    received: int
    source: int | None
    content_type: str
    event: bool = False
    deleted: bool = False
    window: tuple[int, int] | None = None


@dataclass(frozen=True)
class Gap:
    """Events `first` to `last` (inclusive) of a lane were not and will not be sent.

    `reason`: `queue`, `retention`, `damaged`, `unknown`. History may have them.
    """

    lane: str
    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Reset:
    """All values held so far are dropped; a snapshot follows."""


@dataclass(frozen=True)
class Ready:
    """The snapshot, or what was missed, is complete: what is held is what is."""

    at: Place


@dataclass(frozen=True)
class Ended:
    """The subscription is over; the last item. `refused`: it never began, or not again."""

    code: str
    detail: str
    refused: bool = False


Item = Union[Value, Gap, Reset, Ready, Ended]
