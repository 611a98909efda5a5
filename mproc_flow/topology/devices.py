"""Round robin over GPUs: ``CUDA_VISIBLE_DEVICES`` = ``RR...`` gives every replica one device.

After ``RR`` may stand nothing (all devices), a slice (``1:3`` or ``[1:3]``), one index (``1``, ``-1``), a list of
indexes (``1,3``) or a list of UUIDs (``GPU-8f,GPU-2c``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mproc_flow.errors import BadOption

DEVICES_VARIABLE = 'CUDA_VISIBLE_DEVICES'
COUNT_VARIABLE = 'CUDA_TOTAL_DEVICES'

_ROUND_ROBIN = 'RR'
_SLICE = re.compile(r'(-?\d+)?:(-?\d+)?(:(-?0*[1-9]\d*)?)?')
_INDEXES = re.compile(r'-?\d+(,-?\d+)*')
_UUIDS = re.compile(r'(GPU|MIG)-[^,\s]+(,(GPU|MIG)-[^,\s]+)*')
_ANSWER_SECONDS = 10.0


def is_round_robin(env: Mapping[str, str]) -> bool:
    """Say whether an environment asks for round robin."""
    return env.get(DEVICES_VARIABLE, '').startswith(_ROUND_ROBIN)


def assign(env: Mapping[str, str], replica: int, count: Callable[[], int], where: str) -> dict[str, str]:
    """Return a pod's environment with the device of one replica in place of ``RR...``.

    Args:
        env: Environment variables as given; returned unchanged if they do not ask for round robin.
        replica: Number of the replica within its shard, from 0.
        count: Tells how many devices there are; called only if it matters.
        where: Where the environment was given, for messages.

    Raises:
        BadOption: The text after ``RR`` cannot be read or selects no device, or the number of devices is not known.
    """
    if not is_round_robin(env):
        return dict(env)
    chosen = _choose(env[DEVICES_VARIABLE], count, f"{where}: env['{DEVICES_VARIABLE}']")
    return {**env, DEVICES_VARIABLE: chosen[replica % len(chosen)]}


def count_devices(environ: Mapping[str, str]) -> int:
    """Return how many GPUs this host has: what ``nvidia-smi`` lists, or else ``CUDA_TOTAL_DEVICES``, or else 0.

    Raises:
        BadOption: ``CUDA_TOTAL_DEVICES`` is not a whole number.
    """
    listed = sum(line.startswith('GPU ') and 'UUID' in line for line in _nvidia_smi(environ).splitlines())
    text = environ.get(COUNT_VARIABLE, '').strip()
    if listed or not text:
        return listed
    if not text.isdecimal():
        raise BadOption(f'environment variable {COUNT_VARIABLE} must be a whole number of at least 0, got {text!r}')
    return int(text)


def _choose(text: str, count: Callable[[], int], where: str) -> list[str]:
    wanted = text.removeprefix(_ROUND_ROBIN).replace(' ', '')
    if wanted.startswith('[') and wanted.endswith(']'):
        wanted = wanted[1:-1]
    if _UUIDS.fullmatch(wanted):
        return wanted.split(',')
    if wanted and not _SLICE.fullmatch(wanted) and not _INDEXES.fullmatch(wanted):
        raise BadOption(f'{where} must be RR, RR1:3, RR1, RR1,3 or RR and UUIDs (RRGPU-8f,GPU-2c), got {text!r}')
    chosen = _select(wanted, _known(count, where, text))
    if not chosen:
        raise BadOption(f'{where} = {text!r} selects none of the {count()} devices of this host')
    return [str(device) for device in chosen]


def _select(wanted: str, devices: int) -> list[int]:
    if not wanted or ':' in wanted:
        bounds = [int(bound) if bound else None for bound in wanted.split(':')] if wanted else [None]
        return list(range(devices)[slice(*bounds)])
    indexes = [int(index) for index in wanted.split(',')]
    if not all(-devices <= index < devices for index in indexes):
        return []
    return [index % devices for index in indexes]


def _known(count: Callable[[], int], where: str, text: str) -> int:
    devices = count()
    if devices < 1:
        raise BadOption(
            f'{where} = {text!r} cannot be resolved: nvidia-smi lists no device; '
            f'set {COUNT_VARIABLE} to the number of devices of this host'
        )
    return devices


def _nvidia_smi(environ: Mapping[str, str]) -> str:
    import shutil  # not at the top: few Flows ask for devices
    import subprocess

    program = shutil.which('nvidia-smi', path=environ.get('PATH'))
    if program is None:
        return ''
    try:
        done = subprocess.run([program, '-L'], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ''
    return done.stdout
