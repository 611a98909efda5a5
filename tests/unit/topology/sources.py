"""Modules of a user, and what is said about the Executors in them."""

from __future__ import annotations

import itertools
from pathlib import Path
from textwrap import dedent

from mproc_flow.errors import BadOption
from mproc_flow.topology import lookup

PLACE = "Flow.add(name='encoder'): uses"
IMPORT = 'from mproc_flow import Executor, requests\n'
GOOD = IMPORT + 'class Encoder(Executor):\n    @requests\n    def encode(self, docs, **kwargs): ...\n'
NUMBERS = itertools.count()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def fault(
    uses: str, sys_path: list[str], py_modules: tuple[str, ...] = (), overrides: dict[str, str] | None = None
) -> str:
    try:
        lookup.check_uses(uses, py_modules, sys_path, PLACE, overrides)
    except BadOption as error:
        return str(error)
    return ''
