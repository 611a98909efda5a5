"""Fixtures of the process tests, and the audit after each of them."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from tests.support import audit, proc, waiting
from tests.support.contexts import NAMES, Context
from tests.support.programs import Programs

START_METHODS = ('fork', 'spawn', 'forkserver')

_WITH_PROCESSES = ('processes', 'faults', 'acceptance')
_HERE = Path(__file__).parent
_TIMEOUT = 60
# pytest-timeout, readers of output and the contexts are threads; that fork then warns is tested on its own.
_FORK_WARNING = 'ignore::mproc_flow.errors.ForkWithThreadsWarning'


def pytest_configure(config: pytest.Config) -> None:
    """Take signals as a program in a terminal does, also where the tests run in the background of a shell."""
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, default)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test with processes a hard limit of time."""
    for item in items:
        if _has_processes(item):
            item.add_marker(pytest.mark.filterwarnings(_FORK_WARNING), append=False)
            if item.get_closest_marker('timeout') is None:
                item.add_marker(pytest.mark.timeout(_TIMEOUT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured against the bounds of the promises."""
    rows = waiting.report()
    if rows:
        terminalreporter.section('measured against the promised bounds, worst first')
        for row in rows[:25]:
            terminalreporter.line(row)


@pytest.fixture(scope='session')
def marked() -> Iterator[None]:
    """Make this test run's processes and files recognisable among those of others."""
    proc.mark_this_process()
    resource_tracker.ensure_running()  # multiprocessing's helper for its own events is not ours: it may stay
    base = tempfile.mkdtemp(prefix='mft-', dir='/dev/shm')
    old = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith('JINA_')}
    os.environ['MPROC_FLOW_RUN_DIR'] = base
    yield
    os.environ.pop('MPROC_FLOW_RUN_DIR')
    os.environ.update(old)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test with processes that leaves something behind; see :mod:`tests.support.audit`."""
    if not _has_processes(request.node):
        yield
        return
    request.getfixturevalue('marked')
    before = audit.Snapshot()
    yield
    audit.check(before)


@pytest.fixture
def programs(audited: None, tmp_path: Path) -> Iterator[Programs]:
    """Start programs; those that still run at the end are killed."""
    started = Programs(tmp_path)
    yield started
    started.end()


@pytest.fixture(params=START_METHODS)
def start_method(request: pytest.FixtureRequest) -> str:
    """Each of the three ways to start a process."""
    return str(request.param)


@pytest.fixture(params=NAMES)
def context(request: pytest.FixtureRequest) -> Context:
    """Each of the places from which a Flow may be used."""
    return Context(request.param)


@pytest.fixture
def record(tmp_path: Path) -> str:
    """A file for what Executors note; see :mod:`tests.support.executors`."""
    return str(tmp_path / 'record')


def _has_processes(item: pytest.Item) -> bool:
    path = item.path.resolve()
    return path.is_relative_to(_HERE) and path.relative_to(_HERE).parts[0] in _WITH_PROCESSES
