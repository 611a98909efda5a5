"""Flows and Executors from YAML, and what an Executor knows about itself."""

import os

from jina import Document, Executor, Flow, requests

FLOW = """\
jtype: Flow
version: '1'
with:
  name: shop
executors:
  - name: greeter
    uses: Greeter
    uses_with:
      greeting: ${{ ENV.GREETING }}
      times: ${{ CONTEXT.times }}
  - name: other
    uses: Greeter
    uses_metas:
      name: renamed
    uses_requests:
      /hello: about
    replicas: 2
"""

EXECUTOR = """\
jtype: Greeter
with:
  greeting: from a file
metas:
  name: filed
"""


class Greeter(Executor):
    def __init__(self, greeting='hello', times=1, **kwargs):
        super().__init__(**kwargs)
        self.greeting, self.times = greeting, times

    @requests(on='/greet')
    def greet(self, docs, **kwargs):
        for doc in docs:
            doc.text = ' '.join([self.greeting] * self.times + [doc.text])

    @requests(on='/about')
    def about(self, docs, **kwargs):
        args = self.runtime_args
        name = args.name.partition('-')[0]
        for doc in docs:
            doc.tags[self.metas.name] = f'{name} shard {args.shard_id} of {args.shards}, {args.replicas} replicas'


def show(docs):
    for doc in docs:
        print(doc.text, sorted(doc.tags.items()))


if __name__ == '__main__':
    os.environ['GREETING'] = 'good day'
    f = Flow.load_config(FLOW, context={'times': 2})
    with f:
        for endpoint in ('/greet', '/about', '/hello'):
            show(f.post(endpoint, Document(text='you')))
    with open('greeter.yml', 'w') as file:
        file.write(EXECUTOR)
    with Flow().add(uses='greeter.yml', uses_with={'times': 3}) as f:
        show(f.post('/greet', Document(text='me')))
        show(f.post('/about', Document(text='me')))
    with Greeter('hi') as greeter:
        document = Document(text='hand')
        greeter.greet([document])
        print(document.text, greeter.metas.name, greeter.workspace)
