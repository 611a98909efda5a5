"""What is drawn while a call is under way."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from mproc_flow.errors import ErrorInfo
from mproc_flow.model.request import Header, Response
from mproc_flow.posting.letters import Delivery
from mproc_flow.posting.progress import progress

RESPONSE = Response(header=Header(request_id='1'))
GOOD, BAD = Delivery(RESPONSE, None, 10), Delivery(RESPONSE, ErrorInfo('executor', 'x'), 5)


def draw(inputs: Any) -> None:
    with progress(True, inputs, '/index') as bar:
        for delivery in (GOOD, GOOD, BAD):
            bar.add(delivery)


@pytest.fixture
def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package were not there."""
    monkeypatch.setitem(sys.modules, 'rich', None)


def test_nothing_unless_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(False, [], '/index') as bar:
        bar.add(GOOD)
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize(('inputs', 'count'), [([0] * 50, '25 of 50'), (iter([]), '25'), ('text', '25')])
def test_a_line_without_rich(without_rich: None, capsys: pytest.CaptureFixture[str], inputs: Any, count: str) -> None:
    draw(inputs)
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.startswith(f'/index: {count} Documents, ')
    assert printed.err.endswith(', 5 failed\n')
    assert ' per second, ' in printed.err
    assert printed.err.count('\n') == 1


def test_the_line_is_drawn_again_on_a_terminal(
    without_rich: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    draw([0] * 50)
    lines = capsys.readouterr().err.split('\r\x1b[K')
    assert lines[1].startswith('/index: 10 of 50 Documents')
    assert lines[1].endswith(' left')
    assert lines[-1].endswith(', 5 failed\n')


@pytest.mark.parametrize(('inputs', 'count'), [([0] * 50, '25/50'), (iter([]), '25/?')])
def test_a_bar_with_rich(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, inputs: Any, count: str
) -> None:
    monkeypatch.setenv('COLUMNS', '120')
    draw(inputs)
    printed = capsys.readouterr()
    assert printed.out == ''
    assert '/index' in printed.err
    assert count in printed.err
    assert '/s, 5 failed' in printed.err


@pytest.mark.usefixtures('capsys')
def test_an_error_ends_it() -> None:
    with pytest.raises(KeyError), progress(True, [0], '[index]') as bar:
        bar.add(GOOD)
        raise KeyError


@pytest.mark.parametrize('rich_there', [True, False])
@pytest.mark.parametrize('closed', [True, False])
def test_without_a_stderr_nothing_is_drawn_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, rich_there: bool, closed: bool
) -> None:
    """None is what Python makes of a stderr that was closed before it started."""
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, 'stderr', stream if closed else None)
    if not rich_there:
        monkeypatch.setitem(sys.modules, 'rich', None)
    draw([0] * 50)


def test_a_terminal_that_cannot_erase_gets_one_line(
    without_rich: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Emacs and plain consoles have; they would show the codes themselves."""
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)
    monkeypatch.setenv('TERM', 'dumb')
    draw([0] * 50)
    printed = capsys.readouterr().err
    assert '\x1b' not in printed
    assert printed.count('\n') == 1
