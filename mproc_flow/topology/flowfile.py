"""Flow files: a Flow and its Executors as YAML, and files of a Deployment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from mproc_flow.errors import BadOption
from mproc_flow.options import containers, kinds
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.groups import DEPLOYMENT, EXECUTOR, FLOW, GATEWAY
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.topology import configuration
from mproc_flow.topology.configuration import Configuration, Values
from mproc_flow.topology.files import located

KINDS = ('Flow', 'AsyncFlow')
STEPS = ('add', 'needs', 'needs_all', 'inspect', 'gather_inspect')

_EXECUTOR_KEYS = ('executors', 'deployments')
_HEAD = ('jtype', 'version', 'with')


class FlowFile(msgspec.Struct, frozen=True):
    """What a Flow file says.

    Args:
        flow: Options of the Flow, checked.
        steps: How its Executors come into it, in order.
    """

    flow: dict[str, Any]
    steps: list[Step]


class Step(NamedTuple):
    """One item of a Flow file: the name of a method of a Flow, its arguments, checked, and where it stands."""

    method: str
    arguments: dict[str, Any]
    place: str


def load(source: Any, values: Values) -> FlowFile:
    """Read a Flow file.

    Relative paths in it belong to the folder of the file, or for anything but a file to the working directory.

    Args:
        source: See :func:`mproc_flow.topology.configuration.read`.
        values: From where it takes values and files.

    Raises:
        BadConfigSource: There is no such file, or it is not a Flow file.
        BadYAMLVersion: Its version is not 1.
        BadOption: An option in it does not exist or has a value it cannot take.
    """
    reader = _Reader(configuration.read(source, values, *KINDS), values)
    reader.check_head(KINDS, (*_HEAD, 'gateway', *_EXECUTOR_KEYS))
    return FlowFile(flow=reader.flow(), steps=[reader.step(place, item) for place, item in reader.items()])


def load_deployment(source: Any, values: Values) -> tuple[dict[str, Any], str]:
    """Read a file with ``jtype: Deployment``; arguments and errors as :func:`load`.

    Returns:
        Its options, checked, and where they stand.
    """
    reader = _Reader(configuration.read(source, values, 'Deployment'), values)
    reader.check_head(('Deployment',), _HEAD)
    options = reader.options(DEPLOYMENT, reader.config.mapping('with'), 'with')
    return options, f'{reader.config.origin}: with'


class _Reader(msgspec.Struct, frozen=True):
    config: Configuration
    values: Values

    def check_head(self, jtypes: tuple[str, ...], keys: tuple[str, ...]) -> None:
        content = self.config.content
        if 'jtype' not in content:
            raise self.config.error(f'jtype is missing: write jtype: {jtypes[0]}')
        if content['jtype'] not in jtypes:
            raise self.config.error(f'jtype must be {" or ".join(jtypes)}, got {kinds.show(content["jtype"])}')
        self.config.check_keys(keys, f'a {jtypes[0]} file')
        self.config.check_version()

    def flow(self) -> dict[str, Any]:
        own = self.options(FLOW, self.config.mapping('with'), 'with')
        gateway = self.options(GATEWAY, self.config.mapping('gateway'), 'gateway')
        for name in gateway:
            if name in own:
                raise BadOption(f'{self.config.origin}: gateway.{name} is given as with.{name} too: keep one')
        return {**self._kind(own), **own, **gateway}

    def _kind(self, own: dict[str, Any]) -> dict[str, Any]:
        if self.config.content['jtype'] != 'AsyncFlow':
            return {}
        if own.get('asyncio') is False:
            raise BadOption(f'{self.config.origin}: with.asyncio is False, but jtype is AsyncFlow: write jtype: Flow')
        return {'asyncio': True}

    def items(self) -> Iterable[tuple[str, dict[str, Any]]]:
        given = [key for key in _EXECUTOR_KEYS if key in self.config.content]
        if len(given) > 1:
            raise self.config.error('executors and deployments mean the same: keep one of them')
        items = self.config.content[given[0]] if given else []
        if not isinstance(items, list):
            raise self.config.error(
                f'{given[0]} must be a list of mappings (lines that begin with -), got {kinds.show(items)}'
            )
        for number, item in enumerate(items):
            place = f'{given[0]}[{number}]'
            if not isinstance(item, dict):
                raise self.config.error(f'{place} must be a mapping of options, got {kinds.show(item)}')
            yield place, item

    def step(self, place: str, item: dict[str, Any]) -> Step:
        rest = dict(item)
        method = rest.pop('method', 'add')
        if method not in STEPS:
            hint = did_you_mean(method, STEPS, 'it must be one of')
            raise self.config.error(f'{place}.method cannot be {kinds.show(method)}{hint}')
        own = self._own_arguments(method, rest, place)
        options = self.options(EXECUTOR, rest, place)
        if method == 'needs' and 'needs' not in options:
            raise self.config.error(f'{place}.needs is missing: needs: [a, b] are the Executors that it waits for')
        return Step(method, {**options, **own}, f'{self.config.origin}: {place}')

    def _own_arguments(self, method: str, rest: dict[str, Any], place: str) -> dict[str, Any]:
        if method != 'gather_inspect' or 'include_last_deployment' not in rest:
            return {}
        include = rest.pop('include_last_deployment')
        if not isinstance(include, bool):
            raise self.config.error(f'{place}.include_last_deployment must be True or False, got {kinds.show(include)}')
        return {'include_last_deployment': include}

    def options(self, group: OptionGroup, given: dict[Any, Any], place: str) -> dict[str, Any]:
        rooted = {name: self._rooted(group, name, value) for name, value in given.items()}
        checked = group.check(rooted, f'{self.config.origin}: {place}')
        return located(checked, self.config.folder, self.values.search_paths)

    def _rooted(self, group: OptionGroup, name: object, value: object) -> object:
        if not any(option.name == name and _holds_paths(option) for option in group.options):
            return value
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        return self._resolved(value)

    def _resolved(self, value: object) -> object:
        return kinds.resolve(value, self.config.folder) if isinstance(value, str) and value else value


def _holds_paths(option: Option) -> bool:
    kind = option.kind
    return isinstance(kind.item if isinstance(kind, containers.ListOf) else kind, kinds.Path)
