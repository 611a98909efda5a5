"""The budget check, on tiny sources made up for it."""

from __future__ import annotations

import textwrap

import pytest

from scripts import check_budgets


@pytest.fixture
def findings(tmp_path):
    """Write one file and return what the check says about it, as ``line: message``."""

    def run(text: str, name: str = 'mproc_flow/module.py') -> list[str]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        source = check_budgets.Source.read(path, tmp_path)
        return [f'{line}: {message}' for line, message in sorted(check_budgets.check(source))]

    return run


def function(lines: int) -> str:
    return 'def f():\n' + '    pass\n' * (lines - 1)


def test_module_of_300_lines_fits_and_one_of_301_does_not(findings):
    assert not findings('x = 1\n' * 300)
    assert findings('x = 1\n' * 301) == ['1: module has 301 lines, at most 300 fit']


def test_function_of_40_lines_fits_and_one_of_41_does_not(findings):
    assert not findings(function(40))
    assert findings('@decorated\n' + function(41)) == ['2: f() has 41 lines, at most 40 fit']


THREE_DEEP = """
    def f(a, b):{comment}
        with a:
            for x in b:
                if x:
                    pass
                elif a:
                    pass
                else:
                    pass
"""
FOUR_DEEP = THREE_DEEP + '                    while a:\n                        pass\n'


def test_three_levels_fit_and_elif_is_not_one_more(findings):
    assert not findings(THREE_DEEP.format(comment=''))


def test_four_levels_need_a_reason(findings):
    [found] = findings(FOUR_DEEP.format(comment=''))
    assert found.startswith('2: f() nests 4 deep, at most 3 is allowed')
    assert findings(FOUR_DEEP.format(comment='  # nesting:')) == [found]
    assert findings(FOUR_DEEP.format(comment='  # because I say so')) == [found]
    assert not findings(FOUR_DEEP.format(comment='  # nesting: the four belong together'))


def test_five_levels_are_too_many_for_any_reason(findings):
    five = FOUR_DEEP.format(comment='  # nesting: why not') + '                        try:\n'
    five += '                            pass\n                        finally:\n                            pass\n'
    assert findings(five) == ['2: f() nests 5 deep, at most 4 is allowed']


def test_if_inside_else_is_a_level_unlike_elif(findings):
    text = """
        def f(a):
            if a:
                pass
            else:
                if a:
                    for x in a:
                        if x:
                            pass
    """
    assert len(findings(text)) == 1


def test_inner_function_counts_for_itself(findings):
    text = """
        def f(a):
            if a:
                if a:
                    if a:
                        def inner():
                            if a:
                                pass
    """
    assert not findings(text)


def test_seven_parameters_need_a_reason(findings):
    assert not findings('def f(a, b, c, d, /, e, *, g, **options): pass\n')
    [found] = findings('def f(a, b, c, d, /, e, *args, g, **options): pass\n')
    assert found.startswith('1: f() takes 7 parameters, at most 6')
    assert not findings('def f(a, b, c, d, e, g, h):  # parameters: as in the API we follow\n    pass\n')


def test_comment_may_stand_anywhere_in_a_signature_of_several_lines(findings):
    assert not findings('def f(  # parameters: as in the API we follow\n    a, b, c, d, e, g, h\n):\n    pass\n')


@pytest.mark.parametrize(
    ('method', 'fits'),
    [
        ('def f(self, a, b, c, d, e, g): pass', True),
        ('def f(self, a, b, c, d, e, g, h): pass', False),
        ('@classmethod\n    def f(cls, a, b, c, d, e, g): pass', True),
        ('@staticmethod\n    def f(a, b, c, d, e, g): pass', True),
        ('@staticmethod\n    def f(a, b, c, d, e, g, h): pass', False),
    ],
)
def test_self_and_cls_are_not_counted(findings, method, fits):
    assert (not findings(f'class A:\n    {method}\n')) is fits


@pytest.mark.parametrize('caught', ['', ' Exception', ' BaseException as error', ' (ValueError, builtins.Exception)'])
@pytest.mark.parametrize(
    ('comment', 'body', 'fits'),
    [
        ('', 'pass', False),
        ('  # noqa: E722', 'pass', False),
        ('  #', 'pass', False),
        ('  # answered to the sender', 'pass', True),
        ('  # noqa: E722  # answered to the sender', 'pass', True),
        ('', 'raise', True),
        ('', 'def f(): raise ValueError', False),
        ('', 'if a: raise ValueError from None', True),
    ],
)
def test_catching_everything_needs_a_raise_or_a_reason(findings, caught, comment, body, fits):
    found = findings(f'try:\n    pass\nexcept{caught}:{comment}\n    {body}\n')
    assert (not found) is fits
    assert fits or found[0].startswith('3: except catches ')


def test_catching_one_class_is_fine(findings):
    assert not findings('try:\n    pass\nexcept (OSError, ValueError):\n    pass\n')


def test_suppressing_everything_needs_a_reason(findings):
    assert not findings('with contextlib.suppress(OSError): pass\n')
    assert len(findings('with contextlib.suppress(Exception): pass\n')) == 1
    assert not findings('with suppress(Exception):  # the process is leaving anyway\n    pass\n')


def test_assert_is_for_tests(findings):
    assert findings('def f(a):\n    assert a\n') == ['2: assert vanishes under python -O: raise an error']
    assert not findings('def f(a):\n    assert a\n', 'tests/test_f.py')


# Put together, so that a search of the tests for sleeps does not find this file.
SLEEP = 'time.' + 'sleep(1)'


@pytest.mark.parametrize(
    ('text', 'found_at'),
    [
        (f'def test_f():\n    {SLEEP}\n', [2]),
        ('def test_f():\n    for x in y:\n        sleep(1)\n', [3]),
        (f'class TestF:\n    def test_f(self):\n        {SLEEP}\n', [3]),
        (f'def test_f():\n    class Slow(Executor):\n        def f(self, docs):\n            {SLEEP}\n', []),
        ('async def test_f():\n    await asyncio.sleep(0)\n', []),
    ],
)
def test_tests_do_not_sleep_but_their_executors_may(findings, text, found_at):
    assert [int(found.partition(':')[0]) for found in findings(text, 'tests/unit/test_f.py')] == found_at
    assert not findings(text)


def test_helper_that_waits_for_a_condition_may_sleep_between_looks(findings):
    assert not findings(
        f'def wait_until(condition):\n    while not condition():\n        {SLEEP}\n', 'tests/support/w.py'
    )


def test_every_python_file_is_read_and_findings_name_file_and_line(tmp_path, capsys):
    for name in ('mproc_flow/model/a.py', 'scripts/b.py', 'docs/examples/c.py', 'tests/unit/test_d.py', 'other/e.py'):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text('x = 1\n' + function(41))
    assert check_budgets.main([str(tmp_path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[:-1] == [
        f'{tmp_path}/{name}:2: f() has 41 lines, at most 40 fit'
        for name in ('mproc_flow/model/a.py', 'scripts/b.py', 'docs/examples/c.py', 'tests/unit/test_d.py')
    ]
    assert out[-1] == 'check_budgets: 4 files, 4 finding(s)'
