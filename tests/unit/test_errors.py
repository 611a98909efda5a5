"""The errors a user can meet: their codes, their texts, and their ways between processes."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
from collections.abc import Iterator

import msgspec
import pytest

import mproc_flow.flow  # noqa: F401  (so that every error class there is exists)
from mproc_flow import errors
from mproc_flow.crossing import describe, fail_to_start, from_info
from mproc_flow.errors import (
    BadServer,
    DeadlineExceeded,
    ErrorInfo,
    FlowFailed,
    MprocFlowError,
    Overloaded,
    PodDied,
    PodFailure,
    PoisonedRequest,
    RemoteTraceback,
    RuntimeFailToStart,
    SerializationError,
)

FAILURE = PodFailure('enc/rep-0', 42, 'ready', 'killed by SIGSEGV', last_lines=('one', 'two'))


def tree(kind: type[MprocFlowError] = MprocFlowError) -> list[type[MprocFlowError]]:
    """All error classes that can travel; others are raised where they are defined."""
    found = [kind]
    for child in kind.__subclasses__():
        found += tree(child)
    return [found_kind for found_kind in dict.fromkeys(found) if found_kind.__module__ == 'mproc_flow.errors']


KINDS = tree()


def sent(info: ErrorInfo) -> ErrorInfo:
    """An error after its way over a socket."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(info), type=ErrorInfo)


def raised(error: BaseException) -> BaseException:
    """The error with a traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Afterwards no class of the test's own is left among the subclasses of ours."""
    yield
    gc.collect()


def test_overload_says_when_to_try_again() -> None:
    again = from_info(sent(ErrorInfo('overloaded', 'm', retry_after=1.5)))
    assert isinstance(again, Overloaded)
    assert (str(again), again.retry_after) == ('m', 1.5)
    assert Overloaded().retry_after == 0.0


def test_poison_is_no_death_that_one_may_answer_by_trying_again() -> None:
    again = from_info(sent(ErrorInfo('poisoned', 'twice', failure=FAILURE)))
    assert isinstance(again, PoisonedRequest)
    assert not isinstance(again, PodDied | ConnectionError)
    assert (str(again), again.failure) == ('twice', FAILURE)


def test_codes_are_unique_and_each_class_has_its_own() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(KINDS) > 15
    assert len(set(codes)) == len(codes)
    assert all('code' in vars(kind) for kind in KINDS)


@pytest.mark.parametrize('kind', KINDS)
def test_the_docstring_is_the_default_message(kind: type[MprocFlowError]) -> None:
    assert str(kind()) == inspect.cleandoc(kind.__doc__ or '')
    assert str(kind(None)) == str(kind('')) == str(kind())
    assert len(str(kind())) > 10
    assert str(kind('mine')) == 'mine'
    assert kind('mine').args == ('mine',)


@pytest.mark.parametrize('kind', KINDS)
def test_errors_are_exceptions(kind: type[MprocFlowError]) -> None:
    assert issubclass(kind, Exception)
    assert not issubclass(kind, (SystemError, KeyboardInterrupt, SystemExit))


@pytest.mark.parametrize(
    ('name', 'standard'),
    [
        ('BadConfigSource', FileNotFoundError),
        ('BadOption', ValueError),
        ('BadOption', TypeError),
        ('PortAlreadyUsed', RuntimeError),
        ('PodDied', ConnectionError),
        ('FlowClosed', ConnectionError),
        ('FlowFailed', RuntimeError),
        ('BadClientInput', ValueError),
        ('SerializationError', TypeError),
        ('DeadlineExceeded', TimeoutError),
    ],
)
def test_pythons_own_names_catch_them(name: str, standard: type[Exception]) -> None:
    with pytest.raises(standard, match='mine'):
        raise getattr(errors, name)('mine')


@pytest.mark.parametrize('kind', KINDS)
def test_errors_survive_pickling_and_copying(kind: type[MprocFlowError]) -> None:
    for again in (pickle.loads(pickle.dumps(kind('mine'))), copy.copy(kind('mine')), copy.deepcopy(kind('mine'))):
        assert type(again) is kind
        assert str(again) == 'mine'


