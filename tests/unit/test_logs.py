"""What a Flow says: through the application's logging if there is one, plainly if not."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

import pytest

from mproc_flow.logs import CONFIG_VARIABLE, LEVEL_VARIABLE, FlowLog


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variables of the test run's own."""
    monkeypatch.delenv(LEVEL_VARIABLE, raising=False)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Be an application that has not set logging up; pytest does so for each test, after its fixtures."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append((record.name, record.levelno, record.getMessage()))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """The logging of an application that takes everything."""
    handler, root = Kept(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What is on stdout and stderr."""
    captured = capsys.readouterr()
    return captured.out, captured.err


@unlogged()
def test_plainly_everything_but_the_stdout_of_pods_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    log = FlowLog()
    log.say(logging.INFO, 'hello')
    log.pod_line('enc/rep-0', 7, 'stdout', 'printed')
    log.pod_line('enc/rep-0', 7, 'stderr', 'complained')
    log.pod_record('enc/rep-0', 7, logging.WARNING, 'my.lib', 'logged')
    assert said(capsys) == (
        'enc/rep-0[7] | printed\n',
        'hello\nenc/rep-0[7] | complained\nenc/rep-0[7] | WARNING my.lib: logged\n',
    )


@unlogged()
def test_plainly_from_info_up(capsys: pytest.CaptureFixture[str]) -> None:
    log = FlowLog()
    log.say(logging.DEBUG, 'detail')
    log.pod_record('p', 7, logging.DEBUG, 'lib', 'detail')
    log.pod_record('p', 7, logging.INFO, 'lib', 'fact')
    assert said(capsys) == ('', 'p[7] | INFO lib: fact\n')


@pytest.mark.parametrize(
    ('variable', 'levels'),
    [
        ('DEBUG', 'DIWE'),
        ('debug', 'DIWE'),
        ('INFO', 'IWE'),
        ('WARNING', 'WE'),
        ('ERROR', 'E'),
        ('CRITICAL', ''),
        ('NONSENSE', 'IWE'),
        ('', 'IWE'),
    ],
)
@unlogged()
def test_the_level_of_what_is_said_plainly(
    variable: str, levels: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(LEVEL_VARIABLE, variable)
    log = FlowLog()
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.say(level, logging.getLevelName(level)[0])
    assert said(capsys)[1].replace('\n', '') == levels


def test_with_logging_everything_goes_there(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    log = FlowLog()
    log.say(logging.DEBUG, 'hello')
    log.pod_line('enc/rep-0', 7, 'stdout', 'printed')
    log.pod_line('enc/rep-0', 7, 'stderr', 'complained')
    log.pod_record('enc/rep-0', 7, logging.DEBUG, 'my.lib', 'logged')
    assert kept.records == [
        ('mproc_flow', logging.DEBUG, 'hello'),
        ('mproc_flow.pod', logging.INFO, 'enc/rep-0[7] | printed'),
        ('mproc_flow.pod', logging.WARNING, 'enc/rep-0[7] | complained'),
        ('my.lib', logging.DEBUG, 'enc/rep-0[7] | logged'),
    ]
    assert said(capsys) == ('', '')


def test_the_applications_levels_count_and_the_variable_does_not(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(LEVEL_VARIABLE, 'CRITICAL')
    logging.getLogger().setLevel(logging.WARNING)
    log = FlowLog()
    log.say(logging.INFO, 'not this')
    log.say(logging.WARNING, 'this')
    log.pod_line('p', 7, 'stdout', 'not this')
    assert [record[2] for record in kept.records] == ['this']
    assert said(capsys) == ('', '')


@unlogged()
def test_only_the_loggers_that_are_set_up_take_over(capsys: pytest.CaptureFixture[str]) -> None:
    handler = Kept()
    logger = logging.getLogger('test_logs_only_this')
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    log = FlowLog()
    log.pod_record('p', 7, logging.INFO, 'test_logs_only_this.below', 'for them')
    log.say(logging.INFO, 'for all')
    logger.removeHandler(handler)
    assert handler.records == [('test_logs_only_this.below', logging.INFO, 'p[7] | for them')]
    assert said(capsys) == ('', 'for all\n')


@pytest.mark.parametrize(('quiet', 'variable'), [(True, ''), (False, 'QUIET'), (False, 'quiet')])
@unlogged()
def test_a_quiet_flow_says_errors_only(
    quiet: bool, variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, variable)
    log = FlowLog(quiet)
    log.say(logging.WARNING, 'no')
    log.pod_line('p', 7, 'stdout', 'no')
    log.pod_line('p', 7, 'stderr', 'no')
    log.pod_record('p', 7, logging.ERROR, 'lib', 'yes')
    log.say(logging.ERROR, 'yes')
    assert said(capsys) == ('', 'p[7] | ERROR lib: yes\nyes\n')


def test_quiet_holds_for_logging_too(kept: Kept) -> None:
    log = FlowLog(quiet=True)
    log.say(logging.INFO, 'no')
    log.say(logging.CRITICAL, 'yes')
    assert [record[2] for record in kept.records] == ['yes']


@unlogged()
def test_flows_are_quiet_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    FlowLog(quiet=True).say(logging.INFO, 'no')
    FlowLog().say(logging.INFO, 'yes')
    assert said(capsys)[1] == 'yes\n'


@pytest.mark.parametrize('text', ['100 %', '%s %d', '{brace}', '%(name)s', ''])
def test_text_is_not_a_format(text: str, kept: Kept) -> None:
    FlowLog().say(logging.INFO, text)
    FlowLog().pod_line('p', 1, 'stdout', text)
    assert [record[2] for record in kept.records] == [text, f'p[1] | {text}']


def test_nothing_here_changes_the_applications_logging(kept: Kept) -> None:
    logger = logging.getLogger('mproc_flow')
    before = (logger.level, logger.handlers[:], logger.propagate, logging.getLogger().handlers[:], logging.root.level)
    log = FlowLog(quiet=True)
    log.say(logging.ERROR, 'x')
    log.pod_record('p', 1, logging.ERROR, 'lib', 'x')
    after = (logger.level, logger.handlers[:], logger.propagate, logging.getLogger().handlers[:], logging.root.level)
    assert after == before


class Closed(io.StringIO):
    """A stream whose other end is gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize('stream', [None, Closed()])
@unlogged()
def test_nobody_left_to_read_is_no_error(stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'stderr', stream)
    monkeypatch.setattr(sys, 'stdout', stream)
    FlowLog().say(logging.ERROR, 'x')
    FlowLog().pod_line('p', 1, 'stdout', 'x')
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, 'stderr', closed)
    FlowLog().say(logging.ERROR, 'x')


@unlogged()
def test_a_stream_that_cannot_write_a_character_shows_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, 'stderr', io.TextIOWrapper(raw, encoding='ascii'))
    FlowLog().say(logging.ERROR, 'grün → \udcff')
    assert raw.getvalue() == b'gr\\xfcn \\u2192 \\udcff\n'
