"""What there is of Jina's helpers, words and loggers."""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
import socket
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from mproc_flow.compat import enums, helper, logger
from mproc_flow.compat.logger import JinaLogger, TimeContext
from mproc_flow.errors import BadOption
from mproc_flow.options.groups import EXECUTOR, FLOW

# ---- jina.helper ----


def test_random_ports_are_free_and_different() -> None:
    ports = [*helper.random_ports(20), helper.random_port()]
    assert len(set(ports)) == 21
    for port in ports:
        assert 49153 <= port <= 65535
        with socket.socket() as sock:
            sock.bind(('127.0.0.1', port))


def test_random_ports_keep_to_their_range(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv('JINA_RANDOM_PORT_MIN', str(port))
        monkeypatch.setenv('JINA_RANDOM_PORT_MAX', str(port))
        with pytest.raises(RuntimeError, match=f'no port from {port} to {port} is free: change JINA_RANDOM_PORT_MIN'):
            helper.random_port()
    assert helper.random_port() == port
    with pytest.raises(RuntimeError):
        helper.random_port()  # handed out already


def test_identities() -> None:
    assert re.fullmatch('[0-9a-f]{32}', helper.random_identity())
    assert helper.random_identity() != helper.random_identity()
    assert (helper.random_uuid().version, helper.random_uuid(use_uuid1=True).version) == (4, 1)
    assert uuid.UUID(helper.random_identity(use_uuid1=True)).version == 1


def test_names_of_types() -> None:
    assert helper.typename(uuid.UUID) == helper.typename(uuid.uuid4()) == 'uuid.UUID'


@pytest.mark.parametrize(
    ('data', 'size', 'parts'),
    [
        ('abcde', 2, ['ab', 'cd', 'e']),
        ([1, 2, 3], 3, [[1, 2, 3]]),
        ([1, 2, 3], 0, [[1, 2, 3]]),
        (iter(range(3)), 2, [[0, 1], [2]]),
        (iter(range(2)), 2, [[0, 1]]),
        ([], 2, []),
    ],
)
def test_batches(data: object, size: int, parts: list[object]) -> None:
    assert list(helper.batch_iterator(data, size)) == parts


def test_batches_of_arrays() -> None:
    assert [len(part) for part in helper.batch_iterator(np.zeros((5, 4)), 2)] == [2, 2, 1]


# ---- jina.enums ----


def test_options_understand_the_words() -> None:
    assert FLOW.check({'inspect': enums.FlowInspectType.HANG}, 'Flow()') == {'inspect': 'hang'}
    assert EXECUTOR.check({'polling': enums.PollingType.ALL}, 'add()') == {'polling': 'all'}
    with pytest.raises(BadOption, match='fronts come with a later version'):
        FLOW.check({'protocol': enums.GatewayProtocolType.HTTP}, 'Flow()')


def test_words_from_text() -> None:
    assert enums.PollingType.from_string('all') is enums.PollingType.ALL
    assert str(enums.FlowInspectType.COLLECT) == 'COLLECT'
    with pytest.raises(ValueError, match="PollingType has no 'some': it has ANY, ALL"):
        enums.PollingType.from_string('some')


# ---- jina.logging ----


@contextlib.contextmanager
def nothing_set_up() -> Iterator[None]:
    """The application has not set up its logging, and neither has pytest."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = handlers


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Name of a logger of this test's own."""
    monkeypatch.delenv('JINA_LOG_LEVEL', raising=False)
    monkeypatch.delenv('JINA_LOG_CONFIG', raising=False)
    name = f'test-{uuid.uuid4().hex}'
    yield name
    logging.Logger.manager.loggerDict.pop(name, None)


def test_it_writes_to_stderr_where_nothing_is_set_up(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with nothing_set_up(), JinaLogger(name) as log:
        log.debug('no')
        log.info('hello %s', 'you')
        log.success('done')
        log.warning('mind')
        JinaLogger(name).error('once')
        assert not log.debug_enabled
    lines = [f'INFO {name}: hello you', f'SUCCESS {name}: done', f'WARNING {name}: mind', f'ERROR {name}: once']
    assert capsys.readouterr() == ('', '\n'.join([*lines, '']))


def test_it_uses_the_logging_of_the_application(
    name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger().addHandler(caplog.handler)
    JinaLogger(name, name='encoder').info('hello')
    assert caplog.record_tuples == [(name, logging.INFO, 'encoder: hello')]
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize(
    ('setting', 'quiet'),
    [('JINA_LOG_CONFIG=QUIET', False), ('JINA_LOG_LEVEL=error', False), ('JINA_LOG_LEVEL=debug', True)],
)
def test_it_can_be_quiet(
    name: str, setting: str, quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(*setting.split('='))
    with nothing_set_up():
        log = JinaLogger(name, quiet=quiet)
        log.warning('no')
        log.critical('yes')
    assert capsys.readouterr().err == f'CRITICAL {name}: yes\n'


def test_what_it_cannot_do_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    JinaLogger(name, log_config='default')
    with pytest.raises(BadOption, match=r"JinaLogger\(log_config='mine.yml'\): set up logs with the module logging"):
        JinaLogger(name, log_config='mine.yml')
    monkeypatch.setenv('JINA_LOG_LEVEL', 'loud')
    with pytest.raises(ValueError, match='LOUD'):
        JinaLogger(name)


def test_there_is_one_for_everybody() -> None:
    assert importlib.import_module('mproc_flow.compat.logger').default_logger is logger.default_logger
    assert logger.default_logger.logger.name == 'JINA'


def test_what_takes_time_is_timed(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with TimeContext('loading') as timed:
        pass
    assert 0 < timed.duration < 1
    assert capsys.readouterr().out == f'loading ...\nloading takes {timed.readable_duration}\n'
    with caplog.at_level(logging.INFO), TimeContext('saving', logging.getLogger('own')):
        pass
    assert [message.split()[0] for message in caplog.messages] == ['saving', 'saving']
    assert capsys.readouterr().out == ''
