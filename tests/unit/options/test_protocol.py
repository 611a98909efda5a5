"""How clients talk to a Flow."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from mproc_flow.options.kinds import Refused
from mproc_flow.options.protocol import Protocol


class OfJina(enum.Enum):
    GRPC = 0
    ZMQ = 1


@pytest.mark.parametrize('given', ['zmq', 'ZMQ', ' Zmq ', OfJina.ZMQ], ids=str)
def test_the_native_protocol_is_kept_in_lower_case(given: Any) -> None:
    assert Protocol().check(given) == 'zmq'


def test_the_text_of_a_flag_is_the_protocol() -> None:
    assert Protocol().parse('ZMQ') == 'zmq'


@pytest.mark.parametrize('given', ['grpc', 'HTTP', ' WebSocket ', OfJina.GRPC], ids=str)
def test_the_other_fronts_are_refused_as_not_there_yet(given: Any) -> None:
    with pytest.raises(Refused) as caught:
        Protocol().check(given)
    assert caught.value.accepts == 'zmq'
    assert caught.value.hint.startswith('the other fronts come with a later version')


@pytest.mark.parametrize('given', ['tcp', '', 5, None, ['zmq']], ids=ascii)
def test_what_is_no_protocol_is_refused(given: Any) -> None:
    with pytest.raises(Refused) as caught:
        Protocol().check(given)
    assert (caught.value.accepts, caught.value.hint) == ('zmq', '')
    assert caught.value.got == f'{given!r} ({type(given).__name__})'
