"""Round robin over GPUs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mproc_flow.errors import BadOption
from mproc_flow.topology import devices

LISTING = """\
GPU 0: NVIDIA A100 (UUID: GPU-8f)
  MIG 1g.5gb     Device  0: (UUID: MIG-1)
GPU 1: NVIDIA A100 (UUID: GPU-2c)
GPU 2: broken
"""


def assigned(value: str, replicas: int, count: int = 3) -> list[str]:
    env = {'CUDA_VISIBLE_DEVICES': value, 'A': '1'}
    pods = [devices.assign(env, replica, lambda: count, "Executor 'a'") for replica in range(replicas)]
    assert all(pod['A'] == '1' for pod in pods)
    assert env['CUDA_VISIBLE_DEVICES'] == value
    return [pod['CUDA_VISIBLE_DEVICES'] for pod in pods]


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ('RR', '0 1 2 0'),
        ('RR1:3', '1 2 1 2'),
        ('RR[1:3]', '1 2 1 2'),
        ('RR1:', '1 2 1 2'),
        ('RR:2', '0 1 0 1'),
        ('RR::2', '0 2 0 2'),
        ('RR1', '1 1 1 1'),
        ('RR[1]', '1 1 1 1'),
        ('RR-1', '2 2 2 2'),
        ('RR-1:', '2 2 2 2'),
        ('RR-3', '0 0 0 0'),
        ('RR1,2', '1 2 1 2'),
        ('RR2,0,-1', '2 0 2 2'),
        ('RR1, 2', '1 2 1 2'),
        ('RRGPU-8f,GPU-2c', 'GPU-8f GPU-2c GPU-8f GPU-2c'),
        ('RRMIG-1', 'MIG-1 MIG-1 MIG-1 MIG-1'),
    ],
)
def test_replicas_get_devices_in_turn(value: str, expected: str) -> None:
    assert ' '.join(assigned(value, 4)) == expected


@pytest.mark.parametrize('value', ['0,1', '', 'GPU-8f', '-1'])
def test_other_values_are_left_alone(value: str) -> None:
    assert assigned(value, 2, count=0) == [value, value]


def test_one_device_is_enough() -> None:
    assert assigned('RR', 2, count=1) == ['0', '0']
    assert assigned('RR-1', 1, count=1) == ['0']


def test_without_the_variable_nothing_is_asked() -> None:
    def count() -> int:
        raise AssertionError

    assert devices.assign({'A': '1'}, 0, count, 'x') == {'A': '1'}
    assert devices.assign({'CUDA_VISIBLE_DEVICES': 'RRGPU-8f'}, 0, count, 'x') == {'CUDA_VISIBLE_DEVICES': 'GPU-8f'}


@pytest.mark.parametrize(
    ('value', 'count', 'message'),
    [
        ('RRx', 3, "env['CUDA_VISIBLE_DEVICES'] must be RR, RR1:3"),
        ('RR1:2:3:4', 3, 'must be RR'),
        ('RR1-3', 3, 'must be RR'),
        ('RR,', 3, 'must be RR'),
        ('RR0,GPU-8f', 3, 'must be RR'),
        ('RR5:9', 3, "'RR5:9' selects none of the 3 devices"),
        ('RR3', 3, "'RR3' selects none"),
        ('RR0,3', 3, "'RR0,3' selects"),
        ('RR-4', 3, 'selects none'),
        ('RR::0', 3, 'must be RR'),
        ('RR[1', 3, 'must be RR'),
        ('RR1]', 3, 'must be RR'),
        ('RR', 0, 'set CUDA_TOTAL_DEVICES'),
        ('RR0', 0, 'set CUDA_TOTAL_DEVICES'),
    ],
)
def test_what_cannot_be_resolved_is_an_error(value: str, count: int, message: str) -> None:
    with pytest.raises(BadOption) as caught:
        assigned(value, 1, count)
    assert message in str(caught.value)
    assert str(caught.value).startswith("Executor 'a': env['CUDA_VISIBLE_DEVICES']")
    assert repr(value) in str(caught.value)


def environ_with_nvidia_smi(folder: Path, script: str) -> dict[str, str]:
    program = folder / 'nvidia-smi'
    program.write_text(f'#!/bin/sh\n{script}\n')
    program.chmod(0o755)
    return {'PATH': str(folder)}


def test_devices_are_those_nvidia_smi_lists(tmp_path: Path) -> None:
    (tmp_path / 'listing').write_text(LISTING)
    environ = environ_with_nvidia_smi(
        tmp_path, f'[ "$1" = -L ] && while read -r line; do echo "$line"; done < {tmp_path}/listing'
    )
    assert devices.count_devices({**environ, 'CUDA_TOTAL_DEVICES': '7'}) == 2


@pytest.mark.parametrize('script', ['exit 9', 'echo GPU 0: UUID; exit 1', 'echo No devices found', 'printf "\\377"'])
def test_without_a_list_the_variable_counts(tmp_path: Path, script: str) -> None:
    environ = environ_with_nvidia_smi(tmp_path, script)
    assert devices.count_devices({**environ, 'CUDA_TOTAL_DEVICES': ' 7 '}) == 7
    assert devices.count_devices(environ) == 0


def test_a_program_that_hangs_does_not_hang_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, '_ANSWER_SECONDS', 0.05)
    environ = environ_with_nvidia_smi(tmp_path, 'exec /bin/sleep 60')
    assert devices.count_devices({**environ, 'CUDA_TOTAL_DEVICES': '1'}) == 1


def test_without_the_program_the_variable_counts(tmp_path: Path) -> None:
    assert devices.count_devices({'PATH': str(tmp_path), 'CUDA_TOTAL_DEVICES': '2'}) == 2
    assert devices.count_devices({'PATH': str(tmp_path)}) == 0


@pytest.mark.parametrize('text', ['many', '-1', '1.5', '²'])
def test_a_bad_number_of_devices_names_the_variable(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadOption, match='environment variable CUDA_TOTAL_DEVICES'):
        devices.count_devices({'PATH': os.fspath(tmp_path), 'CUDA_TOTAL_DEVICES': text})
