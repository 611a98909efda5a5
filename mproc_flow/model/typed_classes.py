"""The classes of docarray, as far as this program has loaded them; nothing here ever imports it."""

from __future__ import annotations

import operator
import sys
from typing import Any, Final

_OLDEST: Final = (0, 40)


def library() -> Any:
    """Give docarray, or None if this program has loaded none that knows typed documents."""
    module = sys.modules.get('docarray')
    return module if hasattr(module, 'BaseDoc') and hasattr(module, 'DocList') else None


def check_library() -> None:
    """Check that the loaded docarray can be used.

    Raises:
        TypeError: It, or its pydantic, is too old.
    """
    version = str(getattr(sys.modules.get('docarray'), '__version__', '0'))
    numbers = tuple(int(number) if number.isdigit() else 0 for number in version.split('.')[:2])
    if library() is None or numbers < _OLDEST:
        raise TypeError(f'docarray {version} is too old for typed documents: pip install "docarray>=0.40"')
    if not hasattr(library().BaseDoc, 'model_validate'):
        raise TypeError('docarray runs with a pydantic older than 2 here: pip install "pydantic>=2.11"')


def is_document(value: Any) -> bool:
    """Say whether a value is a typed document."""
    return library() is not None and isinstance(value, _base())


def is_array(value: Any) -> bool:
    """Say whether a value is a DocList or a DocVec."""
    return library() is not None and isinstance(value, (library().DocList, library().DocVec))


def document_class(annotation: Any) -> type[Any] | None:
    """Give the class itself if an annotation is that of a typed document, else None."""
    is_class = library() is not None and isinstance(annotation, type)
    return annotation if is_class and issubclass(annotation, _base()) else None


def array_class(annotation: Any) -> Any:
    """Give the class behind ``DocList``, ``DocList[X]`` and the like; its ``doc_type`` is X, or AnyDoc without one."""
    kind = getattr(annotation, '__origin__', annotation)
    if library() is None or not isinstance(kind, type):
        return None
    return kind if issubclass(kind, (library().DocList, library().DocVec)) else None


def reduced(value: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """Say, for pickle, how ``DocList[X]`` or an instance of it is made anew; None if the value is neither.

    docarray makes these classes as they are needed and gives all the same name, by which pickle would look for them.
    Instances it pickles by way of protobuf, which need not be there.
    """
    if is_array(value) and isinstance(value, list):
        return type(value), (list(value),)
    kind = array_class(value)
    if kind is None:
        return None
    base = kind.__mro__[1]
    made = getattr(base, '__typed_da__', {}).get(base, {}).get(kind.doc_type)
    if made is None or array_class(made) is not kind:
        return None
    return (_plain_array_class if kind is value else operator.getitem, (base, kind.doc_type))


def _plain_array_class(base: Any, kind: type[Any]) -> Any:
    return array_class(base[kind])


def is_any(kind: type[Any]) -> bool:
    """Say whether this is the class of documents that may have any fields."""
    from_library: type[Any] = library().base_doc.AnyDoc
    return kind is from_library


def array_of(kind: type[Any], docs: list[Any]) -> Any:
    """Make a ``DocList[kind]`` of typed documents."""
    return library().DocList[kind](docs)


def _base() -> type[Any]:
    kind: type[Any] = library().base_doc.doc.BaseDocWithoutId
    return kind
