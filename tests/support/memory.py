"""How much memory processes hold."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from tests.support.programs import Program
from tests.support.waiting import let_pass

MB = 1 << 20
_PAGE = os.sysconf('SC_PAGE_SIZE')


def resident(pids: Collection[int]) -> int:
    """Bytes in memory of these processes together, what they share counted for each."""
    return sum(int(Path(f'/proc/{pid}/statm').read_text().split()[1]) * _PAGE for pid in pids)


def peak_until(program: Program, line: str, pids: Collection[int]) -> int:
    """The most that these processes held at any moment until the program wrote this line."""
    most = 0
    while not any(line in text for text in program.texts('out')) and program.popen.poll() is None:
        most = max(most, resident(pids))
        let_pass(0.02)
    program.wait_line(line)
    return most
