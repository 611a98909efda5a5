"""Making the Guardian: forked from the user's process where pods need its memory, else a fresh interpreter."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from mproc_flow.errors import ForkWithThreadsWarning, PodFailure, RuntimeFailToStart
from mproc_flow.supervisor import process
from mproc_flow.supervisor.control import Launch, NotStarted, Order
from mproc_flow.supervisor.guardian import Guardian
from mproc_flow.supervisor.nursery import Nursery, PodMain
from mproc_flow.supervisor.rundir import RunDirectory, sweep
from mproc_flow.topology.plan import Plan
from mproc_flow.transport.pipe import Pipe, pair

PACKAGE = 'mproc_flow'

_PODS = 'mproc_flow.runtime.pods'

Objects = Mapping[str, Any]


@dataclass(frozen=True)
class Cargo:
    """What users gave as objects, by name of the Deployment; it travels beside the Plan, which is data only.

    Attributes:
        objects: Class (or None) and ``uses_with``, for pods that are forked with the user's memory.
        payloads: The same as bytes, for all others.
    """

    objects: dict[str, tuple[type[Any] | None, dict[str, Any]]]
    payloads: dict[str, bytes]


def launch(plan: Plan, cargo: Cargo) -> tuple[int, socket.socket]:
    """Start a Guardian for a Plan.

    Args:
        plan: What it is to run.
        cargo: What the user gave as objects.

    Returns:
        The Guardian's pid and the owner's end of the control pipe.

    Raises:
        RuntimeFailToStart: fork is asked for and CUDA is initialised in this process.
    """
    order = Launch(plan, cargo.payloads)
    process.occupy_standard_streams()
    ours, theirs = pair()
    try:
        if needs_fork(plan):
            check_fork()
            main = _pod_main(cargo.objects)  # before the fork, so that no pod has to import it
            pid = _fork(order, theirs, ours, lambda: main)
        else:
            pid = _execute(theirs)
            with contextlib.closing(Pipe(ours.dup(), Order)) as control:
                control.send_all(order)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return pid, ours


def needs_fork(plan: Plan) -> bool:
    """True if a pod of the Plan is to have the memory of this process."""
    return any(spec.start_method == 'fork' for spec in plan.pods)


def preload() -> None:
    """Import what a forked pod runs; :func:`launch` does it if nobody did."""
    importlib.import_module(_PODS)


def check_fork() -> None:
    """Refuse or warn where fork would go wrong later.

    Raises:
        RuntimeFailToStart: CUDA is initialised here; it does not survive a fork.
    """
    torch = sys.modules.get('torch')
    cuda = getattr(torch, 'cuda', None)
    if cuda is not None and cuda.is_initialized():
        raise RuntimeFailToStart(
            'CUDA is initialised in this process and would be broken in forked children: set '
            "JINA_MP_START_METHOD=spawn, or give Flow(start_method='spawn')"
        )
    names = [thread.name for thread in threading.enumerate() if may_hold_locks(thread)]
    if names:
        warnings.warn(
            f'fork while other threads run ({", ".join(names)}): a lock that one of them holds stays locked in the '
            'Executors. Set JINA_MP_START_METHOD=spawn if they hang',
            ForkWithThreadsWarning,
            stacklevel=_stacklevel(),
        )


def _stacklevel() -> int:
    """Stack level, for a warning raised by the caller, of the first frame outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get('__name__', '').startswith(f'{PACKAGE}.'):
        level, frame = level + 1, frame.f_back
    return level


def may_hold_locks(thread: threading.Thread) -> bool:
    """False for a thread that holds no lock which an Executor could ever want.

    That is said of the one that forks, of ours, and of those that a notebook's kernel always has: their locks guard its
    sockets and its history, and forked pods have output streams of their own.
    """
    target = getattr(thread, '_target', None)  # what it runs; until it ends
    home = str(getattr(target, '__module__', None) or type(thread).__module__)
    of_a_kernel = home.partition('.')[0] in ('ipykernel', 'IPython')
    return thread is not threading.current_thread() and not thread.name.startswith(PACKAGE) and not of_a_kernel


def _fork(order: Launch, theirs: socket.socket, ours: socket.socket, main: Callable[[], PodMain]) -> int:
    owner = os.getpid()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # or what waits in their buffers would be written by every child too
            stream.flush()
    # No handler of the application may run in the child before its own are set.
    old = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _be_forked_guardian(order, theirs, ours, owner, main)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
    return pid


def _execute(theirs: socket.socket) -> int:
    import subprocess  # not at the top: the Guardian itself, which starts here too, does without

    words = process.entry(__name__, str(theirs.fileno()), str(os.getpid()))
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        child = subprocess.Popen(
            process.command(words),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
    child.returncode = 0  # we wait for it ourselves; without this Popen would warn that it still runs
    return child.pid


def _be_forked_guardian(
    order: Launch, theirs: socket.socket, ours: socket.socket, owner: int, main: Callable[[], PodMain]
) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        atexit._clear()
        gc.disable()
        gc.freeze()  # collecting would touch, and so copy, the user's pages
        ours.close()
        _forget_multiprocessing()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
        _guard(order, Pipe(theirs, Order), owner, 'fork', main)
    finally:
        os._exit(1)


def _forget_multiprocessing() -> None:
    """Drop what multiprocessing knows of the user's own children, as it does in its own forks."""
    parent: Any = sys.modules.get('multiprocessing.process')
    if parent is not None:
        parent._children = set()
    util = sys.modules.get('multiprocessing.util')
    if util is not None:
        util._finalizer_registry.clear()
        util._run_after_forkers()


def main(fd: str, owner: str) -> None:
    """Be a Guardian that is a fresh interpreter."""
    control = Pipe(socket.socket(fileno=int(fd)), Order)
    os.set_inheritable(int(fd), False)
    order = _await_launch(control)
    plan = order.plan
    if os.path.isdir(plan.workdir):
        os.chdir(plan.workdir)
    _guard(order, control, int(owner), 'forkserver', lambda: _preload(plan))


def _preload(plan: Plan) -> PodMain | None:
    """Import what forked pods will need, if there are any: all others import it themselves."""
    if all(spec.start_method != 'forkserver' for spec in plan.pods):
        return None
    sys.path[:] = plan.sys_path
    main = _pod_main({})
    for name in plan.preload:
        importlib.import_module(name)
    gc.freeze()
    return main


def _pod_main(objects: Objects) -> PodMain:
    main: PodMain = importlib.import_module(_PODS).forked(objects)
    return main


def _await_launch(control: Pipe) -> Launch:
    while not control.ended:
        control.wait(None)
        for order in control.receive():
            if isinstance(order, Launch):
                return order
    os._exit(1)  # the owner is gone


def _guard(order: Launch, control: Pipe, owner: int, forkable: str, main: Callable[[], PodMain | None]) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)  # Ctrl-C in a terminal is for the owner
        process.become_subreaper()
        process.set_title('mproc_flow')
        sweep()
        forked_main = main()
        run = RunDirectory()
        nursery = Nursery(order, run.path, forkable, forked_main)
        Guardian(order.plan, control, owner, run, nursery).run()
        code = 0
    except Exception as error:  # told to the owner: nobody above could see it
        text = traceback.format_exc()
        cause = f'raised {type(error).__name__}: {error}'
        failure = PodFailure('guardian', os.getpid(), 'starting', cause, text)
        control.send_all(NotStarted((failure,)), timeout=1.0)
        os.write(2, text.encode())
    finally:
        os._exit(code)
