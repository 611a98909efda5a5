"""The Guardian: the one process per start that is the parent of every pod and supervises them.

It has a single thread, never runs user code, and waits in one selector for pipes, signals, the owner's death and
the nearest deadline. It owns the run directory and removes it at its end, whatever that end was.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

import msgspec

from mproc_flow.errors import PodFailure
from mproc_flow.runtime import messages
from mproc_flow.supervisor import reaper, signals
from mproc_flow.supervisor.control import (
    KillFlow,
    LogLine,
    NotStarted,
    PodLoss,
    RunDirectory as RunDirectoryNotice,
    Started,
    StopFlow,
    Stopped,
)
from mproc_flow.supervisor.lifecycle import Do, Event, State
from mproc_flow.supervisor.linefeed import LineFeed
from mproc_flow.supervisor.loop import Loop
from mproc_flow.supervisor.nursery import Nursery
from mproc_flow.supervisor.pod import Output, Pod, loss
from mproc_flow.supervisor.rundir import RunDirectory
from mproc_flow.supervisor.shutdown import Shutdown, kill_strays
from mproc_flow.supervisor.startup import Startup
from mproc_flow.topology.plan import Plan
from mproc_flow.transport.pipe import Pipe

_ABORT_GRACE = 1.0
_ORPHAN_GRACE = 1.2  # when the owner is dead; all must be gone 2 s after it
_SIGTERM_GRACE = 5.0
_STACKS_GRACE = 0.1


class Guardian:
    """Runs one Plan.

    Args:
        plan: What to run.
        control: Pipe to the owner.
        owner: Pid of the owner.
        run: The run directory, which the Guardian removes at its end.
        nursery: Starts pods' processes.
    """

    def __init__(self, plan: Plan, control: Pipe, owner: int, run: RunDirectory, nursery: Nursery) -> None:
        self._control = control
        self._run_directory = run
        self._nursery = nursery
        self._pods = [Pod.of(spec) for spec in plan.pods]
        self._gateway = next(pod for pod in self._pods if pod.is_gateway)
        self._loop = Loop()
        self._timers = self._loop.timers
        self._startup = Startup(plan.routes, self._pods, self._timers, self._on_started, self._on_start_failed)
        self._shutdown = Shutdown(self._pods, self._timers, lambda pod: self._feed(pod, Event.STOP))
        self._address = ''
        self._lines = LineFeed(control)
        self._wake = signals.make_readable()
        self._loop.watch(self._wake, self._on_signal)
        self._loop.watch(control, self._on_control)
        self._owner = reaper.open_pidfd(owner)
        if self._owner is not None:
            self._loop.watch(self._owner, self._on_owner_gone)

    def run(self) -> None:
        """Start the pods, and supervise them until everything is down."""
        try:
            self._control.send(RunDirectoryNotice(self._run_directory.path))
            for pod in self._pods:
                self._feed(pod, Event.LAUNCH)
            self._on_control()  # what came together with the Launch has been read, and no descriptor tells of it
            while not self._shutdown.is_done():
                self._loop.wait()
        finally:
            self._end()

    # ---- the owner ----

    def _on_control(self) -> None:
        for order in self._control.receive():
            if isinstance(order, StopFlow):
                self._shutdown.begin(order.grace, drain=True)
            elif isinstance(order, KillFlow):
                self._shutdown.begin(0.0, drain=False)
        if self._control.ended:
            self._on_owner_gone()

    def _on_owner_gone(self) -> None:
        self._loop.unwatch(self._control)
        if self._owner is not None:
            self._loop.unwatch(self._owner)
        self._shutdown.begin(_ORPHAN_GRACE, drain=False)

    def _on_signal(self) -> None:
        if signal.SIGTERM in os.read(self._wake, 4096):
            self._shutdown.begin(_SIGTERM_GRACE, drain=True)
        self._on_children()

    # ---- pods ----

    def _feed(self, pod: Pod, event: Event) -> None:
        for do in pod.life.handle(event, time.monotonic()):
            self._instructions[do](self, pod)
        self._show(pod)

    def _show(self, pod: Pod) -> None:
        self._control.send(pod.status)

    def _spawn(self, pod: Pod) -> None:
        self._nursery.start(pod, [*self._loop.filenos(), self._run_directory.fileno()])
        if pod.pipe is not None:
            self._loop.watch(pod.pipe, self._pipe_reader(pod))
        for output in pod.outputs:
            self._loop.watch(output, self._output_reader(pod, output))
        if pod.spec.timeout_ready is not None:
            generation = pod.generation
            self._timers.after(pod.spec.timeout_ready, lambda: self._on_overdue(pod, generation))

    def _kill(self, pod: Pod) -> None:
        pod.kill()

    def _stop(self, pod: Pod) -> None:
        if pod.pipe is not None:
            pod.pipe.send(messages.Stop())

    def _wait_for_restart(self, pod: Pod) -> None:
        def restart() -> None:
            if pod.state is State.BACKOFF:
                self._feed(pod, Event.BACKOFF_OVER)

        self._timers.after(pod.life.restart_at - time.monotonic(), restart)

    def _give_up(self, pod: Pod) -> None:
        self._startup.stays_down(pod)

    _instructions: dict[Do, Callable[[Guardian, Pod], None]] = {  # noqa: RUF012
        Do.SPAWN: _spawn,
        Do.KILL: _kill,
        Do.STOP: _stop,
        Do.WAIT: _wait_for_restart,
        Do.GIVE_UP: _give_up,
    }

    def _on_started(self) -> None:
        self._control.send(Started(self._address))

    def _on_start_failed(self, failures: tuple[PodFailure, ...]) -> None:
        if not self._shutdown.begun:
            self._control.send(NotStarted(failures))
            self._shutdown.begin(_ABORT_GRACE, drain=False)

    def _on_overdue(self, pod: Pod, generation: int) -> None:
        self._startup.overdue(pod)
        if pod.state is not State.STARTING or pod.generation != generation or not pod.pid:
            return
        pod.ask_for_stacks()
        self._timers.after(_STACKS_GRACE, lambda: self._on_stacks(pod, generation))

    def _on_stacks(self, pod: Pod, generation: int) -> None:
        if pod.state is not State.STARTING or pod.generation != generation or not pod.pid:
            return
        stopped = ', stopped by a signal' if pod.is_stopped() else ''
        limit = pod.spec.timeout_ready
        pod.cause = f'was not ready after {limit:g} s (timeout_ready){stopped}; it was killed'
        pod.traceback = '\n'.join(pod.stacks or ())
        self._feed(pod, Event.OVERDUE)

    # ---- what pods say ----

    def _pipe_reader(self, pod: Pod) -> Callable[[], None]:
        def read() -> None:
            if pod.pipe is None:
                return
            try:
                for report in pod.pipe.receive():
                    self._on_report(pod, report)
            except msgspec.DecodeError as error:  # user code wrote to a descriptor it does not own
                pod.cause = f'wrote what is no message to its pipe ({error}); it was killed'
                self._loop.unwatch(pod.pipe)
                pod.kill()
            if pod.pipe is not None and pod.pipe.ended:
                self._loop.unwatch(pod.pipe)

        return read

    def _on_report(self, pod: Pod, report: messages.Report) -> None:
        if isinstance(report, messages.Phase | messages.Batches):
            pod.told(report)
            self._show(pod)
        elif isinstance(report, messages.Ready):
            self._on_ready(pod, report)
        elif isinstance(report, messages.StartFailed):
            pod.cause, pod.traceback = report.cause, report.traceback
            self._feed(pod, Event.START_FAILED)
        elif isinstance(report, messages.LogRecord):
            self._lines.forward(LogLine(pod.name, pod.pid, 'log', report.level, report.logger, report.text))
        elif isinstance(report, messages.Heard):
            self._startup.was_heard(report.pod, report.generation)
        elif isinstance(report, messages.Drained):
            self._shutdown.stop_pods()

    def _on_ready(self, pod: Pod, report: messages.Ready) -> None:
        pod.phase, pod.schemas = 'ready', report.schemas
        self._feed(pod, Event.BECAME_READY)
        if pod.is_gateway:
            self._address = report.address
            self._nursery.keep_port(report.address)
            self._startup.gateway_began()
            self._introduce_gateway(self._pods)
        elif self._gateway.generation > 0:  # the Hello may have gone to one that is no more
            self._introduce_gateway([pod])
        self._startup.became_ready()

    def _introduce_gateway(self, pods: Sequence[Pod]) -> None:
        for pod in pods:
            if pod.state is State.READY and not pod.is_gateway and pod.pipe is not None:
                pod.pipe.send(messages.Announce(messages.first_key(self._gateway.generation)))
            elif pod.state is State.FAILED and pod.failure is not None:
                self._tell_gateway(pod, final=True)

    def _output_reader(self, pod: Pod, output: Output) -> Callable[[], None]:
        def read() -> None:
            lines, ended = output.lines()
            for line in lines:
                self._on_line(pod, output.stream, line)
            if ended:
                self._loop.unwatch(output)

        return read

    def _on_line(self, pod: Pod, stream: str, line: str) -> None:
        if pod.wrote(stream, line):
            self._lines.forward(LogLine(pod.name, pod.pid, stream, 0, '', line))

    # ---- the end of pods ----

    def _on_children(self) -> None:
        for pid in reaper.exited_children():
            pod = next((pod for pod in self._pods if pod.pid == pid), None)
            if pod is None:
                reaper.reap(pid)
            else:
                self._on_exit(pod)

    def _on_exit(self, pod: Pod) -> None:
        reaper.kill_group(pod.pid)
        pod.drain(self._on_line, self._on_report)
        self._abandon(pod)
        pod.died(reaper.reap(pod.pid))
        self._feed(pod, Event.EXITED)
        if pod.state is State.BACKOFF or (pod.state is State.FAILED and self._startup.succeeded):
            self._on_loss(pod)
        if pod.is_gateway and self._shutdown.begun:
            self._shutdown.stop_pods()  # nobody is left who could say that it is drained
        if self._shutdown.begun and pod.state is State.BACKOFF:
            self._feed(pod, Event.STOP)

    def _on_loss(self, pod: Pod) -> None:
        if pod.failure is None:
            return
        final = pod.state is State.FAILED
        if not pod.is_gateway:
            self._tell_gateway(pod, final)
        siblings = [other for other in self._pods if other.spec.deployment == pod.spec.deployment]
        fatal = all(other.state is State.FAILED for other in siblings)
        delay = max(0.0, pod.life.restart_at - time.monotonic())
        self._control.send(PodLoss(pod.failure, fatal, -1.0 if final else delay))

    def _tell_gateway(self, pod: Pod, final: bool) -> None:
        if self._gateway.pipe is not None and pod.failure is not None:
            self._gateway.pipe.send(messages.PodLost(pod.name, pod.generation, loss(pod.failure), final))

    def _abandon(self, pod: Pod) -> None:
        if pod.pipe is not None:
            self._loop.unwatch(pod.pipe)
            pod.pipe.close()
        for output in pod.outputs:
            self._loop.unwatch(output)
            os.close(output.fd)

    # ---- the Guardian's own end ----

    def _end(self) -> None:
        for pod in self._pods:  # there are none, unless an error of our own brought us here
            pod.kill()
        kill_strays()
        self._run_directory.remove()
        self._control.send_all(Stopped(tuple(self._shutdown.killed)), timeout=1.0)
