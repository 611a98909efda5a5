"""Commands that ask: ``ping`` and ``check``."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from mproc_flow.cli.commands import DONE, FAILED, Run
from mproc_flow.cli.flags import add_dict
from mproc_flow.errors import BadOption, MprocFlowError
from mproc_flow.options.groups import CLIENT

if TYPE_CHECKING:
    from mproc_flow.flow import Flow

_PAUSE = 1.0
_START_METHODS = ('fork', 'spawn', 'forkserver')
_WHAT = ('flow', 'executor', 'gateway')


def ping(parser: argparse.ArgumentParser) -> Run:
    """Ask whether something is ready."""
    parser.add_argument('address', nargs='+', metavar='ADDRESS', help='PORT, HOST PORT or HOST:PORT.')
    parser.add_argument(
        '--timeout', type=int, default=3000, metavar='MS', help='How long to wait for a word (default: 3000 ms).'
    )
    parser.add_argument(
        '--attempts', '--retries', type=int, default=1, metavar='N', help='How often to ask (default: 1).'
    )
    parser.add_argument(
        '--min-successful-attempts', type=int, default=1, metavar='N', help='How many must succeed (default: 1).'
    )

    def run(arguments: argparse.Namespace) -> int:
        from mproc_flow.client import Client

        host, port = _address(arguments.address)
        good = 0
        for attempt in range(1, arguments.attempts + 1):
            begin = time.monotonic()
            asker = Client(host=host, port=port)
            ready = asker.is_flow_ready(arguments.timeout / 1000)
            asker.close()
            milliseconds = (time.monotonic() - begin) * 1000
            print(f'attempt {attempt}: {host}:{port} is {"ready" if ready else "not ready"} ({milliseconds:.1f} ms)')
            good += ready
            if attempt < arguments.attempts:
                time.sleep(_PAUSE)
        return DONE if good >= arguments.min_successful_attempts else FAILED

    return run


def _address(words: list[str]) -> tuple[str, int]:
    rest = words[1:] if words[0] in _WHAT else words
    text = ':'.join(rest).rpartition('://')[2]
    host, _, port = text.rpartition(':')
    if not port.isdecimal():
        raise BadOption(f'ping {" ".join(words)}: write PORT, HOST PORT or HOST:PORT')
    checked = CLIENT.check({'host': host.strip('[]') or None, 'port': int(port)}, 'ping')
    return checked.get('host', CLIENT['host'].default), checked['port']


def check(parser: argparse.ArgumentParser) -> Run:
    """Check a file or this machine."""
    parser.add_argument('file', nargs='?', metavar='FILE', help='A Flow file; without it, this machine is checked.')
    add_dict(parser, '--context', 'Values for ${{ KEY }} in the file.')

    def run(arguments: argparse.Namespace) -> int:
        return _check_machine() if arguments.file is None else _check_file(arguments.file, arguments.context)

    return run


def _check_file(file: str, context: dict[str, Any] | None) -> int:
    from mproc_flow.flow import Flow

    flow = Flow.load_config(file, context=context).build()
    print(f'{file} is right: Flow {flow.name!r} starts {flow.num_pods} processes.')
    for spec in flow.layout:
        pods = spec.num_pods
        runs = 'runs elsewhere' if spec.external else f'{pods} process{"" if pods == 1 else "es"}'
        print(f'  {spec.name:<20} after {", ".join(spec.needs)}: {runs}')
    return DONE


def _check_machine() -> int:
    from mproc_flow.cli.about import versions
    from mproc_flow.flow import Flow

    print(versions())
    faults = 0
    for method in _START_METHODS:
        begin = time.monotonic()
        try:
            _try(Flow(start_method=method, quiet=True).add())
        except MprocFlowError as error:
            faults += 1
            print(f'start method {method}: {error}')
        else:
            print(f'start method {method}: works, {time.monotonic() - begin:.2f} s for start, request and stop')
    return FAILED if faults else DONE


def _try(flow: Flow) -> None:
    with flow:
        flow.post('/', 'hello')
