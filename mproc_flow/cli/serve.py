"""Commands that serve until a signal: ``flow``, ``deployment``, ``executor`` and ``gateway``.

What runs a Flow is imported when it runs, so that ``--help`` need not load it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mproc_flow.cli.commands import Run
from mproc_flow.cli.flags import add_dict, add_flags, given
from mproc_flow.errors import BadOption
from mproc_flow.options.groups import DEPLOYMENT, EXECUTOR, FLOW, GATEWAY

if TYPE_CHECKING:
    from mproc_flow.deployment import Deployment

_GRAPH, _ADDRESSES = '--graph-description', '--deployments-addresses'
_GRAPH_NAMES = ('graph_description', 'deployments_addresses')
_NOT_FOR_ONE_PROCESS = (
    'needs', 'floating', 'external', 'when', 'disable_reduce', 'polling', 'restart', 'start_method', 'port', 'host'
)  # fmt: skip
_NOT_ALONE = ('uses', 'asyncio')
_OF_THE_GATEWAY = ('env', 'timeout_ctrl')


def flow(parser: argparse.ArgumentParser) -> Run:
    """Start the Flow of a file."""
    parser.add_argument('--uses', required=True, metavar='FILE', help='The YAML file; flags override what it says.')
    add_dict(parser, '--context', 'Values for ${{ KEY }} in the file.')
    add_flags(parser, FLOW, _NOT_ALONE)

    def run(arguments: argparse.Namespace) -> None:
        from mproc_flow.flow import Flow

        options = given(arguments, FLOW, _NOT_ALONE)
        with Flow.load_config(arguments.uses, context=arguments.context, **options) as running:
            running.block()

    return run


def deployment(parser: argparse.ArgumentParser) -> Run:
    """Serve one Executor."""
    add_dict(parser, '--context', 'Values for ${{ KEY }} in the file.')
    add_flags(parser, DEPLOYMENT)

    def run(arguments: argparse.Namespace) -> None:
        with _deployment(given(arguments, DEPLOYMENT), arguments.context) as running:
            running.block()

    return run


def _deployment(options: dict[str, Any], context: dict[str, Any] | None) -> Deployment:
    """Make the Deployment of ``uses``, which may also be the file of a whole Deployment."""
    from mproc_flow.deployment import Deployment
    from mproc_flow.options.uses import form_of
    from mproc_flow.topology import configuration

    uses = options.get('uses')
    if uses is not None and form_of(uses) in ('file', 'text'):
        arguments = {'context': context, 'substitute': False}
        values = configuration.Values.taken_from(arguments, 'deployment')
        if configuration.read(uses, values, 'Deployment').content.get('jtype') == 'Deployment':
            rest = {name: value for name, value in options.items() if name != 'uses'}
            return Deployment.load_config(uses, context=context, **rest)
    return Deployment(**options)


def executor(parser: argparse.ArgumentParser) -> Run:
    """Be one Executor process."""
    _add_listening(parser)
    add_flags(parser, EXECUTOR, _NOT_FOR_ONE_PROCESS)

    def run(arguments: argparse.Namespace) -> None:
        from mproc_flow import alone

        where = GATEWAY.check({'host': arguments.host, 'port': _port(arguments)}, 'executor')
        host = where.get('host', GATEWAY['host'].default)
        alone.run_executor(given(arguments, EXECUTOR, _NOT_FOR_ONE_PROCESS), host, where['port'])

    return run


def gateway(parser: argparse.ArgumentParser) -> Run:
    """Be a gateway."""
    _add_listening(parser)
    add_dict(parser, _GRAPH, 'Which node hands on to which, in JSON: {"start-gateway": ["a"], "a": ["end-gateway"]}.')
    add_dict(parser, _ADDRESSES, 'Where each node listens, in JSON: {"a": "127.0.0.1:51001"}.')
    add_flags(parser, FLOW, [name for name in FLOW.names if name not in _OF_THE_GATEWAY])
    add_flags(parser, GATEWAY, ('host', 'port', *_GRAPH_NAMES))

    def run(arguments: argparse.Namespace) -> None:
        from mproc_flow import alone

        if arguments.graph_description is None:
            raise BadOption(f'{_GRAPH} is missing: which Executors does it have?')
        options = {'port': _port(arguments), **given(arguments, FLOW, _GRAPH_NAMES)}
        alone.run_gateway(options, arguments.graph_description, arguments.deployments_addresses or {})

    return run


def _add_listening(parser: argparse.ArgumentParser) -> None:
    add_flags(parser, FLOW, [name for name in FLOW.names if name not in ('host', 'port')])


def _port(arguments: argparse.Namespace) -> int:
    if arguments.port is None:
        raise BadOption('--port is missing: where should it listen? 0 takes any port that is free')
    return int(arguments.port)
