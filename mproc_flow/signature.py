"""What the annotations of an Executor's method say about the documents it takes and gives.

Annotations that are not docarray's or pydantic's say nothing here. Those that stand in quotation marks, or are all
text because of ``from __future__ import annotations``, are looked up among the globals of the method.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from mproc_flow.model import typed_classes
from mproc_flow.model.annotations import NotFound, Types, members, types_of, yielded
from mproc_flow.model.schema import EndpointSchema, schema_of

# On a function: what was given to @requests, and what the user's process found out before it sends the class to a
# fresh interpreter, where the names in the annotations may mean nothing.
_GIVEN, _FOUND = '_mproc_flow_schemas', '_mproc_flow_signature'

_OFFERED = ('docs', 'parameters', 'docs_matrix', 'docs_map')
_OFFERED_SINGLE = ('doc', 'parameters')
_DOCUMENTS = ('docs', 'doc', 'docs_matrix', 'docs_map')
_TYPED_TEXT = re.compile(r'\b(DocList|DocVec|BaseDoc)\b')
_UNTYPED_PARAMETERS = re.compile(r'\b(dict|Dict|Any|object)\b|Mapping\b')

_Result = TypeVar('_Result')


class Signature(msgspec.Struct, frozen=True):
    """What a method takes and gives.

    Attributes:
        single: It is called for each document by itself (its parameter is called ``doc``).
        takes: Class of the typed documents it takes, or None for Documents.
        in_columns: It takes them as a DocVec.
        gives: Class of the typed documents that go on after it, or None if nothing is said about them.
        parameters: The pydantic model that its ``parameters`` are, or None for a dict.
        optional_parameters: It gets None instead if there are no parameters.
    """

    single: bool = False
    takes: type[Any] | None = None
    in_columns: bool = False
    gives: type[Any] | None = None
    parameters: type[Any] | None = None
    optional_parameters: bool = False


def give_schemas(method: Any, request_schema: Any, response_schema: Any) -> None:
    """Write down what ``@requests`` was told about a method's documents.

    Raises:
        TypeError: It is no class of typed documents.
    """
    for option, given in (('request_schema', request_schema), ('response_schema', response_schema)):
        if given is not None and (isinstance(given, str) or types_of(given, {}) is None):
            raise TypeError(
                f'@requests({option}=...) takes DocList[X] or X, a subclass of docarray.BaseDoc, not {given!r}'
            )
    setattr(method, _GIVEN, (request_schema, response_schema))


def signature(method: Callable[..., Any]) -> Signature:
    """Read what a method takes and gives.

    Raises:
        TypeError: An annotation is about typed documents, but cannot be understood.
    """
    found: Signature | None = getattr(method, _FOUND, None)
    if found is not None:
        return found
    found = _Reader(method, inspect.unwrap(getattr(method, '__func__', method))).read()
    if found.takes or found.gives or found.parameters:
        vars(getattr(method, '__func__', method))[_FOUND] = found
    return found


def schemas(methods: Mapping[str, Callable[..., Any]]) -> dict[str, EndpointSchema]:
    """Give the JSON schemas of methods by endpoint."""
    found = {endpoint: signature(method) for endpoint, method in methods.items()}
    return {endpoint: EndpointSchema(schema_of(one.takes), schema_of(one.gives)) for endpoint, one in found.items()}


def is_single(method: Callable[..., Any]) -> bool:
    """Say whether a method is called for each document by itself."""
    return 'doc' in inspect.signature(method).parameters


def is_generator(method: Callable[..., Any]) -> bool:
    """Say whether a method gives its results one by one: with ``yield``, plain or ``async``."""
    return inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method)


def accepted(method: Callable[..., Any]) -> frozenset[str]:
    """Give which of ``docs``, ``parameters``, ... a method takes."""
    offered = frozenset(_OFFERED_SINGLE if is_single(method) else _OFFERED)
    names = inspect.signature(method).parameters.values()
    if any(name.kind is inspect.Parameter.VAR_KEYWORD for name in names):
        return offered
    return frozenset(name.name for name in names) & offered


def check_accepted(method: Callable[..., Any]) -> None:
    """Check that a request offers whatever a method has to be given.

    Raises:
        TypeError: It does not.
    """
    offered = _OFFERED_SINGLE if is_single(method) else _OFFERED
    for name in list(inspect.signature(method).parameters.values())[1:]:
        required = name.default is inspect.Parameter.empty and name.kind not in (
            inspect.Parameter.VAR_KEYWORD,
            inspect.Parameter.VAR_POSITIONAL,
        )
        if required and (name.name not in offered or name.kind is inspect.Parameter.POSITIONAL_ONLY):
            where = getattr(method, '__qualname__', repr(method))
            beside = ' beside doc' if offered is _OFFERED_SINGLE else ''
            raise TypeError(
                f'{where} wants {name.name!r}, which a request does not offer{beside}: '
                f'take any of {", ".join(offered)} or **kwargs, or give it a default'
            )


class _Reader:
    """Reads the annotations of one method."""

    def __init__(self, method: Callable[..., Any], function: Any) -> None:
        self._name = getattr(function, '__qualname__', repr(function))
        self._annotations: dict[str, Any] = getattr(function, '__annotations__', {})
        self._globals = getattr(function, '__globals__', {})
        self._single = is_single(method)
        self._yields = is_generator(function)
        self._request, self._response = (types_of(given, {}) for given in getattr(method, _GIVEN, (None, None)))

    def read(self) -> Signature:
        if not self._may_have_types():
            return Signature(single=self._single)
        takes, in_columns = self._takes()
        parameters, optional = self._parameters()
        return Signature(self._single, takes, in_columns, self._gives(takes), parameters, optional)

    def _may_have_types(self) -> bool:
        texts = [text for text in self._annotations.values() if isinstance(text, str)]
        return 'docarray' in sys.modules or 'pydantic' in sys.modules or any(map(_TYPED_TEXT.search, texts))

    def _takes(self) -> tuple[type[Any] | None, bool]:
        if self._request is not None:
            return self._request.kind, self._request.in_columns
        found = {name: types for name in _DOCUMENTS if (types := self._types(name)) is not None}
        for name, types in found.items():
            if (name == 'doc') is not (types.holder is None):
                wanted = types.kind.__name__ if name == 'doc' else f'DocList[{types.kind.__name__}]'
                raise self._error(name, f'it is {wanted} that a method gets as {name!r}')
        kinds = {types.kind for types in found.values()}
        if len(kinds) > 1:
            names = ' and '.join(sorted(kind.__name__ for kind in kinds))
            raise TypeError(f'{self._name} wants the same documents as {names}: annotate all with one class')
        takes = kinds.pop() if kinds else None
        if takes is not None and typed_classes.is_any(takes):
            raise TypeError(f'{self._name}: what to make of the Documents? Write DocList[X] instead of DocList')
        return takes, 'docs' in found and found['docs'].in_columns

    def _gives(self, takes: type[Any] | None) -> type[Any] | None:
        if self._response is not None:
            return self._response.kind
        returned, _ = self._read('return', members) or ([], False)
        if (
            returned
            and not self._yields
            and all((typing.get_origin(kind) or kind) in (type(None), dict) for kind in returned)
        ):
            return takes  # they go on, changed in place
        types = self._types('return')
        if types is None or typed_classes.is_any(types.kind):
            return None
        is_certain = not types.optional or (takes is not None and issubclass(takes, types.kind))
        return types.kind if is_certain else None

    def _parameters(self) -> tuple[type[Any] | None, bool]:
        others, optional = self._read('parameters', members) or ([], False)
        models = [kind for kind in others if isinstance(kind, type) and hasattr(kind, 'model_validate')]
        if models and len(others) > 1:
            raise self._error('parameters', 'which of the models?')
        return (models[0], optional) if models else (None, False)

    def _types(self, name: str) -> Types | None:
        return self._read(name, types_of)

    def _read(self, name: str, how: Callable[[Any, dict[str, Any]], _Result]) -> _Result | None:
        """Read an annotation; None where there is none, or it has nothing to do with typed documents."""
        if name not in self._annotations:
            return None
        annotation = self._annotations[name]
        try:
            if self._yields and name == 'return':
                annotation = yielded(annotation, self._globals)
            return how(annotation, self._globals)
        except TypeError as error:
            raise self._error(name, str(error)) from None
        except NotFound as error:
            if not _may_be_typed(name, str(annotation)):
                return None
            raise self._error(
                name,
                f'it cannot be looked up ({error}). Define or import at the top of the module what it names, not only '
                'for the type checker and not in a function, or give @requests(request_schema=, response_schema=)',
            ) from error

    def _error(self, name: str, why: str) -> TypeError:
        annotation = self._annotations.get(name)
        text = annotation if isinstance(annotation, str) else getattr(annotation, '__name__', repr(annotation))
        return TypeError(f'{self._name}: annotation {text} of {name!r}: {why}')


def _may_be_typed(name: str, text: str) -> bool:
    if name == 'parameters':
        return not _UNTYPED_PARAMETERS.search(text)
    if name == 'doc':
        return text.rpartition('.')[2] != 'Document'
    return _TYPED_TEXT.search(text) is not None
