"""The examples of a page are run, and print what the page says."""

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / 'docs' / 'documents.md'
BLOCK = re.compile(r'^```python\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def run(text: str) -> doctest.TestResults:
    """Run the blocks of a page one after the other, as one session."""
    runner, names = doctest.DocTestRunner(verbose=False), {}
    for found in BLOCK.finditer(text):
        line = text.count('\n', 0, found.start(1))
        test = doctest.DocTestParser().get_doctest(found[1], {}, PAGE.name, str(PAGE), line)
        test.globs = names
        runner.run(test, clear_globs=False)
    return runner.summarize(verbose=False)


def test_the_examples_are_true() -> None:
    failed, tried = run(PAGE.read_text(encoding='utf-8'))
    assert failed == 0
    assert tried > 50


def test_an_example_that_is_not_true_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run('```python\n>>> 1 + 1\n3\n```\n\n```python\n>>> 2\n2\n```\n') == doctest.TestResults(1, 2)
    assert 'Expected:\n    3' in capsys.readouterr().out
