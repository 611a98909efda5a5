"""The floor under the comparison: what raw pyzmq and bare processes take for the same, with nothing on top.

``python floor.py post hops=1 repeats=100``; the names of the measures are those of ``workload.py``. Whatever the number
of hops, the floor is one round trip between two processes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import zmq

from scripts.bench.workload import FLOATS_PER_MB, WARM_UPS, Figures, expect, numbers, times

Socket = zmq.Socket[bytes]

SMALL = b'x' * 64
_WINDOW = 1000
_COPY_BELOW = 1 << 16


def post(repeats: int) -> Figures:
    """Time one small message to another process and back."""
    with _echo() as socket:

        def round_trip() -> None:
            socket.send(SMALL)
            expect(socket.recv() == SMALL)

        times(round_trip, WARM_UPS)
        return {'post_ms': statistics.median(times(round_trip, repeats)) * 1e3}


def rate(documents: int, repeats: int) -> Figures:
    """Count small messages in a second, many of them under way at once."""
    with _echo() as socket:

        def round_trips() -> None:
            for sent in range(documents):
                socket.send(SMALL)
                if sent >= _WINDOW:
                    socket.recv()
            for _ in range(min(_WINDOW, documents)):
                socket.recv()

        return {'docs_per_s_size_1': documents / statistics.median(times(round_trips, repeats))}


def array(megabytes: int, repeats: int) -> Figures:
    """Time one large message to another process and back, without a copy where pyzmq can do without."""
    payload = bytes(megabytes * FLOATS_PER_MB * 8)
    with _echo() as socket:

        def round_trip() -> None:
            socket.send(payload, copy=False)
            expect(len(socket.recv(copy=False).buffer) == len(payload))

        round_trip()
        return {f'array_{megabytes}MB_ms': statistics.median(times(round_trip, repeats)) * 1e3}


def start(executors: int) -> Figures:
    """Time so many processes and one for the gateway, each up to its first word: forked, or fresh with the imports."""
    begin_one = _fresh if os.environ.get('JINA_MP_START_METHOD') == 'spawn' else _forked

    def start_all() -> None:
        for ready in [begin_one() for _ in range(executors + 1)]:
            expect(os.read(ready, 1) == b'.')

    return {'start_s': times(start_all, 1)[0]}


MEASURES: dict[str, Callable[..., Figures]] = {'post': post, 'rate': rate, 'array': array, 'start': start}


def _forked() -> int:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, b'.')
        os._exit(0)
    return reader


def _fresh() -> int:
    reader, writer = os.pipe()
    program = f"import os, numpy, zmq; os.write({writer}, b'.')"
    subprocess.Popen([sys.executable, '-c', program], pass_fds=[writer])
    os.close(writer)
    return reader


@contextmanager
def _echo() -> Iterator[Socket]:
    """Connect to another process that sends back what it gets."""
    with tempfile.TemporaryDirectory() as directory:
        address = f'ipc://{directory}/echo'
        server = subprocess.Popen([sys.executable, __file__, 'serve', address])
        context: zmq.Context[Socket] = zmq.Context()
        socket: Socket = context.socket(zmq.DEALER)
        socket.connect(address)
        try:
            socket.send(SMALL)
            expect(socket.recv() == SMALL)  # now it runs
            yield socket
        finally:
            socket.close(0)
            context.term()
            server.kill()
            server.wait()


def _serve(address: str) -> None:
    context: zmq.Context[Socket] = zmq.Context()
    socket: Socket = context.socket(zmq.DEALER)
    socket.bind(address)
    while True:
        frame = socket.recv(copy=False)
        if len(frame) < _COPY_BELOW:
            socket.send(frame.bytes)
        else:
            socket.send(frame, copy=False)


if __name__ == '__main__':
    if sys.argv[1] == 'serve':
        _serve(sys.argv[2])
    print(json.dumps(MEASURES[sys.argv[1]](**numbers(sys.argv[2:]))))
