"""As what the Documents of answers are given: Documents, or typed documents of docarray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mproc_flow.errors import BadClient, BadOption
from mproc_flow.model import typed_classes
from mproc_flow.model.array import DocumentArray, trusted
from mproc_flow.model.document import Document


class ReturnType:
    """What ``return_type`` asks for.

    Args:
        wanted: ``DocList[X]``, X, or None, Document or DocumentArray for Documents.

    Raises:
        BadOption: It is none of these.
    """

    def __init__(self, wanted: Any) -> None:
        array = typed_classes.array_class(wanted)
        document = typed_classes.document_class(wanted)
        self._single = document is not None
        self._kind: type[Any] | None = document if array is None else array.doc_type
        self._columns = array is not None and not issubclass(array, list)
        if self._kind is None and wanted not in (None, Document, DocumentArray):
            raise BadOption(f'post(return_type={wanted!r}) must be DocList[X], or X, a subclass of docarray.BaseDoc')
        if self._kind is not None and typed_classes.is_any(self._kind):
            raise BadOption('post(return_type=DocList) does not say what to make of the Documents: give DocList[X]')

    def array(self, docs: DocumentArray) -> Any:
        """Give the Documents of one answer in this form.

        Raises:
            BadClient: They do not have what the class wants.
        """
        if self._kind is None:
            return docs
        from mproc_flow.model import typed

        try:
            return typed.from_documents(docs, self._kind)
        except ValueError as error:
            raise BadClient(f'post(return_type=...): an answer cannot be read, {error}') from error

    def result(self, docs: Sequence[Any]) -> Any:
        """Give the documents of all answers as the call returns them."""
        if self._kind is None:
            return trusted(docs)
        if self._single and len(docs) == 1:
            return docs[0]
        array = typed_classes.array_of(self._kind, list(docs))
        return array.to_doc_vec() if self._columns and docs else array


DOCUMENTS = ReturnType(None)


def return_type_of(wanted: Any) -> ReturnType:
    """Give what ``return_type`` asks for; nearly always that is Documents, and nothing has to be made.

    Raises:
        BadOption: See :class:`ReturnType`.
    """
    return DOCUMENTS if wanted is None else ReturnType(wanted)
