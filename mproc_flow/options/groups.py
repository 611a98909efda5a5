"""Every option of a Flow and of an Executor, and how they work together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mproc_flow.errors import BadOption
from mproc_flow.options.address import Loopback
from mproc_flow.options.containers import Anything, Data, DictOf, ListOf, VariableName, VariableValue
from mproc_flow.options.declare import Option, OptionGroup, place
from mproc_flow.options.kinds import Choice, Flag, Integer, Name, Number, Path, Refused, Text
from mproc_flow.options.uses import Uses, is_class_name

START_METHOD_VARIABLE = 'JINA_MP_START_METHOD'

# The longest time the operating system can be asked to wait in one call; longer is as good as for ever.
_LONGEST_MS = 2**31 - 1

_START_METHOD = Option(
    'start_method',
    Choice(('fork', 'spawn', 'forkserver')),
    f'How processes are made; if not given, the environment variable {START_METHOD_VARIABLE} or the platform decides.',
    inherit=True,
)
_TIMEOUT_READY = Option(
    'timeout_ready',
    Integer(high=_LONGEST_MS),
    'How long a process may take from its start until it is ready; 0 or less is for ever.',
    default=600_000,
    unit='ms',
    inherit=True,
)
_TIMEOUT_CTRL = Option(
    'timeout_ctrl',
    Number(above=0, high=_LONGEST_MS // 1000),
    'How long a process may take to stop before it is killed.',
    default=60,
    unit='s',
    inherit=True,
)
_ENV = Option(
    'env',
    DictOf(VariableName(), VariableValue(), secret=True),
    'Environment variables of the processes, set before they import anything.',
    inherit=True,
)
_WORKSPACE = Option('workspace', Path(), 'Folder below which Executors keep their files.', inherit=True)


def _class_name_needs_modules(values: Mapping[str, Any], where: str) -> None:
    uses = values.get('uses')
    if isinstance(uses, str) and is_class_name(uses) and not values.get('py_modules'):
        hint = f'a class name alone needs py_modules, or write package.module:{uses}'
        option = EXECUTOR['uses']
        raise BadOption(f'{place(where, option.name)}{option.complain(option.kind.refuse(uses, hint))}')


FLOW = OptionGroup(
    'a Flow',
    (
        Option('name', Text(), 'Name of the Flow in messages.', default='Flow'),
        _START_METHOD,
        Option('host', Loopback(), 'Address to listen on if a port is given.', default='127.0.0.1'),
        Option('port', Integer(1, 65535), 'TCP port for clients; if not given, nothing listens on TCP.'),
        _WORKSPACE,
        _ENV,
        _TIMEOUT_READY,
        _TIMEOUT_CTRL,
        Option('preload', ListOf(Name(dotted=True)), 'Modules a forkserver imports once for all.', default=()),
        Option('prefetch', Integer(0), 'Most requests in flight for one call of post(); 0 is no limit.', default=1000),
        Option('quiet', Flag(), 'Print nothing but errors.', default=False),
    ),
)

EXECUTOR = OptionGroup(
    'an Executor',
    (
        Option('uses', Uses(), 'The Executor class; if not given, Documents pass through unchanged.'),
        Option('name', Name(), 'Name of the Executor in the Flow; if not given, executor0, executor1, ...'),
        Option(
            'needs',
            ListOf(Name(), empty=False),
            'Whose results it waits for; if not given, those of the one added before.',
        ),
        Option('replicas', Integer(1), 'How many processes do the same work.', default=1),
        Option('uses_with', DictOf(Text(), Anything()), "Arguments of the Executor's constructor."),
        Option('uses_metas', DictOf(Text(), Data()), "The Executor's metas: name, description, workspace."),
        Option('uses_requests', DictOf(Text(), Name()), 'Which method serves an endpoint, over what the class says.'),
        Option('py_modules', ListOf(Path(absolute=False)), 'Python files to import before the Executor.', default=()),
        _ENV,
        _TIMEOUT_READY,
        _TIMEOUT_CTRL,
        _START_METHOD,
        _WORKSPACE,
        Option('restart', Flag(), 'Start a process again when it dies.', default=True),
    ),
    rules=(_class_name_needs_modules,),
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
        return str(_START_METHOD.kind.check(text))
    except Refused as refused:
        raise BadOption(f'environment variable {START_METHOD_VARIABLE}{_START_METHOD.complain(refused)}') from None


def _merged(above: Any, own: Any) -> Any:
    if own is None:
        return above
    return {**above, **own} if isinstance(above, dict) else own
