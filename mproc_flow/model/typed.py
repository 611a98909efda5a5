"""Documents whose fields a class declares, as docarray has them, and the Documents they travel as.

docarray is never imported here: a program that has a typed document has loaded it already. On its way a typed
document is a :class:`~mproc_flow.model.document.Document`, so whoever knows nothing of its class can read it: fields
that a Document has too stay what they are, all others are tags.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, get_args

import msgspec
import numpy as np

from mproc_flow.model.array import DocumentArray, trusted
from mproc_flow.model.document import Document, More
from mproc_flow.model.ids import fresh_id
from mproc_flow.model.typed_classes import array_class, array_of, is_any, is_array, is_document

_SHOWN = 3

# Fields that hold Documents again.
_NESTED = ('chunks', 'matches')
# Fields that a Document has too, with the type that a value must have to go there.
_OWN = {
    field.name: field.type
    for field in (*msgspec.structs.fields(Document), *msgspec.structs.fields(More))
    if field.name not in ('id', 'tags', '_more', 'scores', 'evaluations')
}
_AS_THEY_ARE = (str, bytes, bool, int, float, np.ndarray)


# ---- as they travel ----


def to_document(typed: Any) -> Document:
    """Make the Document as which a typed document travels.

    Values become data: nested documents and models dicts, arrays numpy arrays, enums their values. What is no data
    then is refused when the Document is sent.
    """
    fields: dict[str, Any] = {}
    tags: dict[Any, Any] = {}
    values = _values(typed)
    for name, value in values.items():
        if name in _NESTED and is_array(value):
            fields[name] = to_documents(value)
        elif name in _OWN and name not in _NESTED and _fits(data := plain(value), _OWN[name]):
            fields[name] = data
        elif name not in ('id', 'tags'):
            tags[name] = plain(value)
    if values.get('tags') is not None:
        _add_tags(plain(values['tags']), {'tags', *tags, *type(typed).model_fields}, tags)
    return Document(id=str(getattr(typed, 'id', None) or fresh_id()), tags=tags, **fields)


def to_documents(typed: Iterable[Any]) -> DocumentArray:
    """Make the Documents as which typed documents travel."""
    return trusted([to_document(doc) for doc in typed])


def plain(value: Any) -> Any:
    """Make data of a value of a typed document; what cannot be made data stays what it is."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, np.ndarray)):
        return value if type(value) in (type(None), bool, np.ndarray) else np.asarray(value)
    for kind in (str, bytes, int, float):
        if isinstance(value, kind):
            return value if type(value) is kind else _bare(kind, value)
    if is_array(value):
        return [plain(doc) for doc in value]
    if hasattr(type(value), 'model_fields'):
        return {name: plain(item) for name, item in _values(value).items()}
    if isinstance(value, Mapping):
        return {_plain_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return _plain_leaf(value)


def _bare(kind: type[Any], value: Any) -> Any:
    """Give a value of a subclass of str, bytes, int or float as one of its base, whatever it calls itself."""
    return kind.__str__(value) if kind is str else kind.__new__(kind, value)


def _plain_key(key: Any) -> Any:
    made = plain(key)
    return made if type(made) in (str, int) else str(made)


def _plain_leaf(value: Any) -> Any:
    if hasattr(value, 'get_secret_value'):
        return plain(value.get_secret_value())
    tensor = value.unwrap() if hasattr(value, 'unwrap') else value
    tensor = tensor.detach() if hasattr(tensor, 'detach') else tensor
    if hasattr(tensor, '__array__'):
        return tensor.item() if isinstance(tensor, np.generic) else np.asarray(tensor)
    if isinstance(value, datetime):
        return value
    core: Any = sys.modules.get('pydantic_core')
    try:
        return core.to_jsonable_python(value)
    except ValueError:
        return value


def _values(typed: Any) -> dict[str, Any]:
    """Give the values of a document or model by field, without those that are None by default."""
    kind = type(typed)
    fields = kind.model_fields
    if is_document(typed) and is_any(kind):
        return dict(vars(typed))
    found = {name: getattr(typed, name) for name in fields if hasattr(typed, name)}
    kept = {name: value for name, value in found.items() if value is not None or not _is_none_by_default(fields[name])}
    return {**kept, **(typed.model_extra or {})}


def _is_none_by_default(field: Any) -> bool:
    return not field.is_required() and field.default is None and field.default_factory is None


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return value is not None


def _add_tags(own: Any, taken: set[str], tags: dict[Any, Any]) -> None:
    """Add a field that is called ``tags`` itself: to the others, or where these are in its way under its name."""
    if isinstance(own, dict) and taken.isdisjoint(own):
        tags.update(own)
    else:
        tags['tags'] = own


# ---- and back ----


def from_document(doc: Document, kind: type[Any], position: int = 0) -> Any:
    """Make a typed document of a Document.

    Args:
        doc: The Document; what the class has no field for is left out.
        kind: Class of the typed document.
        position: Which one of several it is, for the error.

    Raises:
        ValueError: It does not have what the class wants; the message names Document and field.
    """
    return validated(kind, _data(doc, kind), f'Document {position} ({doc.id})')


def from_documents(docs: Iterable[Document], kind: type[Any]) -> Any:
    """Make a ``DocList[kind]`` of Documents, see :func:`from_document`."""
    return array_of(kind, [from_document(doc, kind, position) for position, doc in enumerate(docs)])


def validated(kind: type[Any], data: dict[str, Any], what: str) -> Any:
    """Make an instance of a pydantic model.

    Raises:
        ValueError: The data does not fit; the message begins with ``what`` and names the fields.
    """
    core: Any = sys.modules['pydantic_core']
    try:
        return kind.model_validate(data, by_name=True)
    except core.ValidationError as error:
        first = error
    lists = {error['loc'][0] for error in first.errors(include_url=False) if error['loc']}
    data = {name: _as_list(value) if name in lists else value for name, value in data.items()}
    try:
        return kind.model_validate(data, by_name=True)
    except core.ValidationError:
        raise ValueError(f'{what} cannot become {kind.__name__}: {_complaint(first)}') from first


def _as_list(value: Any) -> Any:
    """Give an array as numbers: ``embedding: list[float]`` takes what others call an embedding, too."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def _data(doc: Document, kind: type[Any]) -> dict[str, Any]:
    """Gather what is validated: what a class has fields for, and if it takes anything, all else."""
    fields = kind.model_fields
    data = {name: value for name in fields if (value := _value(doc, name, fields)) is not _MISSING}
    if kind.model_config.get('extra') == 'allow':
        own = {name: value for name in _OWN if name not in fields and (value := _own(doc, name)) is not None}
        data.update({name: _loose(value) for name, value in own.items()})
        data.update({key: value for key, value in doc.tags.items() if isinstance(key, str) and key not in data})
    return data


_MISSING: Any = object()


def _value(doc: Document, name: str, fields: Mapping[str, Any]) -> Any:
    if name == 'id':
        return doc.id
    if name == 'tags':
        others = {key: value for key, value in doc.tags.items() if key not in fields}
        return doc.tags.get('tags', others or _MISSING)
    own = _own(doc, name) if name in _OWN else None
    if own is None:
        return doc.tags.get(name, _MISSING)
    kind = _kind_within(fields[name].annotation) if name in _NESTED else None
    return _loose(own) if kind is None else [_data(item, kind) for item in own]


def _kind_within(annotation: Any) -> type[Any] | None:
    """Give X of ``DocList[X]``, or of a union that has it."""
    found = [array_class(one) for one in (annotation, *get_args(annotation))]
    return next((kind.doc_type for kind in found if kind is not None), None)


def _loose(value: Any) -> Any:
    return value if isinstance(value, _AS_THEY_ARE) else msgspec.to_builtins(value, str_keys=False)


def _own(doc: Document, name: str) -> Any:
    """Give what is in a field, None if nothing is; other than asking for it, this makes no empty container."""
    value = getattr(doc if name in Document.__struct_fields__ else doc._more, name, None)
    return None if isinstance(value, list) and not value else value


def _complaint(error: Any) -> str:
    found = error.errors(include_url=False)
    shown = [f'field {".".join(map(str, one["loc"])) or "(all)"}: {one["msg"]}{_given(one)}' for one in found[:_SHOWN]]
    more = f'; and {len(found) - _SHOWN} more' if len(found) > _SHOWN else ''
    return '; '.join(shown) + more


def _given(one: dict[str, Any]) -> str:
    if one['type'] == 'missing':
        return ''
    text = repr(one.get('input'))
    return f' (it is {text if len(text) <= 60 else text[:57] + "..."})'
