import subprocess
import sys

import pytest

from mproc_flow.errors import SerializationError
from scripts import fuzz_codec


def test_it_says_how_many_it_tried() -> None:
    command = [sys.executable, '-m', 'scripts.fuzz_codec', '500', '1']
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith('500 mutations of seed 1: ')
    assert 'nothing else' in done.stdout


def test_the_same_seed_makes_the_same_changes() -> None:
    assert fuzz_codec.fuzz(300, seed=4) == fuzz_codec.fuzz(300, seed=4)


@pytest.mark.parametrize('error', [ValueError('mine'), MemoryError(), KeyboardInterrupt()])
def test_whatever_else_comes_of_a_message_is_shown_and_raised(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def decode(frames: object) -> object:
        raise error

    monkeypatch.setattr(fuzz_codec, 'decode', decode)
    with pytest.raises(type(error)):
        fuzz_codec.fuzz(3, seed=1)
    assert capsys.readouterr().err.startswith("mutation 0 of seed 1: [b'")


def test_a_refusal_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(frames: object) -> object:
        raise SerializationError('no message')

    monkeypatch.setattr(fuzz_codec, 'decode', decode)
    assert fuzz_codec.fuzz(3, seed=1) == 0


def test_what_is_no_data_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_codec, 'decode', lambda frames: (['a'], {}))
    with pytest.raises(TypeError, match='no data'):
        fuzz_codec.survives([b''])
