"""The options that a Flow and an Executor both have: what is given to the Flow is inherited by its Executors."""

from __future__ import annotations

from mproc_flow.options.containers import Anything, Data, DictOf, ListOf, VariableName, VariableValue
from mproc_flow.options.declare import Option
from mproc_flow.options.kinds import Choice, Flag, Integer, Name, Number, Path, Text
from mproc_flow.options.polling import ANY, Polling

START_METHOD_VARIABLE = 'JINA_MP_START_METHOD'

# The longest time the operating system can be asked to wait in one call; longer is as good as for ever.
_LONGEST_MS = 2**31 - 1

START_METHOD = Option(
    'start_method',
    Choice(('fork', 'spawn', 'forkserver')),
    f'How processes are made; if not given, the environment variable {START_METHOD_VARIABLE} or the platform decides.',
    inherit=True,
)

SHARED = (
    Option(
        'env',
        DictOf(VariableName(), VariableValue(), secret=True, example="{'NAME': 'value'}"),
        'Environment variables of the processes, set before they import anything.',
        inherit=True,
    ),
    Option('workspace', Path(), 'Folder below which Executors keep their files.', inherit=True),
    START_METHOD,
    Option(
        'timeout_ready',
        Integer(high=_LONGEST_MS),
        'How long a process may take from its start until it is ready; 0 or less is for ever.',
        default=600_000,
        unit='ms',
        inherit=True,
    ),
    Option(
        'timeout_ctrl',
        Number(above=0, high=_LONGEST_MS // 1000),
        'How long a process may take to stop before it is killed.',
        default=60,
        unit='s',
        inherit=True,
    ),
    Option(
        'timeout_send',
        Integer(high=_LONGEST_MS),
        'How long one process may take over one piece of work, from when it is given to it; then the request fails. '
        '0 or less, or nothing, is for ever.',
        unit='ms',
        inherit=True,
    ),
    Option(
        'retries',
        Integer(-1),
        'How often a piece of work is given to a process again after one died that held it; -1 sets no limit. What was '
        'begun is given again only if its method may be retried.',
        default=-1,
        inherit=True,
    ),
    Option('restart', Flag(), 'Start a process again when it dies.', default=True, inherit=True),
    Option(
        'replicas',
        Integer(1),
        'How many processes do the same work, for each shard.',
        default=1,
        inherit=True,
        former=('parallel',),
    ),
    Option(
        'shards',
        Integer(1),
        'In how many parts its data is kept, each by processes of its own; polling says which of them get a request.',
        default=1,
        inherit=True,
    ),
    Option(
        'polling',
        Polling(),
        'Which shards get a request: ANY (the next one) or ALL, for all endpoints or for each; '
        '/index goes to any and /search to all unless they are named.',
        default=ANY,
        inherit=True,
    ),
    Option(
        'uses_with',
        DictOf(Text(), Anything()),
        "Arguments of the Executor's constructor.",
        inherit=True,
        former=('override_with',),
    ),
    Option(
        'uses_metas',
        DictOf(Text(), Data()),
        "The Executor's metas: name, description, workspace.",
        inherit=True,
        former=('override_metas',),
    ),
    Option(
        'uses_requests',
        DictOf(Text(), Name()),
        'Which method serves an endpoint, over what the class says.',
        inherit=True,
        former=('override_requests',),
    ),
    Option(
        'py_modules',
        ListOf(Path()),
        'Python files to import before the Executor.',
        default=(),
        inherit=True,
    ),
)