def test_what_an_error_carries_survives_pickling() -> None:
    info = ErrorInfo('executor', 'bad', pod='enc/rep-0', failure=FAILURE)
    for error, name, value in (
        (PodDied('m', FAILURE), 'failure', FAILURE),
        (RuntimeFailToStart('m', (FAILURE,)), 'failures', (FAILURE,)),
        (BadServer('m', info), 'info', info),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == 'm'
        assert getattr(again, name) == value


@pytest.mark.parametrize('kind', KINDS)
def test_an_error_is_raised_again_as_what_it_was(kind: type[MprocFlowError]) -> None:
    again = from_info(sent(describe(raised(kind('mine')), executor='Enc', pod='enc/rep-0')))
    assert type(again) is kind
    assert 'mine' in str(again)
    assert isinstance(again.__cause__, RemoteTraceback)
    assert 'in raised' in str(again.__cause__)


def test_any_other_error_is_one_of_the_executor() -> None:
    info = describe(raised(ValueError('bad', 5)), executor='Enc', pod='enc/rep-0')
    assert (info.code, info.name, info.args) == ('executor', 'ValueError', ('bad', '5'))
    assert (info.executor, info.pod) == ('Enc', 'enc/rep-0')
    again = from_info(sent(info))
    assert isinstance(again, BadServer)
    assert str(again) == "Enc in pod enc/rep-0 raised ValueError: ('bad', 5)"
    assert again.info == info
    assert "ValueError: ('bad', 5)" in str(again.__cause__)


def test_where_an_error_happened_is_told_as_far_as_it_is_known() -> None:
    assert str(from_info(ErrorInfo('executor', 'm', executor='Enc'))) == 'Enc raised m'
    assert str(from_info(ErrorInfo('executor', 'm', pod='p'))) == 'an Executor in pod p raised m'
    assert str(from_info(ErrorInfo('executor', 'm'))) == 'm'


def test_without_a_traceback_there_is_no_cause() -> None:
    assert from_info(ErrorInfo('overloaded', 'm')).__cause__ is None


def test_a_death_carries_its_failure() -> None:
    again = from_info(sent(ErrorInfo('pod_died', 'gone', failure=FAILURE)))
    assert isinstance(again, PodDied)
    assert again.failure == FAILURE


def test_a_code_of_another_version_is_an_error_of_the_server() -> None:
    assert type(from_info(ErrorInfo('from_the_future', 'm'))) is BadServer


@pytest.mark.parametrize('base', [MprocFlowError, BadServer, Overloaded, DeadlineExceeded, FlowFailed])
@pytest.mark.usefixtures('forgotten')
def test_a_class_of_the_users_does_not_take_the_place_of_ours(base: type[MprocFlowError]) -> None:
    class Own(base):  # type: ignore[misc,valid-type]
        def __init__(self, number: int) -> None:
            super().__init__(f'number {number}')

    assert type(from_info(ErrorInfo(base.code, 'm'))) is base
    again = from_info(sent(describe(raised(Own(5)))))
    assert isinstance(again, base)
    assert 'number 5' in str(again)


class Unspeakable(Exception):
    """Cannot be turned into text."""

    def __str__(self) -> str:
        raise RuntimeError('no')

    __repr__ = __str__


def test_an_error_whose_text_cannot_be_had_is_described_all_the_same() -> None:
    info = describe(raised(Unspeakable('a')))
    assert info.name == 'Unspeakable'
    assert info.message.startswith('Unspeakable: ')


def test_an_argument_whose_text_cannot_be_had() -> None:
    class Argument:
        def __repr__(self) -> str:
            return 'shown'

        def __str__(self) -> str:
            raise RuntimeError('no')

    info = describe(raised(ValueError('a', Argument())))
    assert info.args == ('a', '<Argument, whose __str__ raised RuntimeError>')


def test_an_error_about_text_that_is_not_utf_8_can_travel() -> None:
    name = b'caf\xe9.txt'.decode(errors='surrogateescape')
    again = from_info(sent(describe(raised(ValueError(f'cannot read {name}')), executor='Enc', pod='enc/rep-0')))
    assert 'cannot read caf' in str(again)


def test_a_chain_of_errors_is_in_the_remote_traceback() -> None:
    def fail() -> None:
        try:
            raise KeyError('first')
        except KeyError as error:
            raise ValueError('second') from error

    with pytest.raises(ValueError, match='second') as caught:
        fail()
    text = describe(caught.value).traceback
    assert text.index("KeyError: 'first'") < text.index('direct cause') < text.index('ValueError: second')


def test_a_failure_in_words() -> None:
    assert str(FAILURE) == 'enc/rep-0 (pid 42, ready): killed by SIGSEGV\n    | one\n    | two'
    assert str(PodFailure('enc/rep-0', 0, '', 'could not be forked')) == (
        'enc/rep-0 (no process yet): could not be forked'
    )


def test_a_failed_start_names_every_pod_and_has_the_first_traceback_as_its_cause() -> None:
    one = PodFailure('a/rep-0', 1, 'init', 'raised ValueError: x', 'Traceback: one')
    two = PodFailure('b/rep-0', 2, 'init', 'raised ValueError: y', 'Traceback: two')
    error = fail_to_start('Search', (FAILURE, one, two))
    assert str(error).startswith('Search did not start, 3 pods failed:\n  - enc/rep-0 (pid 42')
    assert 'a/rep-0 (pid 1, init): raised ValueError: x' in str(error)
    assert 'b/rep-0 (pid 2, init): raised ValueError: y' in str(error)
    assert error.failures == (FAILURE, one, two)
    assert 'in pod a/rep-0 (pid 1):\nTraceback: one' in str(error.__cause__)


def test_a_failed_start_without_a_traceback() -> None:
    error = fail_to_start('Search', (FAILURE,))
    assert str(error).startswith('Search did not start, 1 pod failed:')
    assert error.__cause__ is None


def test_a_remote_traceback_is_shown_between_quotes() -> None:
    assert str(RemoteTraceback('Traceback:\n  x\n\n')) == '\n"""\nTraceback:\n  x\n"""'


def test_what_an_executor_gave_that_cannot_travel_names_the_executor() -> None:
    """Else its sender would look for it among what was sent."""
    info = describe(SerializationError('Document 0, field text: a str is needed'), executor='Shout', pod='shout/rep-0')
    error = from_info(info)
    assert isinstance(error, SerializationError)
    assert str(error) == 'Shout in pod shout/rep-0 raised SerializationError: Document 0, field text: a str is needed'
