"""What to say about a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str], else_: str = 'known:') -> str:
    """Return the end of an error message: the most similar known name, or all known names if none is similar.

    Args:
        name: The one that does not exist.
        known: Those that do.
        else_: What stands before all known names.
    """
    import difflib  # not at the top: only mistakes need it

    known = tuple(known)
    by_lower = {word.lower(): word for word in known}
    similar = difflib.get_close_matches(str(name).lower(), list(by_lower), n=1)
    if similar:
        return f'; did you mean {by_lower[similar[0]]!r}?'
    return f'; {else_} {", ".join(known)}' if known else ''
