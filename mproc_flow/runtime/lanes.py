"""Gives work to pods: by credit, fair between clients, and what is under suspicion alone."""

from __future__ import annotations

import itertools

from mproc_flow.runtime.deadlines import Deadlines
from mproc_flow.runtime.routing import Job, Lane, Pod
from mproc_flow.runtime.sends import Outbox, Peer, ToPod
from mproc_flow.transport.frames import Hello, Work
from mproc_flow.transport.started import SLOTS


class Lanes:
    """All work that waits or is at a pod.

    Work waits only where no pod takes more: whoever changes that calls :meth:`dispatch`.

    Args:
        times: What is the time.
        out: Takes what is to be sent.
        first_key: Number of the first piece of work.
    """

    def __init__(self, times: Deadlines, out: Outbox, first_key: int) -> None:
        self._times = times
        self._out = out
        self._keys = itertools.count(first_key)
        self._peers: dict[Peer, Pod] = {}

    def pod(self, peer: Peer) -> Pod | None:
        """Give the pod whose process this is."""
        return self._peers.get(peer)

    def join(self, pod: Pod, peer: Peer, hello: Hello) -> None:
        """A process of a pod takes work from now on."""
        if pod.peer != peer:
            self._peers.pop(pod.peer, None)
        pod.peer, pod.generation, pod.present, pod.lost = peer, hello.generation, True, None
        pod.endpoints, pod.retryable = frozenset(hello.endpoints), frozenset(hello.retryable)
        self._peers[peer] = pod
        self.grant(pod, hello.credit)
        for mate in pod.lane.node.mates:
            mate.lacking.clear()

    def grant(self, pod: Pod, credit: int) -> None:
        """Set how much work a pod may have."""
        most = credit if pod.lane.node.route.address else min(credit, SLOTS)
        pod.credit = max(1, most)

    def leave(self, pod: Pod) -> list[Job]:
        """A pod's process is gone: give what it held, in the order in which it got it."""
        self._peers.pop(pod.peer, None)
        jobs, pod.held, pod.slots = list(pod.held.values()), {}, []
        pod.present = pod.alone = False
        for job in jobs:
            job.pod, job.parts = None, ()
        return jobs

    def put(self, job: Job) -> None:
        """Give a piece of work to a pod, or let it wait for one."""
        lane = job.lane
        if not lane.queue.length:
            pod = lane.free_pod()
            if pod is not None:
                self._give(pod, job)
                return
        lane.queue.put(job, job.request.caller.client)

    def put_again(self, job: Job) -> None:
        """Let a piece of work wait whose pod is gone: it is next, or if it is under suspicion waits for a pod alone."""
        if job.deaths:
            job.waiting = True
            job.lane.suspects.appendleft(job)
        else:
            job.lane.queue.put_first(job)

    def take(self, peer: Peer, key: int) -> Job | None:
        """Take what a pod says that it has done; None if it has no such work."""
        pod = self._peers.get(peer)
        job = pod.held.pop(key, None) if pod is not None else None
        if pod is None or job is None:
            return None
        pod.slots.append(job.slot)
        if pod.alone:
            pod.alone = False
        job.pod, job.parts = None, ()
        return job

    def drop(self, job: Job) -> None:
        """Nobody wants this any more, wherever it is."""
        if job.pod is not None:
            self._out.withdraw(job.pod.peer, job.key)
        elif job.waiting and job.deaths:
            job.waiting = False
            job.lane.suspects.remove(job)
        elif job.waiting:
            job.lane.queue.drop(job)

    def clear(self, lane: Lane) -> list[Job]:
        """Take all that waits in a lane."""
        jobs = [*lane.suspects, *lane.queue.clear()]
        lane.suspects.clear()
        for job in jobs:
            job.waiting = False
        return jobs

    def dispatch(self, lane: Lane) -> None:
        """Give what waits in a lane to the pods that take more."""
        if lane.suspects or lane.cell is not None:
            self._isolate(lane)
        queue = lane.queue
        while queue.length:
            pod = lane.free_pod()
            job = queue.pop() if pod is not None else None
            if pod is None or job is None:
                return
            self._give(pod, job)
        if lane.suspects:
            self._isolate(lane)

    def _isolate(self, lane: Lane) -> None:
        """Give what is under suspicion to pods that have nothing, and keep one for it while there is none.

        While other work waits it has one pod at a time.
        """
        cell, lane.cell = lane.cell, None
        while lane.suspects:
            others = [pod for pod in lane.pods if pod.present and not pod.alone]
            tried = any(pod.present and pod.alone for pod in lane.pods)
            if not others or (tried and lane.queue.length):
                return
            pod = min(others, key=lambda pod: (len(pod.held), pod is not cell))
            if pod.held:
                lane.cell = None if tried else pod
                return
            job = lane.suspects.popleft()
            job.waiting = False
            pod.alone = True
            self._give(pod, job)

    def _give(self, pod: Pod, job: Job) -> None:
        key = next(self._keys)
        job.pod, job.key, job.times = pod, key, job.times + 1
        job.slot = pod.slots.pop() if pod.slots else len(pod.held)
        pod.held[key] = job
        request, route = job.request, job.lane.node.route
        arrived = [request.answers[need] for need in route.needs]
        groups: tuple[int, ...] = ()
        shards: tuple[int, ...] = ()
        if route.apart and len(arrived) > 1:
            groups = tuple(len(answer) for answer in arrived)
        elif route.apart:
            shards = request.asked[route.needs[0]]
            groups = (1,) * len(shards)
        job.parts = [part for answer in arrived for part in answer] if len(arrived) > 1 else arrived[0]
        if route.timeout_send:
            self._times.add_job(job)
        # What is beside the way is done for its own sake, not for somebody who waits.
        deadline = 0.0 if route.side else request.deadline
        window = request.window if job.streams else 0
        work = Work(key, request.endpoint, groups, shards, job.slot, deadline, window)
        self._out.sends.append(ToPod(pod.peer, work, job.parts))
