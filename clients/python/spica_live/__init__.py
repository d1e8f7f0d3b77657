"""Live sessions of a Spica hub: what is, what changes, and what was missed."""

from .client import Client, Result
from .errors import (
    Closed,
    LiveError,
    ProtocolError,
    Refused,
    TimedOut,
    Unanswered,
    Unauthorized,
)
from .items import Ended, Gap, Item, Place, Position, Ready, Reset, Value
from .subscriber import Subscription

__all__ = [
    "Client",
    "Closed",
    "Ended",
    "Gap",
    "Item",
    "LiveError",
    "Place",
    "Position",
    "ProtocolError",
    "Ready",
    "Refused",
    "Reset",
    "Result",
    "Subscription",
    "TimedOut",
    "Unanswered",
    "Unauthorized",
    "Value",
]
