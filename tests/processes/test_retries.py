"""What a Flow does with the work of a process that died."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from mproc_flow import Document, DocumentArray, Flow, errors, requests
from tests.support.contexts import Task
from tests.support.executors import Recorded, Slow, notes
from tests.support.flows import kill_pod
from tests.support.waiting import eventually, let_pass


class Poisoned(Recorded):
    """Dies of one text."""

    @requests(retryable=True)
    def work(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Die of ``poison``."""
        for doc in docs:
            self.note(doc.text or '-')
            if doc.text == 'poison':
                os.kill(os.getpid(), signal.SIGKILL)


def test_a_request_that_killed_two_processes_is_not_tried_again(record: str) -> None:
    """The others, some of which died with it, have their answers; the error names both deaths."""
    with Flow().add(uses=Poisoned, replicas=2, uses_with={'record': record}) as f:
        poison = Task(lambda: f.post('/', Document(text='poison')))
        healthy = f.post('/', [Document(text='good') for _ in range(200)], request_size=1)
        with pytest.raises(errors.PoisonedRequest, match=r'2 processes died(.|\n)*SIGKILL(.|\n)*SIGKILL'):
            poison.join(20)
    assert len(healthy) == 200
    assert len(notes(record, 'poison')) == 2


@pytest.mark.parametrize('retries', [0, -1])
def test_retries_says_how_often_work_is_given_again(record: str, retries: int) -> None:
    """What waits in a process that is killed goes to the next one, unless no retries are left."""
    with Flow().add(uses=Slow, retries=retries, uses_with={'seconds': 1.0, 'record': record}) as f:
        tasks = [Task(lambda: f.post('/', Document())) for _ in range(2)]
        eventually(lambda: notes(record, 'begin'), 10, 'one of them is begun')
        let_pass(0.3)  # the other one is at the same process by now, and nothing tells
        kill_pod(f, 'executor0/rep-0')
        ends = sorted(_end(task) for task in tasks)
    assert ends == (['PodDied', 'answer'] if retries else ['PodDied', 'PodDied'])
    assert len(notes(record, 'begin')) == (2 if retries else 1)


def _end(task: Task) -> str:
    try:
        task.join(20)
    except errors.MprocFlowError as error:
        return type(error).__name__
    return 'answer'
