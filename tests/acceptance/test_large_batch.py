"""100,000 items through a batch script, one in a thousand failing: errors collected, order kept, true exit code."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.programs import Programs
from tests.support.waiting import took

SCRIPT = """\
import json
import sys

from mproc_flow import Document, Executor, Flow, requests

COUNT = 100_000


class Work(Executor):
    @requests
    def work(self, docs, **kwargs):
        for doc in docs:
            if int(doc.text) % 1000 == 500:
                raise ValueError(f'cannot do {doc.text}')
            doc.text += '!'


if __name__ == '__main__':
    failed = []
    with Flow(start_method='forkserver').add(uses=Work, replicas=2) as f:
        items = (Document(text=str(number)) for number in range(COUNT))
        docs = f.post('/', items, request_size=int(sys.argv[1]), results_in_order=True, on_error=failed.append)
    done = [doc.text for doc in docs]
    errors = [(response.docs[0].text, response.docs[-1].text, response.header.status.exception.args[0])
              for response in failed]
    print(json.dumps([done, errors]))
    print('last result', flush=True)
    sys.exit(3 if failed else 0)
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize('size', [1, 50])
def test_errors_are_collected_in_order_and_the_exit_code_is_true(programs: Programs, size: int) -> None:
    """By item where a request has one, else by request, whose Documents tell what to send again."""
    program = programs.script(SCRIPT, str(size))
    code = program.wait(150)
    took('end of a batch script', 2.0, time.monotonic() - program.moment('^last result'))
    assert code == 3, program.text[-2000:]
    done, errors = json.loads(next(line for line in program.texts('out') if line.startswith('[')))
    lost = {bad - bad % size: bad for bad in range(500, 100_000, 1000)}  # by the first number of its request
    assert done == [f'{number}!' for number in range(100_000) if number - number % size not in lost]
    assert errors == [[f'{first}', f'{first + size - 1}', f'cannot do {bad}'] for first, bad in lost.items()]
