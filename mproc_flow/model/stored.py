"""A DocumentArray as dicts, JSON, CSV, bytes and files, and made of them.

What reads, writes and shows is imported when it is used: few pods do that, and all of them start sooner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mproc_flow.model.items import Item
from mproc_flow.model.merging import merge
from mproc_flow.model.nearest import Searched

if TYPE_CHECKING:
    from typing_extensions import Self


class Stored(Searched[Item]):
    """The methods of a DocumentArray that turn it into something else, or something else into it."""

    __slots__ = ()

    @classmethod
    def empty(cls, size: int = 0) -> Self:
        """Return an array of so many Documents that have nothing but an id."""
        return cls(cls._kind() for _ in range(size))

    @classmethod
    def from_ndarray(cls, *args: Any, **options: Any) -> Self:
        """Make an array of the parts of an array; arguments as of the generator ``from_ndarray()``."""
        from mproc_flow.model import sources

        return cls(sources.from_ndarray(cls._kind, *args, **options))

    @classmethod
    def from_files(cls, *args: Any, **options: Any) -> Self:
        """Make an array of files; arguments as of the generator ``from_files()``."""
        from mproc_flow.model import sources

        return cls(sources.from_files(cls._kind, *args, **options))

    @classmethod
    def from_csv(cls, *args: Any, **options: Any) -> Self:
        """Make an array of rows of CSV; arguments as of the generator ``from_csv()``."""
        from mproc_flow.model import sources

        return cls(sources.from_csv(cls._kind, *args, **options))

    @classmethod
    def from_ndjson(cls, *args: Any, **options: Any) -> Self:
        """Make an array of lines of JSON; arguments as of the generator ``from_ndjson()``."""
        from mproc_flow.model import sources

        return cls(sources.from_ndjson(cls._kind, *args, **options))

    @classmethod
    def from_lines(cls, *args: Any, **options: Any) -> Self:
        """Make an array of lines of JSON, CSV or text; arguments as of the generator ``from_lines()``."""
        from mproc_flow.model import sources

        return cls(sources.from_lines(cls._kind, *args, **options))

    def to_list(self) -> list[dict[str, Any]]:
        """Return ``to_dict()`` of each Document."""
        return [doc.to_dict() for doc in self]  # type: ignore[attr-defined]

    to_dict = to_list

    @classmethod
    def from_list(cls, values: Iterable[Mapping[str, Any]]) -> Self:
        """Make an array of what :meth:`to_list` gave; errors name the item, otherwise as ``Document.from_dict()``."""
        docs = []
        for position, fields in enumerate(values):
            try:
                docs.append(cls._kind.from_dict(fields))  # type: ignore[attr-defined]
            except (TypeError, ValueError) as error:
                raise type(error)(f'item {position}: {error}') from None
        return cls(docs)

    from_dict = from_list

    def to_json(self) -> str:
        """Return :meth:`to_list` as JSON text."""
        return json.dumps(self.to_list(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Make an array of what :meth:`to_json` gave.

        Raises:
            ValueError: It is no JSON, or no list.
        """
        values = json.loads(text)
        if not isinstance(values, list):
            raise ValueError(f'a list of Documents is needed, not a JSON {type(values).__name__}')
        return cls.from_list(values)

    def to_bytes(self) -> bytes:
        """Return the Documents as bytes that keep every value as it is; they hold data only, no code."""
        from mproc_flow.model import packed

        return packed.pack(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Make an array of what :meth:`to_bytes` gave.

        Raises:
            SerializationError: It is something else.
        """
        from mproc_flow.model import packed

        return cls(packed.unpack(data))

    def to_base64(self) -> str:
        """Return :meth:`to_bytes` as text."""
        from mproc_flow.model import packed

        return packed.text_of(self.to_bytes())

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Make an array of what :meth:`to_base64` gave."""
        from mproc_flow.model import packed

        return cls.from_bytes(packed.bytes_of(text))

    def save(self, file: Any, file_format: str | None = None, encoding: str = 'utf-8') -> None:
        """Write the Documents into a file.

        Args:
            file: Its name, or an open file.
            file_format: ``binary`` keeps every value as it is; ``jsonl`` is a line of JSON for each Document, ``json``
                one list; ``csv`` has a column for each field and tag that is set, and tags come back from it as text.
                By default what the ending of the name says, and ``binary`` if it says none of these.
            encoding: Of JSON and CSV.
        """
        from mproc_flow.model import files

        files.save(self, file, file_format, encoding)

    @classmethod
    def load(cls, file: Any, file_format: str | None = None, encoding: str = 'utf-8') -> Self:
        """Read what :meth:`save` wrote; arguments as there.

        Raises:
            ValueError: The file holds something else.
        """
        from mproc_flow.model import files

        return cls(files.load(cls, file, file_format, encoding))

    def save_binary(self, file: Any) -> None:
        """Write the Documents as bytes that keep every value as it is, see :meth:`save`."""
        self.save(file, 'binary')

    @classmethod
    def load_binary(cls, file: Any) -> Self:
        """Read what :meth:`save_binary` wrote."""
        return cls.load(file, 'binary')

    def save_json(self, file: Any) -> None:
        """Write the Documents as one list of JSON, see :meth:`save`."""
        self.save(file, 'json')

    @classmethod
    def load_json(cls, file: Any) -> Self:
        """Read what :meth:`save_json` wrote."""
        return cls.load(file, 'json')

    def save_csv(self, file: Any) -> None:
        """Write the Documents as rows of CSV, see :meth:`save`."""
        self.save(file, 'csv')

    @classmethod
    def load_csv(cls, file: Any) -> Self:
        """Read what :meth:`save_csv` wrote."""
        return cls.load(file, 'csv')

    def reduce(self, other: Iterable[Any]) -> Self:
        """Merge other Documents into this array, and return it.

        A Document with an id that is there fills the empty fields of that one, its chunks and matches are merged in the
        same way; others are appended.
        """
        merge(self, other)
        return self

    def reduce_all(self, others: Iterable[Iterable[Any]]) -> Self:
        """Merge several arrays into this one, see :meth:`reduce`, and return it."""
        for other in others:
            merge(self, other)
        return self

    def summary(self) -> None:
        """Print how many Documents there are, whether they are alike, and which fields they have."""
        from mproc_flow.model import show

        print(show.summary_of_array(self))

    def __repr__(self) -> str:
        return f'<DocumentArray, {len(self)} Document{"" if len(self) == 1 else "s"}>'

    def _repr_html_(self) -> str:
        from mproc_flow.model import show

        return show.html_of_array(self)
