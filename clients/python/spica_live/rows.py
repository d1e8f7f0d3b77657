"""Rows of a `data` frame, checked and turned into values, and the values that are held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import delta
from .errors import ProtocolError
from .frames import Codec
from .items import Position, Value

MAX_TOPICS = 1_000_000
"""Topics of one subscription that are held."""

_CONTENT = ("application/json", "text/plain", "application/octet-stream")
_LANES = ("critical", "normal")
_QUALITIES = ("good", "uncertain", "bad")
_LENGTHS = (12, 13, 9, 8, 10)


class NotHeld(Exception):
    """A row about a value that is not held: subscribe anew."""


def natural(value: Any) -> int:
    """A natural number of a frame. Raises `ProtocolError`."""
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ProtocolError("not a natural number")
    return value


def text(value: Any) -> str:
    """A text of a frame. Raises `ProtocolError`."""
    if not isinstance(value, str):
        raise ProtocolError("not a text")
    return value


def _time(value: Any) -> int:
    if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
        raise ProtocolError("not a time")
    return value


def _one_of(words: tuple[str, ...], value: Any) -> str:
    if type(value) is not int or not 0 <= value < len(words):
        raise ProtocolError("not one of the known numbers")
    return words[value]


def _position(lane: Any, epoch: Any, seq: Any) -> Position:
    return Position(_one_of(_LANES, lane), natural(epoch), natural(seq))


def _is_json(content: str) -> bool:
    kind = content.split(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


class View:
    """The values that one subscription holds, by topic, and the topics by number."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self._topics: dict[int, str] = {}

    def clear(self) -> None:
        """Drops all values. The dictionary stays the same object: others look at it."""
        self.values.clear()

    def forget_numbers(self) -> None:
        """Another engine: topic numbers stand for other topics."""
        self._topics.clear()

    def apply(self, row: Any, codec: Codec) -> Value:
        """What a row says; held from now on. Raises `ProtocolError` or `NotHeld`."""
        if not isinstance(row, list) or not row or type(row[0]) is not int:
            raise ProtocolError("not a row")
        if not 0 <= row[0] < len(_LENGTHS) or len(row) < _LENGTHS[row[0]]:
            raise ProtocolError("an unknown row, or one that is too short")
        value = _APPLY[row[0]](self, row, codec)
        if value.deleted:
            self.values.pop(value.topic, None)
        elif not value.event:
            self._hold(value)
        return value

    def _hold(self, value: Value) -> None:
        if value.topic not in self.values and len(self.values) >= MAX_TOPICS:
            raise ProtocolError(f"more than {MAX_TOPICS} topics: use a narrower filter")
        self.values[value.topic] = value

    def _name(self, row: list[Any]) -> str:
        topic = text(row[2])
        if len(self._topics) >= 2 * MAX_TOPICS:
            self._topics.clear()
        self._topics[natural(row[1])] = topic
        return topic

    def _base(self, row: list[Any]) -> Value:
        topic = self._topics.get(natural(row[1]))
        base = self.values.get(topic) if topic is not None else None
        if base is None or base.window is not None:
            raise NotHeld
        return base

    def _full(self, row: list[Any], codec: Codec) -> Value:
        content_type, value = _payload(row[10], row[11], codec)
        return Value(
            topic=self._name(row),
            value=value,
            quality=_one_of(_QUALITIES, row[8]),
            position=_position(row[3], row[4], row[5]),
            received=_time(row[6]),
            source=None if row[7] is None else _time(row[7]),
            content_type=content_type,
            event=_one_of(("state", "event"), row[9]) == "event",
        )

    def _delta(self, row: list[Any], codec: Codec) -> Value:
        base = self._base(row)
        if base.position != _position(row[8], row[9], row[10]):
            raise NotHeld
        return _follow(base, row, _patched(base, row[11], row[12], codec))

    def _deleted(self, row: list[Any], _codec: Codec) -> Value:
        return Value(
            topic=self._name(row),
            value=None,
            quality=_one_of(_QUALITIES, row[8]),
            position=_position(row[3], row[4], row[5]),
            received=_time(row[6]),
            source=None if row[7] is None else _time(row[7]),
            content_type=_CONTENT[2],
            deleted=True,
        )

    def _same(self, row: list[Any], _codec: Codec) -> Value:
        base = self._base(row)
        return _follow(base, row, base.value)

    def _window(self, row: list[Any], _codec: Codec) -> Value:
        if not isinstance(row[7], dict):
            raise ProtocolError("results of a window are an object")
        return Value(
            topic=self._name(row),
            value=row[7],
            quality="good",
            position=_position(row[3], row[4], row[5]),
            received=_time(row[6]),
            source=None,
            content_type=_CONTENT[0],
            window=(_time(row[8]), _time(row[9])),
        )


_APPLY = (View._full, View._delta, View._deleted, View._same, View._window)


def _payload(content: Any, payload: Any, codec: Codec) -> tuple[str, Any]:
    """The media type and the payload as a Python value."""
    name = content if isinstance(content, str) else _one_of(_CONTENT, content)
    if _is_json(name):
        return name, codec.json_value(payload)
    if name.lower().startswith("text/"):
        return name, text(payload)
    return name, codec.bytes_value(payload)


def _patched(base: Value, method: Any, patch: Any, codec: Codec) -> Any:
    """The value that a delta gives. Whatever does not fit, a fresh full value heals."""
    try:
        if method == 0 and _is_json(base.content_type):
            return delta.merge(base.value, codec.json_value(patch))
        if method == 1 and isinstance(base.value, bytes):
            return delta.apply_binary(base.value, codec.bytes_value(patch))
        if method == 1 and base.content_type.lower().startswith("text/"):
            return delta.apply_binary(base.value.encode(), codec.bytes_value(patch)).decode()
    except (ProtocolError, UnicodeError):
        pass
    raise NotHeld


def _follow(base: Value, row: list[Any], value: Any) -> Value:
    """The next value of a topic, from a row that does not name it."""
    return replace(
        base,
        value=value,
        position=_position(row[2], row[3], row[4]),
        received=_time(row[5]),
        source=None if row[6] is None else _time(row[6]),
        quality=_one_of(_QUALITIES, row[7]),
    )
