"""Where the Executor of a node comes from, whatever form ``uses`` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from mproc_flow.errors import BadConfigSource, BadOption, BadYAMLVersion
from mproc_flow.options.declare import place
from mproc_flow.options.kinds import resolve
from mproc_flow.options.uses import PASS_THROUGH, form_of


class Surroundings(Protocol):
    """What of the user's process is needed to find an Executor."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Its environment variables."""

    @property
    def workdir(self) -> str:
        """Its working directory."""

    @property
    def sys_path(self) -> Sequence[str]:
        """Its module search path."""

    @property
    def find_class(self) -> Callable[[str], type[Any] | None]:
        """Gives the Executor class of the user's program that has this name, or None."""


class Source(msgspec.Struct, frozen=True):
    """An Executor to load.

    Attributes:
        kind: The class, if the user's process has it as an object.
        path: Else its import path, or its bare name to be looked for in ``py_modules``. If both are None it is the
            Executor that passes everything on.
        py_modules: Python files to import first, as absolute paths.
        uses_with: Arguments of its constructor.
        metas: Its metas.
        requests: ``{endpoint: method name}``, over what the class says.
        batching: ``uses_dynamic_batching``, over what the class says.
        place: Which option names it, for messages.
    """

    kind: type[Any] | None = None
    path: str | None = None
    py_modules: tuple[str, ...] = ()
    uses_with: dict[str, Any] = {}
    metas: dict[str, Any] = {}
    requests: dict[str, str] = {}
    batching: dict[str, dict[str, Any]] = {}
    place: str = ''

    @classmethod
    def of(cls, options: Mapping[str, Any], around: Surroundings, where: str, option: str = 'uses') -> Source:
        """Find an Executor, without importing it.

        Args:
            options: Options of an Executor, as checked.
            around: The user's process.
            where: Whose options they are, for messages.
            option: Under which name ``uses`` was given.

        Raises:
            BadOption: It is certain that there is no such Executor, or that it cannot work.
            BadConfigSource: Its YAML file is missing or wrong.
        """
        uses = options.get('uses')
        given = cls(
            py_modules=tuple(resolve(path, around.workdir) for path in options.get('py_modules', ())),
            uses_with=options.get('uses_with') or {},
            metas=options.get('uses_metas') or {},
            requests=options.get('uses_requests') or {},
            batching=options.get('uses_dynamic_batching') or {},
            place=place(where, option),
        )
        if uses is None:
            return given
        if form_of(uses) in ('file', 'folder', 'text', 'dict'):
            uses, given = _configured(uses, given, options, around)
        return _named(uses, given, around)


def _configured(uses: Any, given: Source, options: Mapping[str, Any], around: Surroundings) -> tuple[Any, Source]:
    from mproc_flow.topology import configuration, executorfile  # PyYAML is for those who have a file

    places = options.get('extra_search_paths', ())
    values = configuration.Values(folder=around.workdir, environ=around.environ, search_paths=places)
    try:
        found = executorfile.read(uses, values)
    except (BadConfigSource, BadOption, BadYAMLVersion) as error:
        raise type(error)(f'{given.place}: {error}') from None
    return found.jtype, msgspec.structs.replace(
        given,
        py_modules=(*found.py_modules, *given.py_modules),
        uses_with={**found.with_, **given.uses_with},
        metas={**found.metas, **given.metas},
        requests={**found.requests, **given.requests},
        batching={**found.batching, **given.batching},
    )


def _named(uses: Any, given: Source, around: Surroundings) -> Source:
    if isinstance(uses, type):
        return msgspec.structs.replace(given, kind=uses)
    if uses == PASS_THROUGH:
        return given
    if form_of(uses) == 'name' and not given.py_modules:
        kind = around.find_class(uses)
        if kind is None:
            raise BadOption(
                f'{given.place} is {uses!r}, but this program has no Executor class of that name: define or import it '
                f'first, or write package.module:{uses}, or name its file in py_modules'
            )
        return msgspec.structs.replace(given, kind=kind)
    from mproc_flow.topology import lookup  # reading source code is for those who give names

    lookup.check_uses(uses, given.py_modules, around.sys_path, given.place, given.requests)
    return msgspec.structs.replace(given, path=uses)
