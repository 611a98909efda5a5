"""Programs: scripts that run as processes of their own, as a user would run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from tests.support import proc
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = 'MPROC_FLOW_TEST_PROGRAM'


class Line(NamedTuple):
    """A line of output with its stream and the moment it was read."""

    stream: str
    text: str
    moment: float


class Program:
    """One program in a session of its own, its output read by threads.

    Args:
        arguments: The whole command line.
        directory: Its working directory.
        env: Environment variables on top of this process's; None removes one.
    """

    def __init__(self, arguments: Sequence[str], directory: Path, env: Mapping[str, str | None]) -> None:
        self.lines: list[Line] = []
        self._news = threading.Condition()
        self.begun = time.monotonic()
        self._id = f'{os.getpid()}-{self.begun}'
        self.popen = subprocess.Popen(
            arguments,
            cwd=directory,
            env=_environment(env, self._id),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        proc.SESSIONS.add(self.pid)
        self._readers = [self._read('out', self.popen.stdout), self._read('err', self.popen.stderr)]

    @property
    def pid(self) -> int:
        """Its process id, which is also its session and its process group."""
        return self.popen.pid

    @property
    def text(self) -> str:
        """All it wrote so far."""
        return '\n'.join(line.text for line in list(self.lines))

    def texts(self, stream: str) -> list[str]:
        """The lines of one stream: ``out`` or ``err``."""
        return [line.text for line in list(self.lines) if line.stream == stream]

    def wait_line(self, pattern: str, deadline: float = 20.0) -> re.Match[str]:
        """Wait for a line in which the pattern is found."""
        return self._find(pattern, deadline)[0]

    def moment(self, pattern: str, deadline: float = 20.0) -> float:
        """Wait for a line and give the time at which it was read."""
        return self._find(pattern, deadline)[1].moment

    def send(self, number: int) -> None:
        """Send a signal to the program alone."""
        self.popen.send_signal(number)

    def send_group(self, number: int = signal.SIGINT) -> None:
        """Send a signal as a terminal does on Ctrl-C: to the foreground process group."""
        os.killpg(self.pid, number)

    def wait_exit(self, deadline: float) -> int:
        """Wait for its end and give its exit code, ``-signal`` if a signal ended it."""
        try:
            return self.popen.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'still running after {deadline:.1f} s:\n{self.text}') from None

    def wait(self, deadline: float) -> int:
        """The same, and wait a moment until all it wrote has been read."""
        code = self.wait_exit(deadline)
        for reader in self._readers:  # a child that holds the pipe must not hold us
            reader.join(0.5)
        return code

    def wait_until_blocking(self) -> None:
        """Wait until the program has said ``serving`` and its ``block()`` has taken over SIGTERM."""
        self.wait_line('serving')
        eventually(lambda: proc.catches(self.pid, signal.SIGTERM), 5, lambda: f'SIGTERM is caught\n{self.text}')

    def descendants(self) -> list[proc.Process]:
        """Every process it or its children started that is still there, wherever it was re-parented."""
        return proc.below(self.pid, PROGRAM, self._id)

    def end(self) -> None:
        """Kill it if it still runs, and read its output to the end."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()

    def close(self) -> None:
        """Join the readers; for this, everything that holds the pipes must be gone."""
        for reader in self._readers:
            reader.join(5)

    def _find(self, pattern: str, deadline: float) -> tuple[re.Match[str], Line]:  # nesting: lines, under a lock
        end = time.monotonic() + deadline
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    found = re.search(pattern, line.text)
                    if found:
                        return found, line
                seen = len(self.lines)
                rest = end - time.monotonic()
                ended = not any(reader.is_alive() for reader in self._readers)
                if rest <= 0 or ended:
                    why = 'it ended' if ended else f'{deadline:.1f} s'
                    raise AssertionError(f'no line with {pattern!r} ({why}) in:\n{self.text}')
                self._news.wait(min(rest, 0.5))

    def _read(self, stream: str, pipe: IO[bytes] | None) -> threading.Thread:
        assert pipe is not None
        reader = threading.Thread(target=self._collect, args=(stream, pipe), name=f'reader-{self.pid}', daemon=True)
        reader.start()
        return reader

    def _collect(self, stream: str, pipe: IO[bytes]) -> None:
        with pipe:
            for data in pipe:
                line = Line(stream, data.decode(errors='replace').rstrip('\r\n'), time.monotonic())
                with self._news:
                    self.lines.append(line)
                    self._news.notify_all()


class Programs:
    """Starts programs for one test and ends them after it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[Program] = []

    def script(self, text: str, *words: str, env: Mapping[str, str | None] | None = None) -> Program:
        """Run the text of a script, saved as ``app.py``, with the interpreter of the tests."""
        path = self.save('app.py', text)
        return self.run([sys.executable, str(path), *words], env)

    def module(self, *words: str, env: Mapping[str, str | None] | None = None) -> Program:
        """Run ``python -m`` with these words."""
        return self.run([sys.executable, '-m', *words], env)

    def run(self, arguments: Sequence[str], env: Mapping[str, str | None] | None = None) -> Program:
        """Run a command line."""
        program = Program(arguments, self._directory, env or {})
        self._started.append(program)
        return program

    def save(self, name: str, text: str) -> Path:
        """Write a file into the directory in which the programs run."""
        path = self._directory / name
        path.write_text(text)
        return path

    def end(self) -> None:
        """Kill what still runs; what it leaves behind is for the audit to find."""
        for program in self._started:
            program.end()

    def close(self) -> None:
        """Let go of the programs' output."""
        for program in self._started:
            program.close()


def _environment(changes: Mapping[str, str | None], name: str) -> dict[str, str]:
    base = {key: value for key, value in os.environ.items() if not key.startswith('JINA_')}
    base |= {'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1', PROGRAM: name}
    for key, value in changes.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = value
    return base
