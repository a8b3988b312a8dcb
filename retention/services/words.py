"""Sentences that the admin and the console share."""

from datetime import datetime

from retention.models import Hold
from retention.services.holds import State, state_of


def hold_words(hold: Hold, at: datetime) -> str:
    """What the hold's state means for the rows that it covers."""
    return {
        State.PLANNED: f"It begins on {hold.starts_at:%Y-%m-%d %H:%M} UTC.",
        State.PENDING: "Batches that were under way before it are not over; nothing else that it covers goes. A worker sets it in force.",
        State.IN_FORCE: "Nothing that it covers goes.",
        State.ENDED: "It has ended; what it covered may go.",
        State.RELEASED: "It was released; what it covered may go.",
    }[state_of(hold, at)]
