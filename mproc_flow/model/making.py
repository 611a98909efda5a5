"""What may be given when a Document is made."""

from __future__ import annotations

import copy as copying
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mproc_flow.model.further import FURTHER

# In the order in which they are set: nested Documents learn from the others where they are.
_BESIDE = ('content', *reversed(FURTHER))

_make = msgspec.StructMeta.__call__


class FieldsByName(msgspec.StructMeta):
    """Lets a constructor take more than the fields of the wire, and say what would be right if a call is wrong.

    That is a Document or a dict by position, and ``content``, ``copy`` and the fields of :mod:`.further` by keyword.
    """

    if not TYPE_CHECKING:

        def __call__(cls, *args, **fields):
            if args:
                return _make_in_full(cls, args, fields)
            try:
                return _make(cls, **fields)
            except TypeError:  # more than the fields of the wire, or something wrong
                return _make_in_full(cls, args, fields)


def _make_in_full(cls: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
    deep = fields.pop('copy', False)
    given = _given(cls, args, deep)
    given.update(fields)
    beside = {name: given.pop(name) for name in _BESIDE if name in given}
    try:
        made = _make(cls, **given)
    except TypeError as error:
        raise TypeError(advice(cls, given) or str(error)) from None
    for name, value in beside.items():
        if value is not None:
            setattr(made, name, value)
    return made


def _given(cls: Any, args: tuple[Any, ...], deep: bool) -> dict[str, Any]:
    """Return the fields of the one thing that may be given by position."""
    if len(args) > 1 or not isinstance(args[0] if args else None, (cls, Mapping, type(None))):
        raise TypeError(f"{cls.__name__} takes its fields by name, for instance {cls.__name__}(text='hello')")
    source = args[0] if args else None
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return dict(source)
    fields: dict[str, Any] = (copying.deepcopy(source) if deep else source)._own_fields()
    return fields


def advice(cls: Any, fields: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a name among these fields, if one is no field."""
    known = known_fields(cls)
    unknown = next((name for name in fields if name not in known), None)
    if unknown is None:
        return None
    import difflib  # not at the top: only mistakes need it

    close = difflib.get_close_matches(str(unknown).lower(), known, 1)
    fields_and_tags = f'its fields are {", ".join(known)}, and values of your own go into tags'
    return f'{cls.__name__} has no field {unknown!r}; ' + (f'did you mean {close[0]!r}?' if close else fields_and_tags)


def known_fields(cls: Any) -> tuple[str, ...]:
    """Return the names of all fields of a class of Documents."""
    return (*(name for name in cls.__struct_fields__ if name != '_more'), *FURTHER)
