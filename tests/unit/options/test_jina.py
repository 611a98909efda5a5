"""Options of Jina that do not act here: some are refused with the reason, some are accepted with a warning."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from mproc_flow import Client, Deployment, Flow
from mproc_flow.errors import BadOption
from mproc_flow.options import declare
from mproc_flow.options.containers import Data, ListOf
from mproc_flow.options.declare import Option, OptionGroup
from mproc_flow.options.groups import CLIENT, DEPLOYMENT, EXECUTOR, FLOW, GATEWAY
from mproc_flow.options.kinds import Flag, Integer, Kind, Path, Text, Union

GROUPS = (FLOW, EXECUTOR, DEPLOYMENT, CLIENT, GATEWAY)
VALUES: dict[type[Kind], Any] = {
    Data: {'a': 1},
    Flag: True,
    Integer: 12345,
    ListOf: ('x',),
    Path: 'x',
    Text: 'x',
    Union: {'a': 1},
}


def of_groups(attribute: str) -> list[Any]:
    return [
        pytest.param(group, option, id=f'{group.owner}-{option.name}')
        for group in GROUPS
        for option in group.options
        if getattr(option, attribute)
    ]


@pytest.fixture(autouse=True)
def nothing_warned_of_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, '_warned', set())


def check_and_collect_warnings(group: OptionGroup, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        checked = group.check(given, 'here()')
    return checked, [str(warning.message) for warning in caught]


@pytest.mark.parametrize(('group', 'option'), of_groups('later'))
def test_what_this_version_lacks_accepts_its_default_and_says_what_else_needs(
    group: OptionGroup, option: Option
) -> None:
    assert group.check({option.name: option.default}, 'here()') == {}
    given = VALUES[type(option.kind)]
    with pytest.raises(BadOption) as caught:
        group.check({option.name: given}, 'here()')
    shown = f'{given!r} ({type(given).__name__})'
    assert str(caught.value) == f'here(): {option.name} = {shown} is not supported yet: it needs {option.later}'


@pytest.mark.parametrize(('group', 'option'), of_groups('later'))
def test_what_this_version_lacks_is_not_among_the_defaults(group: OptionGroup, option: Option) -> None:
    assert option.name not in group.with_defaults({})
    assert not option.acts


@pytest.mark.parametrize(('group', 'option'), of_groups('no_effect'))
def test_what_has_no_effect_is_kept_and_warned_of_once(group: OptionGroup, option: Option) -> None:
    given = {option.name: VALUES[type(option.kind)]}
    expected = [f'here(): {option.name} has no effect: {option.no_effect}']
    assert check_and_collect_warnings(group, given) == (given, expected)
    assert check_and_collect_warnings(group, given) == (given, [])


@pytest.mark.parametrize(('group', 'option'), of_groups('no_effect'))
def test_the_default_of_what_has_no_effect_is_not_warned_of(group: OptionGroup, option: Option) -> None:
    kept = {} if option.default is None else {option.name: option.default}
    assert check_and_collect_warnings(group, {option.name: option.default}) == (kept, [])
    assert option.name not in group.with_defaults({})


# What Jina's own programs and files give without asking for anything.
DEFAULTS_OF_JINA = [
    (FLOW, {'deployments_addresses': '{}', 'graph_conditions': '{}', 'graph_description': '{}', 'host_in': '0.0.0.0'}),
    (FLOW, {'deployments_disable_reduce': '[]', 'host_in': '', 'runtime_cls': 'GatewayRuntime', 'native': False}),
    (FLOW, {'compression': 'NoCompression', 'default_swagger_ui': False, 'port_monitoring': 9090, 'retries': -1}),
    (FLOW, {'prefetch': 0, 'timeout_ctrl': 60, 'timeout_ready': 600000, 'name': 'gateway', 'polling': 'ANY'}),
    (FLOW, {'inspect': 'COLLECT', 'uses': 'BaseExecutor', 'log_config': 'default', 'workspace': None}),
    (EXECUTOR, {'runtime_cls': 'WorkerRuntime', 'deployment_role': 'DEPLOYMENT', 'pod_role': 'WORKER', 'volumes': []}),
    (EXECUTOR, {'docker_kwargs': {}, 'connection_list': '{}', 'host_in': '0.0.0.0', 'upload_files': None}),
]


@pytest.mark.parametrize(('group', 'given'), DEFAULTS_OF_JINA)
def test_defaults_of_jina_are_accepted_in_silence(group: OptionGroup, given: dict[str, Any]) -> None:
    assert check_and_collect_warnings(group, given)[1] == []


def test_each_option_without_effect_is_warned_of_for_itself() -> None:
    _, messages = check_and_collect_warnings(EXECUTOR, {'gpus': 'all', 'volumes': ['/a']})
    assert [message.split()[1] for message in messages] == ['gpus', 'volumes']


def test_the_warning_points_at_the_call_of_check() -> None:
    def caller_of_the_api() -> None:
        EXECUTOR.check({'gpus': 'all'}, 'here()')

    with pytest.warns(UserWarning, match='gpus has no effect') as caught:
        caller_of_the_api()
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    'make',
    [
        lambda: Flow(native=True),
        lambda: Flow().add(gpus='all'),
        lambda: Flow().add(name='a').needs_all(volumes='/a'),
        lambda: Flow.load_config('jtype: Flow\nwith: {native: true}'),
        lambda: Flow.load_config('jtype: Flow\nexecutors: [{gpus: all}]'),
        lambda: Deployment(parallel=2),
        lambda: Client(port=5, proxy=True),
    ],
    ids=['flow', 'add', 'needs_all', 'file', 'executor-of-a-file', 'former-name', 'client'],
)
def test_the_warning_points_at_the_line_of_the_user(make: Any) -> None:
    with pytest.warns(UserWarning, match='no effect|now called') as caught:
        make()
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ('group', 'name', 'value', 'message'),
    [
        (FLOW, 'metrics_exporter_port', True, 'metrics_exporter_port must be a whole number, got True (bool)'),
        (FLOW, 'cors', 'yes', "cors must be True or False, got 'yes' (str)"),
        (FLOW, 'ssl_keyfile', 5, 'ssl_keyfile must be a path'),
        (EXECUTOR, 'gpus', print, 'gpus must be plain data'),
        (EXECUTOR, 'docker_kwargs', 5, 'docker_kwargs must be a dict or non-empty text, got 5 (int)'),
        (EXECUTOR, 'exit_on_exceptions', [5], 'exit_on_exceptions[0] must be non-empty text'),
    ],
    ids=lambda value: value.owner if isinstance(value, OptionGroup) else None,
)
def test_also_what_does_not_act_must_have_the_right_kind(
    group: OptionGroup, name: str, value: Any, message: str
) -> None:
    with pytest.raises(BadOption) as caught:
        group.check({name: value}, 'here()')
    assert message in str(caught.value)


@pytest.mark.parametrize('group', GROUPS, ids=lambda group: group.owner)
def test_no_option_is_both_without_effect_and_for_later(group: OptionGroup) -> None:
    for option in group.options:
        assert not (option.later and option.no_effect), option.name
        assert option.acts or option.help.endswith(f'{option.later or option.no_effect}.')
