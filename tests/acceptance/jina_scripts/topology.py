"""Branches, joins and replicas."""

from jina import Document, DocumentArray, Executor, Flow, requests


class Mark(Executor):
    def __init__(self, field='text', value='', **kwargs):
        super().__init__(**kwargs)
        self.field, self.value = field, value

    @requests
    def mark(self, docs, **kwargs):
        for doc in docs:
            setattr(doc, self.field, f'{getattr(doc, self.field) or ""}{self.value}')
        return None


class Merge(Executor):
    @requests
    def merge(self, docs_matrix, **kwargs):
        texts = sorted(docs[0].text for docs in docs_matrix)
        return DocumentArray([Document(text='+'.join(texts))])


def build():
    return (
        Flow(name='graph')
        .add(name='start', uses=Mark, uses_with={'value': 's'}, replicas=2)
        .add(name='left', uses=Mark, uses_with={'field': 'mime_type', 'value': 'l/l'}, needs='start')
        .add(name='right', uses=Mark, uses_with={'field': 'uri', 'value': 'r'}, needs='start')
    )


if __name__ == '__main__':
    joined = build().needs(['left', 'right'], name='joined').add(name='end', uses=Mark, uses_with={'value': 'e'})
    with joined as f:
        print(f.num_deployments, [name for name, _ in f if name != 'gateway'])
        for doc in f.post('/', [Document(text=str(number)) for number in range(3)], request_size=10):
            print(doc.text, doc.mime_type, doc.uri)
        (doc,) = f.post('/', Document(text='t'), target_executor='start|end')
        print(doc.text, doc.mime_type or '', doc.uri or '')
    both = (
        Flow()
        .add(name='a', uses=Mark, uses_with={'value': 'A'}, needs='gateway')
        .add(name='b', uses=Mark, uses_with={'value': 'B'}, needs='gateway')
        .add(name='merge', uses=Merge, needs=['a', 'b'], disable_reduce=True)
    )
    with both:
        (doc,) = both.post('/', Document(text='x'))
        print(doc.text)
    with Flow().add().add().needs_all() as f:
        print(f.num_deployments, f.post('/', Document(text='through'))[0].text)
    f.add(name='later')
    print(f.num_deployments, f['executor0'].name, f[1].name)
