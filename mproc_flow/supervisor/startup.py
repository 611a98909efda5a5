"""When a start has succeeded, and when it has failed: all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mproc_flow.errors import PodFailure
from mproc_flow.supervisor.lifecycle import State
from mproc_flow.supervisor.pod import Pod
from mproc_flow.supervisor.timers import Timers
from mproc_flow.topology.edges import mismatches
from mproc_flow.topology.plan import Route

# Others usually fail for the same reason: wait for them, so that the error names them too.
_SETTLE = 0.5
_SETTLE_OVERDUE = 0.05  # they have had their time


class Startup:
    """Watches the pods of a start until all are ready and the gateway has heard of it, or one is not going to be.

    Args:
        routes: The graph, along which the typed documents of the Executors have to fit.
        pods: All pods.
        timers: Where deadlines are set.
        succeed: Called once when all are ready.
        fail: Called once, with every failure, when the start is given up.

    Attributes:
        succeeded: All were ready.
        failed: The start was given up.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        pods: Sequence[Pod],
        timers: Timers,
        succeed: Callable[[], None],
        fail: Callable[[tuple[PodFailure, ...]], None],
    ) -> None:
        self._routes = routes
        self._pods = pods
        self._gateway = next(pod for pod in pods if pod.is_gateway)
        self._timers = timers
        self._succeed = succeed
        self._fail = fail
        self._heard: dict[str, int] = {}
        self._failing = False
        self.succeeded = False
        self.failed = False

    def gateway_began(self) -> None:
        """A process of the gateway is ready: what another one had heard does not count."""
        self._heard.clear()

    def was_heard(self, pod: str, generation: int) -> None:
        """The gateway gives work to this process of a pod."""
        self._heard[pod] = generation
        self.became_ready()

    def became_ready(self) -> None:
        """A pod is ready, or the gateway has heard of one."""
        if not self.succeeded and not self.failed and all(map(self._serves, self._pods)):
            self._conclude()
        self._give_up_if_all_answered()

    def _conclude(self) -> None:
        failures = self._misfits()
        if failures:
            self.failed = True
            self._fail(failures)
        else:
            self.succeeded = True
            self._succeed()

    def _misfits(self) -> tuple[PodFailure, ...]:
        """Say which Executors would get typed documents that do not fit."""
        pods = {pod.spec.deployment: pod for pod in reversed(self._pods) if pod.schemas}
        found = mismatches(self._routes, {node: pod.schemas or {} for node, pod in pods.items()})
        return tuple(
            PodFailure(pods[node].name, pods[node].pid, pods[node].phase, '\n    '.join(sentences))
            for node, sentences in found.items()
        )

    def stays_down(self, pod: Pod) -> None:
        """A pod failed for good."""
        if not self.succeeded and not self._failing:
            self._failing = True
            self._timers.after(_SETTLE if pod.stacks is None else _SETTLE_OVERDUE, self._give_up)
        self._give_up_if_all_answered()

    def overdue(self, pod: Pod) -> None:
        """A pod had its time: if it is ready, the start may wait for a gateway that hangs, but no longer."""
        generations = (pod.generation, self._gateway.generation)
        self._timers.after(_SETTLE, lambda: self._give_up_gateway(pod, generations))

    def _give_up_gateway(self, pod: Pod, generations: tuple[int, int]) -> None:
        gateway = self._gateway
        unheard = pod.state is gateway.state is State.READY and not self._serves(pod)
        if unheard and generations == (pod.generation, gateway.generation) and not self.succeeded and not self.failed:
            self.failed = True
            limit = pod.spec.timeout_ready
            cause = f'did not hear of {pod.name}, which is ready, within its {limit:g} s (timeout_ready)'
            self._fail((PodFailure(gateway.name, gateway.pid, gateway.phase, cause),))

    def _serves(self, pod: Pod) -> bool:
        heard = pod.is_gateway or self._heard.get(pod.name) == pod.generation
        return heard and pod.state is State.READY

    def _give_up_if_all_answered(self) -> None:
        if self._failing and all(pod.state is not State.STARTING for pod in self._pods):
            self._give_up()

    def _give_up(self) -> None:
        if not self.failed:
            self.failed = True
            failed = [pod.failure for pod in self._pods if pod.state is State.FAILED]
            self._fail(tuple(failure for failure in failed if failure is not None))
