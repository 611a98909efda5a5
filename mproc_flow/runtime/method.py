"""One method of an Executor, called as its annotations want it to be."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from mproc_flow.model import typed, typed_classes
from mproc_flow.model.array import DocumentArray, trusted
from mproc_flow.model.document import Document
from mproc_flow.model.reduce import RESULTS
from mproc_flow.signature import Signature, accepted, is_generator, signature

_RETURNS = 'None, a DocumentArray, a DocList or a dict'
_RETURNS_SINGLE = 'None, a Document or a typed document'


class Method:
    """Converts what a request brings into what the method takes, and what it returns into Documents.

    Args:
        function: The bound method.

    Attributes:
        is_generator: It yields its results.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature: Signature = signature(function)
        self._takes = accepted(function)
        self.is_generator = is_generator(function)

    @property
    def is_async(self) -> bool:
        """It is ``async def``."""
        return inspect.iscoroutinefunction(self._function) or inspect.isasyncgenfunction(self._function)

    @property
    def takes_groups(self) -> bool:
        """It sees the Documents of each branch apart."""
        return not self._takes.isdisjoint(('docs_matrix', 'docs_map'))

    # ---- before ----

    def group(self, docs: DocumentArray) -> Any:
        """Give Documents of one origin as the method takes them.

        Raises:
            ValueError: They do not have what its class wants.
        """
        kind = self._signature.takes
        return docs if kind is None else typed.from_documents(docs, kind)

    def together(self, groups: Sequence[Any]) -> Any:
        """Give what is in all groups, as the method takes it."""
        if len(groups) != 1:
            return self.array([doc for group in groups for doc in group])
        return self._in_columns(groups[0])

    def array(self, docs: list[Any]) -> Any:
        """Give documents, which are what :meth:`group` gave, as the method takes them."""
        kind = self._signature.takes
        return self._in_columns(trusted(docs) if kind is None else typed_classes.array_of(kind, docs))

    def _in_columns(self, docs: Any) -> Any:
        return docs.to_doc_vec() if self._signature.in_columns and docs else docs

    def start(self, docs: Any, arguments: Mapping[str, Any]) -> Any:
        """Call the method with those of the arguments that it takes; give what it returns, or a coroutine for that."""
        chosen = {name: value for name, value in arguments.items() if name in self._takes}
        if 'parameters' in chosen:
            chosen['parameters'] = self._parameters(chosen['parameters'])
        if self._signature.single:
            return self._one_by_one(docs, chosen)
        if 'docs' in self._takes:
            chosen['docs'] = docs
        return self._function(**chosen)

    def _parameters(self, parameters: dict[str, Any]) -> Any:
        model = self._signature.parameters
        if model is None:
            return parameters
        given = {name: value for name, value in parameters.items() if name != RESULTS}
        if not given and self._signature.optional_parameters:
            return None
        return typed.validated(model, given, 'parameters')

    def _one_by_one(self, docs: Any, arguments: dict[str, Any]) -> Any:
        if self.is_generator:
            return self._yield_async(docs, arguments) if self.is_async else self._yield(docs, arguments)
        return self._each_async(docs, arguments) if self.is_async else self._each(docs, arguments)

    def _yield(self, docs: Any, arguments: dict[str, Any]) -> Iterator[Any]:
        for doc in docs:
            yield from self._function(doc=doc, **arguments)

    async def _yield_async(self, docs: Any, arguments: dict[str, Any]) -> AsyncIterator[Any]:
        for doc in docs:
            pieces = self._function(doc=doc, **arguments)
            try:
                async for piece in pieces:
                    yield piece
            finally:
                await pieces.aclose()

    def _each(self, docs: Any, arguments: dict[str, Any]) -> DocumentArray:
        return trusted([self._single(doc, self._function(doc=doc, **arguments)) for doc in docs])

    async def _each_async(self, docs: Any, arguments: dict[str, Any]) -> DocumentArray:
        return trusted([self._single(doc, await self._function(doc=doc, **arguments)) for doc in docs])

    # ---- after ----

    def answer(self, docs: Any, returned: Any) -> DocumentArray:
        """Give the Documents that go on.

        Args:
            docs: What the method was given.
            returned: What it returned.

        Raises:
            TypeError: It returned what no method may, or other documents than its annotation says.
        """
        if self._signature.single and isinstance(returned, DocumentArray):
            return returned
        if returned is None or isinstance(returned, dict):
            return self._written(docs, 'leaves')
        if isinstance(returned, DocumentArray) or typed_classes.is_array(returned):
            return self._written(returned, 'returned')
        raise TypeError(
            f'{self.name} returned {type(returned).__name__}; an Executor method returns {self._allowed(_RETURNS)}'
        )

    def part(self, yielded: Any) -> DocumentArray:
        """Give the Documents of one thing that a generator yielded.

        Raises:
            TypeError: It is nothing that one may yield, or other documents than its annotation says.
        """
        if isinstance(yielded, dict):
            return DocumentArray()
        if isinstance(yielded, Document) or typed_classes.is_document(yielded):
            self._check(yielded, 'yielded', '')
            return trusted([yielded if isinstance(yielded, Document) else typed.to_document(yielded)])
        if isinstance(yielded, DocumentArray) or typed_classes.is_array(yielded):
            return self._written(yielded, 'yielded')
        raise TypeError(
            f'{self.name} yielded {type(yielded).__name__}; a generator of an Executor yields a Document, a typed '
            'document, a DocumentArray, a DocList or a dict'
        )

    def _single(self, doc: Any, returned: Any) -> Document:
        result = doc if returned is None else returned
        if not isinstance(result, Document) and not typed_classes.is_document(result):
            raise TypeError(
                f'{self.name} returned {type(returned).__name__}; an Executor method that takes one document '
                f'returns {self._allowed(_RETURNS_SINGLE)}'
            )
        self._check(result, 'returned' if returned is not None else 'leaves', '')
        return result if isinstance(result, Document) else typed.to_document(result)

    def _written(self, docs: Any, verb: str) -> DocumentArray:
        if self._signature.gives is not None:
            for position, doc in enumerate(docs):
                self._check(doc, verb, f' as document {position}')
        return docs if isinstance(docs, DocumentArray) else typed.to_documents(docs)

    def _check(self, doc: Any, verb: str, where: str) -> None:
        gives = self._signature.gives
        if gives is not None and not isinstance(doc, gives):
            raise TypeError(f'{self.name} {verb} a {type(doc).__name__}{where}; its annotation says {gives.__name__}')

    def _allowed(self, otherwise: str) -> str:
        gives = self._signature.gives
        if gives is None:
            return otherwise
        return gives.__name__ if self._signature.single else f'DocList[{gives.__name__}]'

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return getattr(self._function, '__qualname__', repr(self._function))
