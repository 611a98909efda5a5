"""What an annotation says about typed documents.

Names in quotation marks, or in annotations that are all text because of ``from __future__ import annotations``, are
looked up one level after the other: ``typing.get_type_hints`` cannot do it with docarray's classes from Python 3.12 on.
"""

from __future__ import annotations

import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from types import UnionType
from typing import Any, NamedTuple

from mproc_flow.model import typed_classes

_CONTAINERS = (list, dict, Sequence, Mapping)
_ITERATORS = (Generator, Iterator, Iterable, AsyncGenerator, AsyncIterator, AsyncIterable)


class NotFound(Exception):
    """A name in an annotation means nothing where it was looked up."""


class Types(NamedTuple):
    """What an annotation is about: documents of which class, held by what (None: alone), or None."""

    kind: type[Any]
    holder: type[Any] | None = None
    optional: bool = False

    @property
    def in_columns(self) -> bool:
        """They are held by a DocVec; a DocList is a list."""
        return self.holder is not None and not issubclass(self.holder, list)


def looked_up(annotation: Any, names: dict[str, Any]) -> Any:
    """Give what an annotation is, without quotation marks and notes.

    Raises:
        NotFound: A name in it means nothing.
    """
    while True:
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            try:
                annotation = eval(annotation, names)
            except Exception as error:  # whatever the user's text raises
                raise NotFound(f'{type(error).__name__}: {error}') from error
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation = annotation.__origin__
        else:
            return type(None) if annotation is None else annotation


def members(annotation: Any, names: dict[str, Any]) -> tuple[list[Any], bool]:
    """Take a union apart: its members but None, and whether that is among them.

    Raises:
        NotFound: A name in it means nothing.
    """
    annotation = looked_up(annotation, names)
    if typing.get_origin(annotation) not in (typing.Union, UnionType):
        return [annotation], False
    found = [looked_up(member, names) for member in typing.get_args(annotation)]
    return [member for member in found if member is not type(None)], type(None) in found


def yielded(annotation: Any, names: dict[str, Any]) -> Any:
    """Give X of ``Iterator[X]``, ``AsyncIterator[X]`` and the like; anything else as it is.

    Raises:
        NotFound: A name in it means nothing.
    """
    annotation = looked_up(annotation, names)
    inner = typing.get_args(annotation)
    return inner[0] if inner and typing.get_origin(annotation) in _ITERATORS else annotation


def types_of(annotation: Any, names: dict[str, Any]) -> Types | None:
    """Say what an annotation says of typed documents, if anything.

    Raises:
        NotFound: A name in it means nothing.
        TypeError: It may be several classes, or it is of a docarray that cannot be used.
    """
    others, optional = members(annotation, names)
    found = [types for other in others if (types := _types_of_one(other, names)) is not None]
    if found and len(others) > 1:
        raise TypeError('which of the types? Name one')
    return found[0]._replace(optional=optional) if found else None


def _types_of_one(annotation: Any, names: dict[str, Any]) -> Types | None:
    if typing.get_origin(annotation) in _CONTAINERS:
        inner = typing.get_args(annotation)[-1:]
        return types_of(inner[0], names) if inner else None  # docs_matrix and docs_map
    holder = typed_classes.array_class(annotation)
    kind = typed_classes.document_class(annotation)
    if holder is None and kind is None:
        if isinstance(annotation, type) and annotation.__module__.partition('.')[0] == 'docarray':
            typed_classes.check_library()
        return None
    typed_classes.check_library()
    return Types(kind or holder.doc_type, holder)
