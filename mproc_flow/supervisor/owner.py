"""The owner's side of a running Flow: starts the Guardian, hears what it says, and stops it within bounds."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
import traceback
import weakref
from collections.abc import Callable

from mproc_flow.crossing import fail_to_start, from_info
from mproc_flow.errors import (
    FlowFailed,
    MprocFlowError,
    PodDied,
    PodFailure,
    RuntimeFailToStart,
)
from mproc_flow.logs import FlowLog
from mproc_flow.supervisor import control, reaper, rundir, signals
from mproc_flow.supervisor.launch import PACKAGE, Cargo, launch
from mproc_flow.supervisor.pod import loss
from mproc_flow.topology.plan import GATEWAY, Plan
from mproc_flow.transport.pipe import Pipe

_ABORT_BOUND = 2.5
_KILL_BOUND = 1.0
_STOP_MARGIN = 0.7
# A signal that comes just before a wait does not end it: so long may a Ctrl-C be unheard.
_GLANCE = 0.2

_open_controls: weakref.WeakSet[Pipe] = weakref.WeakSet()


def _close_controls() -> None:
    # A copy of the owner's end in a fork of the owner would hide the owner's death from the Guardian.
    for pipe in list(_open_controls):
        pipe.close()


os.register_at_fork(after_in_child=_close_controls)


class Supervision:
    """One run of a Plan, seen from the process that started it.

    Args:
        plan: What to run.
        cargo: What the user gave as objects.
        log: Where messages for people go.

    Attributes:
        run_directory: Path of the private directory, empty until the Guardian made it.
        address: Address for clients from outside, empty if there is none.
    """

    def __init__(self, plan: Plan, cargo: Cargo, log: FlowLog) -> None:
        self._plan = plan
        self._cargo = cargo
        self._log = log
        self._changed = threading.Condition()
        self._status = {spec.name: control.PodStatus(spec.name, 0, 'planned', '', 0) for spec in plan.pods}
        self._losses: dict[str, PodFailure] = {}
        self._listeners: list[Callable[[], None]] = []
        self._launched = self._started = False
        self._stop_asked = False
        self._not_started: tuple[PodFailure, ...] | None = None
        self._stopped: control.Stopped | None = None
        self._ended = False
        self.run_directory = ''
        self.address = ''
        self._failure: tuple[str, PodFailure | None] | None = None

    @property
    def guardian_pid(self) -> int:
        """Pid of the Guardian."""
        return self._guardian

    @property
    def failure(self) -> FlowFailed | None:
        """Why the Flow cannot serve any more, or None; each caller gets an exception of its own to raise."""
        if self._failure is None:
            return None
        message, pod_failure = self._failure
        error = FlowFailed(message)
        if pod_failure is not None:
            error.__cause__ = PodDied(str(pod_failure), pod_failure)
        return error

    @property
    def pods(self) -> tuple[control.PodStatus, ...]:
        """What is known of each pod, in the order of the Plan."""
        with self._changed:
            return tuple(self._status.values())

    def launch(self) -> None:
        """Begin to start everything: what has to happen in the thread whose memory forked pods get."""
        try:
            with signals.held_back():
                self._guardian, sock = launch(self._plan, self._cargo)
                self._control = Pipe(sock, control.Notice)
                _open_controls.add(self._control)
                self._thread = threading.Thread(target=self._listen, name=f'{PACKAGE}-{self._plan.flow}', daemon=True)
                self._thread.start()
                self._launched = True
        except BaseException:
            if self._launched:  # a Ctrl-C, for instance: nobody else knows that the Guardian runs
                self.stop(min(1.0, self._grace()))
            raise

    def await_start(self) -> None:
        """Wait until everything is ready.

        Raises:
            RuntimeFailToStart: Something did not start; all that did is down again.
        """
        try:
            self._await_start()
        except BaseException:
            self.stop(min(1.0, self._grace()))
            raise

    def stop(self, grace: float | None = None) -> None:
        """Bring everything down, within ``grace`` seconds (default: the longest ``timeout_ctrl``) plus one.

        A KeyboardInterrupt while it waits kills everything at once, and is raised again afterwards.
        """
        self._stop_asked = True
        grace = self._grace() if grace is None else grace
        self._control.send(control.StopFlow(grace))
        interrupt = None
        try:
            self._await_end(grace + _STOP_MARGIN)
        except KeyboardInterrupt as error:
            interrupt = error
            self.kill()
            self._await_end(_KILL_BOUND)
        self._bury()
        if interrupt is not None:
            raise interrupt

    def kill(self) -> None:
        """Make a :meth:`stop` that is under way, in another thread, end at once."""
        self._control.send(control.KillFlow())

    def listen(self, callback: Callable[[], None]) -> None:
        """Call back, from the control thread, when the Flow has failed or ended; what is called must not wait."""
        with self._changed:
            self._listeners.append(callback)
            over = self._ended or self._failure is not None
        if over:
            callback()

    def unlisten(self, callback: Callable[[], None]) -> None:
        """Undo :meth:`listen`."""
        with self._changed, contextlib.suppress(ValueError):
            self._listeners.remove(callback)

    def explain_gateway_loss(self, wait: float) -> MprocFlowError | None:
        """Say why the gateway's connection is gone; wait up to so many seconds until the Guardian has told."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._failure or self._ended or GATEWAY in self._losses), wait)
            if self._failure is not None:
                return self.failure
            failure = self._losses.get(GATEWAY)
        return from_info(loss(failure)) if failure is not None else None

    # ---- waiting ----

    def _await_start(self) -> None:
        begin = time.monotonic()
        pause = 1.0
        while not self._wait(lambda: self._started or self._not_started is not None or self._ended, pause):
            self._log.say(logging.INFO, self._progress(time.monotonic() - begin))
            pause = min(2 * pause, 30.0)
        if self._started:
            return
        if self._not_started is None:
            raise self.failure or RuntimeFailToStart(f'{self._plan.flow} was stopped while it started')
        self._await_end(_ABORT_BOUND)
        raise fail_to_start(self._plan.flow, self._not_started)

    def _progress(self, seconds: float) -> str:
        waiting = [pod for pod in self.pods if pod.state != 'ready']
        names = ', '.join(f'{pod.name} ({pod.phase or pod.state})' for pod in waiting)
        return f'{self._plan.flow}: waiting for {names} since {seconds:.0f} s'

    def _await_end(self, bound: float) -> bool:
        return self._wait(lambda: self._ended, bound)

    def _wait(self, condition: Callable[[], bool], bound: float) -> bool:
        end = time.monotonic() + bound
        with self._changed:
            while not (met := condition()) and time.monotonic() < end:
                self._changed.wait(min(end - time.monotonic(), _GLANCE))
            return met

    def _grace(self) -> float:
        return max(spec.timeout_ctrl for spec in self._plan.pods)

    # ---- the control thread ----

    def _listen(self) -> None:
        while not self._control.ended:
            self._control.wait(None)
            for notice in self._control.receive():
                self._hear(notice)
        self._hear_end()

    def _hear(self, notice: control.Notice) -> None:
        if isinstance(notice, control.LogLine):
            self._hear_line(notice)
            return
        with self._changed:
            if isinstance(notice, control.PodStatus):
                self._status[notice.name] = notice
            elif isinstance(notice, control.RunDirectory):
                self.run_directory = notice.path
            elif isinstance(notice, control.Started):
                self._started, self.address = True, notice.address
            elif isinstance(notice, control.NotStarted):
                self._not_started = notice.failures
            elif isinstance(notice, control.Stopped):
                self._stopped = notice
            self._changed.notify_all()
        if isinstance(notice, control.PodLoss):
            self._hear_loss(notice)

    def _hear_line(self, line: control.LogLine) -> None:
        try:
            if line.stream == 'log':
                self._log.pod_record(line.pod, line.pid, line.level, line.logger, line.text)
            else:
                self._log.pod_line(line.pod, line.pid, line.stream, line.text)
        except Exception:  # the application's logging; this thread must go on whatever happens in there
            traceback.print_exc()

    def _hear_loss(self, lost: control.PodLoss) -> None:
        with self._changed:
            self._losses[lost.failure.pod] = lost.failure
            if lost.fatal and self._failure is None:
                why = f'{self._plan.flow} cannot serve any more, {lost.failure.pod} kept dying. Last: {lost.failure}'
                self._failure = (why, lost.failure)
            self._changed.notify_all()
        if not self._stop_asked:
            again = 'it stays down' if lost.next_start < 0 else f'next start in {lost.next_start:.1f} s'
            self._log.say(logging.ERROR, f'{self._plan.flow}: {lost.failure}; {again}')
        self._call_listeners(lost.fatal)

    def _hear_end(self) -> None:
        with self._changed:
            self._failure = self._failure or self._end_unasked()
        if self._stopped is None:
            self._kill_rest()
        with contextlib.suppress(ChildProcessError):  # the program reaps its children itself
            os.waitpid(self._guardian, 0)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._call_listeners(True)

    def _end_unasked(self) -> tuple[str, None] | None:
        """Say why the Guardian ended, if nobody had told it to."""
        if self._stopped is None:
            return f'the Guardian of {self._plan.flow} (pid {self._guardian}) is gone; all it ran was ended', None
        if self._stop_asked or self._not_started is not None:
            return None
        return f'{self._plan.flow} was ended by a signal to its Guardian', None

    def _call_listeners(self, over: bool) -> None:
        with self._changed:  # all the while: who unlistens then is called no more
            for callback in self._listeners if over else ():
                callback()

    # ---- the end ----

    def _kill_rest(self) -> None:
        """Do the Guardian's last work in its place: it was killed."""
        alive = [pod.pid for pod in self.pods if pod.pid and pod.state not in ('stopped', 'failed', 'backoff')]
        reaper.kill_groups(alive, _KILL_BOUND)
        if self.run_directory:
            rundir.clean_up(self.run_directory)

    def _bury(self) -> None:
        if not self._ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._guardian, signal.SIGKILL)
            self._await_end(_KILL_BOUND)
        self._thread.join(_KILL_BOUND)
        _open_controls.discard(self._control)
        self._control.close()
        if self._stopped is not None and self._stopped.killed:
            self._log.say(logging.WARNING, f'{self._plan.flow}: had to kill {", ".join(self._stopped.killed)}')
