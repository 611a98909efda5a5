"""What becomes of the work that a dead process held."""

from __future__ import annotations

from mproc_flow.errors import ErrorInfo, PoisonedRequest
from mproc_flow.runtime.routing import Job, Pod

# Work that was alone with a process when it died, after one had died of it before, will not get a third.
_MOST_DEATHS = 2


def fate(job: Job, pod: Pod, info: ErrorInfo, begun: bool) -> ErrorInfo | None:
    """Say with which error a piece of work ends, or None if it is to be given to a process again.

    Args:
        job: The work; what had been begun is under suspicion from now on.
        pod: Who had it.
        info: Why the process is gone.
        begun: Whether it had begun.
    """
    if begun and (job.delivered or not pod.retries(job.request.endpoint)):
        return info
    if begun:
        job.deaths = (*job.deaths, info)
        if len(job.deaths) >= _MOST_DEATHS:
            return _poisoned(job, info)
    return info if 0 <= job.lane.node.route.retries < job.times else None


def _poisoned(job: Job, last: ErrorInfo) -> ErrorInfo:
    causes = '; then '.join(death.message for death in job.deaths)
    text = f'the request is not tried again, {len(job.deaths)} processes died while they worked on it: {causes}'
    return ErrorInfo(PoisonedRequest.code, text, pod=last.pod, failure=last.failure)
