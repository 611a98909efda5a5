"""The Document, one item of data with an id, its content and its tags, and the DocumentArray, a list of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import msgspec
import numpy as np

from mproc_flow.model.forms import Forms
from mproc_flow.model.further import Further, Holder
from mproc_flow.model.ids import fresh_id
from mproc_flow.model.making import FieldsByName
from mproc_flow.model.score import NamedScore, Scores
from mproc_flow.model.stored import Stored

if TYPE_CHECKING:
    # What a user may set: anything numpy can make a numeric array of.
    ArrayLike = Any
else:
    # What msgspec accepts when a Document arrives: arrays only.
    ArrayLike = np.ndarray | None


class More(msgspec.Struct, array_like=True):
    """The fields that few Documents have, in their order on the wire; see :class:`Document`."""

    chunks: list[Document] | None = None
    matches: list[Document] | None = None
    scores: dict[str, NamedScore] | None = None
    evaluations: dict[str, NamedScore] | None = None
    weight: float | None = None
    parent_id: str | None = None
    granularity: int | None = None
    adjacency: int | None = None
    modality: str | None = None
    location: list[float] | None = None
    offset: float | None = None


class Document(Forms, msgspec.Struct, metaclass=FieldsByName, kw_only=True, array_like=True, eq=False):
    """One item of data; every field is optional and given by name.

    Beside fields, ``content`` may be given. A dict of fields may be given by position, and so may a Document, for a
    copy of it: its values are shared, unless ``copy=True`` asks for copies of these as well.

    Values are not checked when they are set but when the Document is sent; a value that cannot travel is
    then a :class:`~mproc_flow.errors.SerializationError` that names the field. Arrays of a Document that
    was received are read-only: assign a new array to change one.

    The order of the fields is the order on the wire: new ones go to the end of ``More`` and have a default.

    Attributes:
        id: Name of the Document; 32 random hex characters unless given.
        text: Text content, or None.
        blob: Binary content, or None.
        tensor: Numeric content: a numpy array or what ``numpy.asarray`` makes one of (a list of numbers, a
            torch tensor), any shape. It arrives as a numpy array. None if there is none.
        embedding: The Document as a vector, in the same forms as ``tensor``, or None.
        uri: Where the content comes from, or None.
        mime_type: Kind of the content, for instance ``image/png``, or None.
        tags: Data of the user's own, by str or int keys; a new empty dict unless given. The values are what
            :func:`mproc_flow.model.codec.encode` accepts.
        chunks: Documents this one is made of. Those that are added get it as ``parent_id`` and a ``granularity``.
        matches: Documents that were found for this one. Those that are added get an ``adjacency``.
        scores: :class:`~mproc_flow.model.score.NamedScore` by name; a number that is set becomes one.
        evaluations: The same for how good something is.
        weight: How much it counts, or None.
        parent_id: Id of the Document whose chunk this is, or None.
        granularity: How many Documents it is a chunk in, or None.
        adjacency: How many steps of matching led to it, or None.
        modality: What sort of content it has, in words of the user, or None.
        location: Where it is in its parent, as a list of numbers, or None.
        offset: Its distance from the start of its parent, or None.
    """

    id: str = msgspec.field(default_factory=fresh_id)
    text: str | None = None
    blob: bytes | None = None
    tensor: ArrayLike = None
    embedding: ArrayLike = None
    uri: str | None = None
    mime_type: str | None = None
    tags: dict[Any, Any] = {}
    _more: More | None = None

    chunks = Holder['DocumentArray'](lambda: ChunkArray)
    matches = Holder['DocumentArray'](lambda: MatchArray)
    scores = Holder[Scores](lambda: Scores)
    evaluations = Holder[Scores](lambda: Scores)
    weight = Further[float]()
    parent_id = Further[str]()
    granularity = Further[int]()
    adjacency = Further[int]()
    modality = Further[str]()
    location = Further['list[float]']()
    offset = Further[float]()

    if TYPE_CHECKING:

        def __init__(  # parameters: each is a field
            self,
            doc: Document | Mapping[str, Any] | None = None,
            /,
            *,
            copy: bool = False,
            id: str = ...,
            text: str | None = ...,
            blob: bytes | None = ...,
            tensor: ArrayLike = ...,
            content: Any = ...,
            embedding: ArrayLike = ...,
            uri: str | None = ...,
            mime_type: str | None = ...,
            tags: Mapping[Any, Any] = ...,
            chunks: Document | Iterable[Document] | None = ...,
            matches: Document | Iterable[Document] | None = ...,
            scores: Mapping[str, Any] | None = ...,
            evaluations: Mapping[str, Any] | None = ...,
            weight: float | None = ...,
            parent_id: str | None = ...,
            granularity: int | None = ...,
            adjacency: int | None = ...,
            modality: str | None = ...,
            location: Sequence[float] | None = ...,
            offset: float | None = ...,
        ) -> None: ...

    def match(self, darray: Iterable[Document], *args: Any, **options: Any) -> Document:
        """Set ``matches`` to the nearest of these, see :meth:`DocumentArray.match`, and return the Document."""
        DocumentArray(self).match(darray, *args, **options)
        return self

    def _with_more(self) -> More:
        if self._more is None:
            self._more = More()
        return self._more


class DocumentArray(Stored[Document]):
    """A list of Documents.

    It behaves as a list does; slices, sums, multiples and copies are DocumentArrays too. Beside positions it
    takes ids: ``docs['some-id']``, ``docs[['id-1', 'id-2']]``, ``'some-id' in docs``, ``del docs['some-id']``.
    An id is looked up from the start, and the first Document that has it is meant. For masks, nested Documents and
    fields of all Documents at once see :class:`~mproc_flow.model.select.Selected`.

    Args:
        docs: A Document, any iterable of them, or None for an empty array. The Documents are not copied.
        copy: Take copies of the Documents, and of all that is in them.

    Raises:
        TypeError: An item is not a Document. So says every method that adds items.
    """

    __slots__ = ()

    _kind = Document

    def _new(self, docs: Iterable[Document]) -> DocumentArray:
        return trusted(docs)


class _Nested(DocumentArray):
    """The Documents nested in a Document: whatever is added is told where it is."""

    __slots__ = ('_parent',)

    _parent: Document

    @classmethod
    def _held(cls, docs: Any, parent: Document, new: bool) -> _Nested:
        """Make the array that a Document holds of what is set or arrived."""
        held = cls()
        held._parent = parent
        if new:
            held.extend((docs,) if isinstance(docs, Document) else docs)
        else:
            list.extend(held, docs)
        return held

    def _admit(self, docs: list[Any] | tuple[Any, ...]) -> None:
        super()._admit(docs)
        for doc in docs:
            self._claim(doc)

    def _restore(self, docs: Iterable[Document]) -> None:
        """Add Documents of which some know already where they are."""
        for doc in docs:
            if self._is_claimed(doc):
                list.append(self, doc)
            else:
                self.append(doc)

    def _claim(self, doc: Document) -> None:
        raise NotImplementedError

    def _is_claimed(self, doc: Document) -> bool:
        raise NotImplementedError

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # Without the parent: the one that is copied with it makes it an array of its own again.
        return trusted, (list(self),)


class ChunkArray(_Nested):
    """The chunks of a Document."""

    __slots__ = ()

    def _claim(self, doc: Document) -> None:
        doc.parent_id = self._parent.id
        doc.granularity = (self._parent.granularity or 0) + 1

    def _is_claimed(self, doc: Document) -> bool:
        return doc.parent_id is not None


class MatchArray(_Nested):
    """The matches of a Document."""

    __slots__ = ()

    def _claim(self, doc: Document) -> None:
        doc.adjacency = (self._parent.adjacency or 0) + 1

    def _is_claimed(self, doc: Document) -> bool:
        return doc.adjacency is not None


def trusted(docs: Iterable[Document]) -> DocumentArray:
    """Make a DocumentArray of what is known to be Documents, without looking at each."""
    array = DocumentArray()
    list.extend(array, docs)
    return array
