"""The layer check, on tiny trees made up for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import check_layers


@pytest.fixture
def findings(tmp_path):
    """Write a package ``pkg`` from {relative path: text} and return what the check says, one line each."""

    def run(files: dict[str, str]) -> list[str]:
        package = tmp_path / 'pkg'
        for name, text in {'__init__.py': '', **files}.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [str(finding).removeprefix(f'{tmp_path}/') for finding in check_layers.check(package)]

    return run


def test_every_layer_is_allowed_only_layers_that_are_below_it():
    assert check_layers.EVERYTHING | {'__main__'} == set(check_layers.ALLOWED)
    graph = {layer: set(below) for layer, below in check_layers.ALLOWED.items()}
    assert check_layers.find_cycles(graph) == []


def test_imports_downwards_are_fine(findings):
    assert not findings(
        {
            'errors.py': 'import os\n',
            'model/__init__.py': '',
            'model/document.py': 'import numpy\nfrom pkg.errors import BadOption\n',
            'flow.py': 'from pkg.model.document import Document\nimport pkg.errors\nfrom . import errors\n',
            '__init__.py': 'from pkg.flow import Flow\n',
            '__main__.py': 'from pkg import Flow\n',
        }
    )


@pytest.mark.parametrize(
    'statement',
    [
        'import pkg.flow',
        'from pkg.flow import Flow',
        'from pkg import flow',
        'from ..flow import Flow',
        'from .. import flow',
    ],
)
def test_import_of_a_layer_above_is_found(findings, statement):
    found = findings({'flow.py': '', 'model/__init__.py': '', 'model/document.py': f'\n{statement}\n'})
    assert found == ['pkg/model/document.py:2: model may not import flow (pkg.flow): it is not below it']


def test_type_checking_does_not_excuse_it(findings):
    text = 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.flow import Flow\n'
    assert findings({'flow.py': '', 'errors.py': text}) == [
        'pkg/errors.py:3: errors may not import flow (pkg.flow): it is not below it'
    ]


def test_import_of_the_package_itself_is_an_import_of_the_top(findings):
    assert findings({'errors.py': 'from pkg import Flow\n'}) == [
        'pkg/errors.py:1: errors may not import __init__ (pkg): it is not below it'
    ]


def test_module_that_is_not_there_yet_still_has_a_layer(findings):
    assert findings({'errors.py': 'import pkg.cli.main\n'}) == [
        'pkg/errors.py:1: errors may not import cli (pkg.cli.main): it is not below it'
    ]


def test_new_layer_needs_a_row_in_the_table(findings):
    [found] = findings({'utils.py': ''})
    assert found.startswith("pkg/utils.py:1: layer 'utils' has no row in ALLOWED")


def test_cycle_within_a_layer_is_named_once_with_the_way_round(findings):
    found = findings(
        {
            'model/__init__.py': '',
            'model/a.py': 'from pkg.model import b\n',
            'model/b.py': 'import os\nfrom pkg.model.c import x\n',
            'model/c.py': 'from .a import y\n',
        }
    )
    assert found == ['pkg/model/a.py:1: import cycle: pkg.model.a -> pkg.model.b -> pkg.model.c -> pkg.model.a']


def test_package_that_gathers_its_modules_is_no_cycle_until_one_of_them_asks_it(findings):
    gathers = {'model/__init__.py': 'from pkg.model.a import x\n', 'model/b.py': ''}
    assert not findings({**gathers, 'model/a.py': 'from pkg.model import b\n'})
    [found] = findings({**gathers, 'model/a.py': 'from pkg.model import x\n'})
    assert found == 'pkg/model/__init__.py:1: import cycle: pkg.model -> pkg.model.a -> pkg.model'


def test_two_cycles_are_two_findings(findings):
    found = findings(
        {
            'model/__init__.py': '',
            **{f'model/{one}.py': f'from pkg.model import {other}\n' for one, other in ('ab', 'ba', 'cd', 'dc')},
        }
    )
    assert [line.split(': ', 1)[1] for line in found] == [
        'import cycle: pkg.model.a -> pkg.model.b -> pkg.model.a',
        'import cycle: pkg.model.c -> pkg.model.d -> pkg.model.c',
    ]


def test_import_inside_a_function_is_found(findings):
    text = 'class A:\n    async def load(self):\n        from pkg.errors import X\n        import json\n'
    assert findings({'errors.py': '', 'logs.py': text}) == [
        'pkg/logs.py:3: pkg.errors is imported inside load(): import it at the top, or add a reason to LAZY'
    ]


def test_import_inside_a_function_is_fine_where_loading_later_is_the_point(findings, monkeypatch):
    monkeypatch.setitem(check_layers.LAZY, 'pkg.client', frozenset({'pkg.errors'}))
    lazy = 'def {}(name):\n    from pkg import errors\n'
    assert not findings(
        {
            'errors.py': '',
            '__init__.py': lazy.format('__getattr__'),
            'client.py': lazy.format('post'),
            'cli/__init__.py': '',
            'cli/main.py': lazy.format('main'),
        }
    )


def test_lazy_import_must_still_point_downwards(findings, monkeypatch):
    monkeypatch.setitem(check_layers.LAZY, 'pkg.logs', frozenset({'pkg.flow'}))
    [found] = findings({'flow.py': '', 'logs.py': 'def f():\n    import pkg.flow\n'})
    assert found == 'pkg/logs.py:2: logs may not import flow (pkg.flow): it is not below it'


def test_only_transport_moves_bytes(findings):
    text = 'import zmq.asyncio\nfrom mmap import mmap\n'
    found = findings({'transport/__init__.py': '', 'transport/channel.py': text, 'client.py': text})
    assert found == [
        'pkg/client.py:1: client may not import zmq: only transport moves bytes between processes',
        'pkg/client.py:2: client may not import mmap: only transport moves bytes between processes',
    ]


def test_exit_code_says_whether_anything_was_found(tmp_path, capsys):
    package = tmp_path / 'pkg'
    package.mkdir()
    (package / 'errors.py').write_text('')
    assert check_layers.main([str(package)]) == 0
    (package / 'errors.py').write_text('import zmq\n')
    assert check_layers.main([str(package)]) == 1
    assert f'{Path(package, "errors.py")}:1: ' in capsys.readouterr().out
