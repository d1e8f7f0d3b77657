"""The three ways to a server: WebSocket, server-sent events, long-poll. Each is a `Link`."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Protocol
from urllib.parse import quote

import websockets.asyncio.client as ws
import websockets.exceptions
from websockets.typing import Subprotocol

from . import http1
from .errors import ProtocolError
from .frames import MAX_FRAME, Codec, Frame, as_frame, dumps, loads, loads_sized

WAYS = ("ws", "sse", "poll")

POLL_S = 25.0
"""How long one long-poll waits. Beats come sooner."""

MAX_RETRIES = 3
"""Times that a broken poll or stream of events is asked again before the session is given up."""


class LinkLost(Exception):
    """The connection is gone."""


class Link(Protocol):
    """An open connection on which the hello was said."""

    async def send(self, frames: list[Frame]) -> None:
        """Sends frames. Raises `LinkLost`."""

    async def receive(self) -> tuple[Frame, int]:
        """The next frame and its encoded bytes. Raises `LinkLost` or `ProtocolError`."""

    async def close(self) -> None:
        """Ends the connection."""


async def connect(
    way: str, base: str, codec: Codec, hello: Frame, tls: ssl.SSLContext | None
) -> Link:
    """Connects and says hello. Raises `HttpError`, `OSError`, `LinkLost`, `ProtocolError`."""
    if way == "ws":
        return await WebSocketLink.open(base, codec, hello, tls)
    http = await _Http.open(base, hello, tls)
    if way == "poll":
        return PollLink(http)
    link = SseLink(http)
    if http.first and http.first[0]["t"] == "welcome":
        await link.begin()
    return link


class WebSocketLink:
    """A WebSocket."""

    def __init__(self, socket: ws.ClientConnection, codec: Codec) -> None:
        self._socket = socket
        self._codec = codec

    @classmethod
    async def open(
        cls, base: str, codec: Codec, hello: Frame, tls: ssl.SSLContext | None
    ) -> WebSocketLink:
        address = "ws" + base.removeprefix("http") + "/v1/live/ws"
        try:
            socket = await ws.connect(
                address,
                subprotocols=[Subprotocol(codec.subprotocol)],
                compression=None,
                max_size=MAX_FRAME,
                open_timeout=None,
                ping_interval=None,
                close_timeout=1,
                proxy=None,
                ssl=(tls or True) if base.startswith("https") else None,
                # Redirects are not followed: the token would go to whoever is named.
                process_exception=lambda error: error,
            )
        except websockets.exceptions.InvalidStatus as error:
            headers = error.response.headers
            raise http1.HttpError(
                error.response.status_code,
                http1.seconds(headers.get("Retry-After")),
                headers.get("Location"),
            ) from error
        except (websockets.exceptions.WebSocketException, EOFError) as error:
            raise LinkLost(str(error)) from error
        link = cls(socket, codec)
        if socket.subprotocol != codec.subprotocol:
            await link.close()
            raise LinkLost("the server does not speak our subprotocol")
        await link.send([hello])
        return link

    async def send(self, frames: list[Frame]) -> None:
        try:
            for frame in frames:
                await self._socket.send(self._codec.encode(frame))
        except (websockets.exceptions.WebSocketException, OSError) as error:
            raise LinkLost(str(error)) from error

    async def receive(self) -> tuple[Frame, int]:
        try:
            message = await self._socket.recv()
        except (websockets.exceptions.WebSocketException, OSError) as error:
            raise LinkLost(str(error)) from error
        size = len(message) if isinstance(message, bytes) else len(message.encode())
        return self._codec.decode(message), size

    async def close(self) -> None:
        await self._socket.close()


class _Http:
    """A session over HTTP: its address, and the frames that came with the first answer."""

    def __init__(self, base: str, path: str, headers: dict[str, str], first: list[Frame]) -> None:
        self.base = base
        self.path = path
        self.headers = headers
        self.first = first
        self.tls: ssl.SSLContext | None = None

    @classmethod
    async def open(cls, base: str, hello: Frame, tls: ssl.SSLContext | None) -> _Http:
        token = hello.get("token")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = dumps({k: v for k, v in hello.items() if k != "token"}).encode()
        answer = loads(await http1.fetch("POST", base, "/v1/live/sessions", headers, body, tls))
        session = answer.get("session") if isinstance(answer, dict) else None
        if not isinstance(session, str) or not isinstance(answer.get("frames"), list):
            raise ProtocolError("an answer that opens no session")
        first = [as_frame(frame) for frame in answer["frames"]]
        http = cls(base, f"/v1/live/sessions/{quote(session, safe='')}", headers, first)
        http.tls = tls
        return http

    async def fetch(self, method: str, rest: str = "", body: bytes | None = None) -> bytes:
        path = self.path + rest
        return await http1.fetch(method, self.base, path, self.headers, body, self.tls)

    async def send(self, frames: list[Frame]) -> None:
        try:
            await self.fetch("POST", body=dumps(frames).encode())
        except (OSError, http1.HttpError, EOFError) as error:
            raise LinkLost(str(error)) from error

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self.fetch("DELETE"), 1)
        except (OSError, EOFError, ProtocolError, http1.HttpError, asyncio.TimeoutError):
            pass  # A session that nobody reads ends by itself.


class SseLink:
    """Server-sent events, and a POST for what the client says."""

    def __init__(self, http: _Http) -> None:
        self._http = http
        self._answer: http1.Answer | None = None
        self._lines: _Lines | None = None
        self._id: str | None = None
        self._failures = 0
        self.brought = False
        """Whether the stream of events has brought a frame yet."""

    async def send(self, frames: list[Frame]) -> None:
        await self._http.send(frames)

    async def receive(self) -> tuple[Frame, int]:
        if self._http.first:
            return self._http.first.pop(0), 0
        while True:
            try:
                data = await self._event()
                self._failures = 0
                self.brought = True
                return as_frame(loads(data)), len(data)
            except http1.HttpError as error:
                raise LinkLost(str(error)) from error
            except (OSError, EOFError) as error:
                self._drop()
                self._failures += 1
                if self._failures > MAX_RETRIES or not self.brought:
                    raise LinkLost(str(error)) from error

    async def begin(self) -> None:
        """Opens the stream, where there is a session. Raises `LinkLost` if there is no stream."""
        try:
            await self._stream()
        except (OSError, EOFError, http1.HttpError, ProtocolError) as error:
            await self.close()
            raise LinkLost(str(error)) from error

    async def _stream(self) -> _Lines:
        if self._lines is None:
            http = self._http
            headers = {**http.headers, "Accept": "text/event-stream"}
            if self._id is not None:
                headers["Last-Event-ID"] = self._id
            path = http.path + "/events"
            self._answer = await http1.request("GET", http.base, path, headers, None, http.tls)
            http1.check(self._answer)
            self._lines = _Lines(self._answer)
        return self._lines

    async def _event(self) -> bytes:
        """The data of the next event."""
        lines = await self._stream()
        data: list[bytes] = []
        id_ = self._id
        while True:
            line = await lines.next()
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                data.append(value)
            elif name == b"id":
                id_ = value.decode("latin-1")
            elif not line and data:
                self._id = id_
                return b"\n".join(data)

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
        self._answer = self._lines = None

    async def close(self) -> None:
        self._drop()
        await self._http.close()


class _Lines:
    """Lines of a body as it comes."""

    def __init__(self, answer: http1.Answer) -> None:
        self._parts = answer.parts()
        self._buffer = bytearray()
        self._from = 0

    async def next(self) -> bytes:
        """The next line, without its end."""
        while True:
            end = self._buffer.find(b"\n", self._from)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._from = 0
                return line.removesuffix(b"\r")
            self._from = len(self._buffer)
            if self._from > MAX_FRAME:
                raise ProtocolError("an event that is too long")
            try:
                self._buffer += await self._parts.__anext__()
            except StopAsyncIteration:
                raise ConnectionError("the stream has ended") from None


class PollLink:
    """Long-poll: each answer has the frames since the one before."""

    def __init__(self, http: _Http) -> None:
        self._http = http
        self._after = 0
        self._frames: deque[tuple[Frame, int]] = deque()
        self._failures = 0

    async def send(self, frames: list[Frame]) -> None:
        await self._http.send(frames)

    async def receive(self) -> tuple[Frame, int]:
        if self._http.first:
            return self._http.first.pop(0), 0
        while not self._frames:
            try:
                rest = f"/poll?after={self._after}&timeout_ms={int(POLL_S * 1000)}"
                self._take(await self._http.fetch("GET", rest))
                self._failures = 0
            except http1.HttpError as error:
                raise LinkLost(str(error)) from error
            except (OSError, EOFError) as error:
                self._failures += 1
                if self._failures > MAX_RETRIES:
                    raise LinkLost(str(error)) from error
        return self._frames.popleft()

    def _take(self, body: bytes) -> None:
        try:
            answer, sizes = loads_sized(body.decode(), "frames")
        except UnicodeDecodeError as error:
            raise ProtocolError("an answer that is not UTF-8") from error
        frames = answer.get("frames")
        if not isinstance(frames, list) or type(answer.get("next")) is not int:
            raise ProtocolError("an answer to a poll without its keys")
        self._frames.extend(zip(map(as_frame, frames), sizes))
        self._after = answer["next"]

    async def close(self) -> None:
        await self._http.close()
