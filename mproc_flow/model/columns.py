"""The fields of all Documents of a DocumentArray as properties."""

from __future__ import annotations

from typing import Any

from mproc_flow.model.items import Item
from mproc_flow.model.select import Selected


class Columns(Selected[Item]):
    """A list of Documents whose fields are read and set for all at once."""

    __slots__ = ()

    @property
    def texts(self) -> list[str | None]:
        """``text`` of each Document. Set to a list of as many, one str for all, or None."""
        return self[:, 'text']  # type: ignore[no-any-return]

    @texts.setter
    def texts(self, values: Any) -> None:
        self[:, 'text'] = values

    @property
    def blobs(self) -> list[bytes | None]:
        """``blob`` of each Document. Set to a list of as many, bytes for all, or None."""
        return self[:, 'blob']  # type: ignore[no-any-return]

    @blobs.setter
    def blobs(self, values: Any) -> None:
        self[:, 'blob'] = values

    @property
    def tensors(self) -> Any:
        """``tensor`` of all Documents as one new array; None if no Document has one, a list if they do not fit.

        Set to an array with a row for each Document, a list of as many arrays, or None.
        """
        return self[:, 'tensor']

    @tensors.setter
    def tensors(self, values: Any) -> None:
        self[:, 'tensor'] = values

    @property
    def embeddings(self) -> Any:
        """``embedding`` of all Documents, as :attr:`tensors` are."""
        return self[:, 'embedding']

    @embeddings.setter
    def embeddings(self, values: Any) -> None:
        self[:, 'embedding'] = values

    @property
    def contents(self) -> Any:
        """:attr:`texts`, :attr:`blobs` or :attr:`tensors`, whichever the Documents have; None if they have none.

        Documents that differ give the content of each. Set to as many contents, or None.
        """
        kinds = {doc.content_type for doc in self if doc.content_type}  # type: ignore[attr-defined]
        if not kinds:
            return None
        return self[:, kinds.pop() if len(kinds) == 1 else 'content']

    @contents.setter
    def contents(self, values: Any) -> None:
        self[:, 'content'] = values if values is None or isinstance(values, (list, tuple)) else list(values)
