"""Every option of a Flow and of an Executor, and how they work together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from mproc_flow.errors import BadOption
from mproc_flow.options.address import Loopback
from mproc_flow.options.batching import Batching
from mproc_flow.options.condition import When
from mproc_flow.options.containers import DictOf, ListOf
from mproc_flow.options.declare import Option, OptionGroup, place
from mproc_flow.options.jina import EXECUTOR_OF_JINA, FLOW_OF_JINA
from mproc_flow.options.kinds import Choice, Flag, Integer, Name, Path, Refused, Text
from mproc_flow.options.protocol import Protocol
from mproc_flow.options.shared import SHARED, START_METHOD, START_METHOD_VARIABLE
from mproc_flow.options.uses import PassThrough, Uses

_INSPECT = (
    'What becomes of inspect(): collect unites what the inspectors do with the answer, hang runs them without, '
    'remove leaves them out.'
)


def _external_has_an_address(values: Mapping[str, Any], where: str) -> None:
    if not values.get('external'):
        if 'port' in values or 'host' in values:
            name = 'port' if 'port' in values else 'host'
            raise BadOption(
                f'{place(where, name)} is where an external Executor listens: give external=True, or leave it out'
            )
        return
    if not values.get('port'):
        raise BadOption(f'{place(where, "port")} is missing: where does the external Executor listen?')
    for name in _NOT_FOR_EXTERNAL:
        if values.get(name, EXECUTOR[name].default) != EXECUTOR[name].default:
            raise BadOption(f'{place(where, name)} cannot be given for an external Executor, which runs already')


_NOT_FOR_EXTERNAL = (
    'uses',
    'uses_before',
    'uses_after',
    'replicas',
    'shards',
    'when',
    'disable_reduce',
    'uses_dynamic_batching',
    'retries',
)

_PORT = Integer(0, 65535)

FLOW = OptionGroup(
    'a Flow',
    (
        Option('name', Text(), 'Name of the Flow in messages.', default='Flow'),
        Option('host', Loopback(), 'Address to listen on if a port or a protocol is given.', default='127.0.0.1'),
        Option(
            'port',
            _PORT,
            'TCP port for clients; 0 lets the system choose one. If neither port nor protocol is given, nothing '
            'listens on TCP.',
            former=('port_expose', 'port_in'),
        ),
        Option('protocol', Protocol(), 'How clients talk to the Flow over TCP.'),
        Option('prefetch', Integer(0), 'Most requests in flight for one call of post(); 0 is no limit.', default=1000),
        Option(
            'max_in_flight',
            Integer(1),
            'Most requests under way in the gateway, of all clients; those beyond are refused at once. A client that '
            'has many of them is refused sooner than one that has few.',
            default=10_000,
        ),
        Option('return_responses', Flag(), 'post() gives Responses instead of their Documents.', default=False),
        Option('inspect', Choice(('collect', 'hang', 'remove')), _INSPECT, default='collect'),
        Option('asyncio', Flag(), 'post() can be awaited: an AsyncFlow, or an AsyncClient.', default=False),
        Option('quiet', Flag(), 'Print nothing but errors.', default=False),
        Option('preload', ListOf(Name(dotted=True)), 'Modules a forkserver imports once for all.', default=()),
        Option(
            'shared_memory_from',
            Integer(0),
            'Arrays and blobs of a message travel through shared memory if those of 16 KiB and more have together so '
            'many bytes; 0 is never.',
            default=1 << 18,
            unit='bytes',
        ),
        Option('uses', PassThrough(), 'Only what stands for the default; a file is read by Flow.load_config().'),
        *SHARED,
        *FLOW_OF_JINA,
    ),
)

EXECUTOR = OptionGroup(
    'an Executor',
    (
        Option('uses', Uses(), 'The Executor; if not given, Documents pass through unchanged.'),
        Option('name', Name(), 'Name of the Executor in the Flow; if not given, executor0, executor1, ...'),
        Option(
            'needs',
            ListOf(Name(), empty=False),
            'Whose results it waits for; if not given, those of the one added before.',
        ),
        *SHARED,
        Option('uses_before', Uses(), 'An Executor that gets each request before the shards do.'),
        Option('uses_after', Uses(), 'An Executor that gets the answers of all shards, each apart, and unites them.'),
        Option(
            'disable_reduce',
            Flag(),
            'Do not unite what comes from several needs: methods get docs_matrix and docs_map.',
            default=False,
            aliases=('no_reduce',),
        ),
        Option(
            'uses_dynamic_batching',
            DictOf(Text(), Batching(), example="{'/embed': {'preferred_batch_size': 32, 'timeout': 50}}"),
            'At which endpoints requests wait for each other (timeout in ms) and share a call, over what methods say.',
        ),
        Option('when', When(), 'Only Documents that meet this condition are given to it and go on from it.'),
        Option('floating', Flag(), 'Nobody waits for it: the answer does not contain what it does.', default=False),
        Option('external', Flag(), 'It runs already, at host and port; it is not started or stopped.', default=False),
        Option('host', Loopback(), 'Where an external Executor listens.', default='127.0.0.1'),
        Option('port', _PORT, 'Where an external Executor listens.', former=('port_expose', 'port_in')),
        Option(
            'extra_search_paths', ListOf(Path()), 'Folders in which the YAML file of uses is looked for.', default=()
        ),
        *EXECUTOR_OF_JINA,
    ),
    rules=(_external_has_an_address,),
)

_OF_A_CLIENT = (
    'host', 'port', 'protocol', 'prefetch', 'return_responses', 'asyncio', 'tls', 'proxy', 'reuse_session'
)  # fmt: skip

_FOR_A_CLIENT = {
    'host': 'Address at which the Flow listens.',
    'port': 'TCP port at which the Flow listens: the one that it was given.',
    'protocol': 'How to talk to the Flow.',
}

CLIENT = OptionGroup(
    'a Client',
    tuple(msgspec.structs.replace(FLOW[name], help=_FOR_A_CLIENT.get(name, FLOW[name].help)) for name in _OF_A_CLIENT),
)

# What a Deployment has of a Flow: how it is reached when it is served alone.
ALONE = (
    'host', 'port', 'protocol', 'prefetch', 'max_in_flight', 'return_responses', 'quiet', 'preload',
    'shared_memory_from',
)  # fmt: skip

_NOT_ALONE = ('needs', 'floating', 'external', *ALONE, *(option.name for option in EXECUTOR_OF_JINA))

DEPLOYMENT = OptionGroup(
    'a Deployment',
    tuple(option for option in EXECUTOR.options if option.name not in _NOT_ALONE)
    + tuple(FLOW[name] for name in ALONE)
    + tuple({option.name: option for option in EXECUTOR_OF_JINA + FLOW_OF_JINA if option.name != 'quiet'}.values()),
)

GATEWAY = OptionGroup(
    'the gateway',
    tuple(FLOW[name] for name in ('host', 'port', 'protocol', 'prefetch', 'max_in_flight')) + FLOW_OF_JINA,
)


def inherited(flow: Mapping[str, Any], executor: Mapping[str, Any]) -> dict[str, Any]:
    """Return an Executor's options with those it inherits from its Flow.

    Args:
        flow: Checked options of the Flow.
        executor: Checked options of the Executor; they win, in dicts key by key.
    """
    values = dict(executor)
    for option in EXECUTOR.options:
        above = flow.get(option.name) if option.inherit else None
        if above is not None:
            values[option.name] = _merged(above, executor.get(option.name))
    return values


def start_method(given: str | None, environ: Mapping[str, str]) -> str:
    """Return the start method to use: the one given, or of ``JINA_MP_START_METHOD``, or of the platform.

    Args:
        given: Option ``start_method`` of the Executor or, if it has none, of the Flow.
        environ: Environment variables of the user's process at the moment of the start.

    Raises:
        BadOption: The environment variable has an unknown value.
    """
    if given:
        return given
    text = environ.get(START_METHOD_VARIABLE)
    if not text:
        return 'fork' if sys.platform == 'linux' else 'spawn'
    try:
        return str(START_METHOD.kind.check(text))
    except Refused as refused:
        raise BadOption(f'environment variable {START_METHOD_VARIABLE}{START_METHOD.complain(refused)}') from None


def _merged(above: Any, own: Any) -> Any:
    if own is None:
        return above
    return {**above, **own} if isinstance(above, dict) and isinstance(own, dict) else own
