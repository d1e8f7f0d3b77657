"""The client: a core, a connection that is kept up, and what the application calls."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .connection import Connection, Settings
from .core import new_key
from .endpoints import CAP_S
from .errors import Closed, LiveError, Refused, TimedOut
from .frames import Frame
from .items import Place
from .links import WAYS
from .subscriber import Callback, Subscription, limits


@dataclass(frozen=True)
class Result:
    """The answer to a call: the HTTP status and the JSON body."""

    status: int
    body: Any


class Client:
    """A client of live sessions.

    `endpoints`: addresses of the nodes, `http(s)://host:port`, in the order in which they are
    tried. `binary`: CBOR instead of JSON where a WebSocket works. `ways`: of `ws`, `sse`, `poll`,
    those that may be used. `credit`: bytes of data that may wait in this process. `timeout_s`: how
    long an answer may take. `max_pause_s`: the longest pause between two attempts. `on_state` is
    told each change: `connecting`, `open`, `lost`, `closed`, and why.

    To be used as `async with Client(…) as client`, within one event loop.
    """

    def __init__(
        self,
        endpoints: str | list[str],
        token: str | None = None,
        *,
        binary: bool = False,
        ways: tuple[str, ...] = WAYS,
        name: str = "spica-live-python",
        credit: int = 1 << 20,
        bytes_per_s: int = 0,
        timeout_s: float = 30.0,
        max_pause_s: float = CAP_S,
        tls: ssl.SSLContext | None = None,
        on_state: Callable[[str, str | None], Any] | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        settings = Settings(
            endpoints=[endpoints] if isinstance(endpoints, str) else endpoints,
            token=token,
            binary=binary,
            ways=ways,
            name=name,
            credit=credit,
            bytes_per_s=bytes_per_s,
            max_pause_s=max_pause_s,
            tls=tls,
        )
        self._connection = Connection(settings, self._answered, on_state or (lambda *_: None))
        self._core = self._connection.core

    async def __aenter__(self) -> Client:
        self._connection.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def state(self) -> str:
        """`connecting`, `open`, `lost` or `closed`."""
        return self._connection.state

    @property
    def way(self) -> str | None:
        """How it is connected: `ws`, `sse`, `poll`; None while it is not."""
        return self._connection.way

    async def close(self) -> None:
        """Ends everything. Iterators end, calls that wait raise `Closed`."""
        await self._connection.close()

    def subscribe(
        self,
        filter: str,
        callback: Callback | None = None,
        *,
        kinds: str | None = None,
        deliver: str | None = None,
        recovery: str | None = None,
        after: Place | None = None,
        snapshot: bool | None = None,
        delta: bool | None = None,
        window: Frame | None = None,
        merge: str | None = None,
        min_interval_ms: int | None = None,
        bytes_per_s: int | None = None,
        max_queue: int | None = None,
    ) -> Subscription:
        """Subscribes to the topics of a filter; `docs/live.md` explains the options.

        With `callback`, that is called with each item, in the event loop; without, iterate. A
        refusal comes as the item `Ended`.
        """
        if self.state == "closed":
            raise Closed("the client is closed")
        options = {
            "filter": filter,
            "kinds": kinds,
            "deliver": deliver,
            "recovery": recovery,
            "after": after,
            "snapshot": snapshot,
            "delta": delta,
            "window": window,
            "merge": merge,
            "min_interval_ms": min_interval_ms,
            "bytes_per_s": bytes_per_s,
            "max_queue": max_queue,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return self._connection.subscribe(given, callback)

    def change(
        self, *, min_interval_ms: int | None = None, bytes_per_s: int | None = None
    ) -> None:
        """New limits of the session, for later connections too."""
        self._core.change(None, limits(min_interval_ms, bytes_per_s))
        self._connection.wake()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        timeout_s: float | None = None,
        again: bool | None = None,
    ) -> Result:
        """A request to the HTTP interface (`docs/http-api.md`) over this connection.

        After an interruption it is asked again if it has a `key`, or is GET, PUT or DELETE, or if
        `again` says that a repetition is harmless; else it raises `Unanswered`. Raises `TimedOut`,
        `Refused` if the session may not, `Closed`.
        """
        frame: Frame = {"t": "call", "method": method, "path": path}
        if body is not None:
            frame["body"] = body
        if key is not None:
            frame["key"] = key
        answer = await self._ask(frame, timeout_s, again)
        status = answer.get("status")
        if type(status) is not int:
            raise LiveError("an answer without a status")
        return Result(status, answer.get("body"))

    async def publish(
        self,
        topic: str,
        value: Any,
        *,
        key: str | None = None,
        timeout_s: float | None = None,
        **fields: str,
    ) -> Result:
        """Publishes a record: bytes, or any JSON value. It is on disk when this returns.

        `fields`: `kind`, `class_`, `quality`, `source_time`, `content_type` of the HTTP interface.
        Asked again after an interruption, with its key. Raises `Refused` unless it was taken.
        """
        record: Frame = {"topic": topic}
        if isinstance(value, (bytes, bytearray)):
            record["base64"] = base64.b64encode(value).decode()
        else:
            record["value"] = value
        record.update({name.rstrip("_"): text for name, text in fields.items()})
        record["key"] = key or new_key()
        return _success(await self.call("POST", "/v1/records", [record], timeout_s=timeout_s, again=True))

    async def command(
        self,
        device: str,
        name: str,
        arguments: Any = None,
        *,
        expires_in: str | None = None,
        timeout_s: float | None = None,
    ) -> Result:
        """Queues a command for a device. Never asked twice: it may raise `Unanswered`.

        Raises `Refused` unless it was queued.
        """
        body: Frame = {"name": name}
        if arguments is not None:
            body["arguments"] = arguments
        if expires_in is not None:
            body["expires_in"] = expires_in
        path = f"/v1/devices/{quote(device, safe='')}/commands"
        return _success(await self.call("POST", path, body, timeout_s=timeout_s))

    async def acknowledge(
        self, case: str, why: str | None = None, *, timeout_s: float | None = None
    ) -> Result:
        """Acknowledges a case: someone takes care. Raises `Refused` unless it was taken."""
        body = {"do": "acknowledge"} if why is None else {"do": "acknowledge", "why": why}
        path = f"/v1/cases/{quote(case, safe='')}/steps"
        return _success(await self.call("POST", path, body, timeout_s=timeout_s, again=True))

    async def ping(self, timeout_s: float | None = None) -> int:
        """The server's time, in µs since 1970, answered at once."""
        time = (await self._ask({"t": "ping"}, timeout_s)).get("time")
        if type(time) is not int:
            raise LiveError("an answer without a time")
        return time

    async def stats(self, timeout_s: float | None = None) -> Frame:
        """What the server counts about this session (`docs/live.md`, frame `stats`)."""
        answer = await self._ask({"t": "stats"}, timeout_s)
        return {name: value for name, value in answer.items() if name not in ("t", "id")}

    async def _ask(
        self, frame: Frame, timeout_s: float | None, again: bool | None = None
    ) -> Frame:
        if self.state == "closed":
            raise Closed("the client is closed")
        id_ = self._core.ask(frame, again)
        answer = self._answers[id_] = asyncio.get_running_loop().create_future()
        self._connection.wake()
        wait = self._timeout_s if timeout_s is None else timeout_s
        try:
            return await asyncio.wait_for(answer, wait)
        except asyncio.TimeoutError:
            raise TimedOut(f"no answer within {wait} s; with a key, ask again") from None
        finally:
            del self._answers[id_]
            self._core.forget(id_)

    def _answered(self, id_: int | None, answer: Frame | LiveError) -> None:
        """An answer, or an error for all that wait."""
        ids = list(self._answers) if id_ is None else [id_]
        for one in ids:
            future = self._answers.get(one)
            if future is None or future.done():
                continue
            if isinstance(answer, LiveError):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def _success(result: Result) -> Result:
    if 200 <= result.status < 300:
        return result
    problem = result.body if isinstance(result.body, dict) else {}
    detail = problem.get("detail") or problem.get("title") or f"HTTP status {result.status}"
    raise Refused("http", str(detail), result.status, result.body)
