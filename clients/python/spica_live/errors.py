"""What can go wrong, by what a caller can do about it."""

from __future__ import annotations

from typing import Any


class LiveError(Exception):
    """Any error of this package."""


class Closed(LiveError):
    """The client was closed, or the server refused its token for good."""


class Unauthorized(Closed):
    """No valid token: the client does not try again by itself."""


class Refused(LiveError):
    """The server does not do what was asked.

    `code` is one of the contract's (`bad_filter`, `limit`, …), or `http` if an HTTP status says so;
    `status` is then that status and `body` the problem document.
    """

    def __init__(self, code: str, detail: str, status: int | None = None, body: Any = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.status = status
        self.body = body


class Unanswered(LiveError):
    """The connection was lost before the answer, and to ask again might do it twice.

    Nobody knows whether it was done: look before you repeat it.
    """


class TimedOut(LiveError):
    """No answer within the time. With a key, repeating it is harmless."""


class ProtocolError(LiveError):
    """The other side broke the contract; the connection is given up."""
