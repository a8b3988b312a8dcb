"""What somebody may have meant who named something that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches

_FEW = 10
_NEAREST = 5


def known_names(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about an unknown `name`: all that there are if these are few, else the nearest ones."""
    known = list(dict.fromkeys(names))
    if len(known) <= _FEW:
        return f"There are: {', '.join(known) or 'none yet'}."
    near = nearest(name, known)
    return f"Did you mean {', '.join(near)}?" if near else f"There are {len(known)}, e.g. {', '.join(known[:_NEAREST])}."


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """The names that are spelled most alike, whatever their case; the most alike first."""
    plain: dict[str, list[str]] = {}
    for known in names:
        plain.setdefault(known.casefold(), []).append(known)
    alike = get_close_matches(name[:200].casefold(), plain, n=_NEAREST, cutoff=0.5)
    return [known for word in alike for known in plain[word]][:_NEAREST]


def shown(name: str) -> str:
    """Somebody's word for something, short enough and fit to be sent back: JSON may hold half a character, UTF-8 may not."""
    return name[:80].encode("utf-8", "backslashreplace").decode()
