"""Documents nested in others."""

import numpy as np
import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document


def ids(docs):
    assert type(docs) is DocumentArray
    return ''.join(doc.id for doc in docs)


@pytest.fixture
def nested():
    def doc(name):
        chunks = [Document(id=f'{name}c{at}', text='c') for at in range(3)]
        match = Document(id=f'{name}m', chunks=[Document(id=f'{name}mc')])
        return Document(id=name, chunks=chunks, matches=[match])

    return DocumentArray([doc('a'), doc('b')])


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        ('r', 'a b'),
        ('c', 'ac0 ac1 ac2 bc0 bc1 bc2'),
        ('m', 'am bm'),
        ('mc', 'amc bmc'),
        ('cm', ''),
        ('rc', 'ac0 ac1 ac2 bc0 bc1 bc2'),
        ('r,m', 'a b am bm'),
        (' r , m c', 'a b amc bmc'),
        ('m,m', 'am bm am bm'),
        ('c[0]', 'ac0 bc0'),
        ('c0', 'ac0 bc0'),
        ('c[-1]', 'ac2 bc2'),
        ('c[1:]', 'ac1 ac2 bc1 bc2'),
        ('c[::2]', 'ac0 ac2 bc0 bc2'),
        ('c-2:', 'ac1 ac2 bc1 bc2'),
        ('r[0]c[:2]', 'ac0 ac1'),
        ('r[5]', ''),
    ],
)
def test_ways_into_nested_documents(nested, path, expected):
    found = nested[f'@{path}']
    assert [doc.id for doc in found] == expected.split()
    assert nested.traverse_flat(path) == found
    assert [doc for part in nested.traverse(path) for doc in part] == found
    assert nested[f'@{path}', 'id'] == expected.split()


@pytest.mark.parametrize('path', ['', 'x', 'r,', ',r', 'c[0', 'c[0,1]', 'c]', 'c[a]', 'c[1:2:3:4]', '[0]', '.[x]'])
def test_what_is_no_way(nested, path):
    with pytest.raises(ValueError, match='no way into nested Documents: r, c'):
        nested[f'@{path}']
    with pytest.raises(ValueError, match='no way'):
        list(nested.traverse_flat_per_path(path))


def test_sets_of_nested_documents(nested):
    assert [ids(part) for part in nested.traverse('m,mc')] == ['am', 'bm', 'amc', 'bmc']
    assert [ids(part) for part in nested.traverse_flat_per_path('m,mc')] == ['ambm', 'amcbmc']
    wanted = nested.traverse_flat('c', filter_fn=lambda doc: doc.id.endswith('1'))
    assert ids(wanted) == 'ac1bc1'
    assert [len(part) for part in nested.traverse('c', lambda doc: False)] == [0, 0]
    with pytest.raises(TypeError, match='not list'):
        nested.traverse_flat(['r'])


def test_all_levels(nested):
    expected = 'ac0 ac1 ac2 amc am a bc0 bc1 bc2 bmc bm b'.split()
    assert nested[..., 'id'] == nested.flatten()[:, 'id'] == expected
    assert nested.flatten()[:, 'id'] == expected
    nested.append(nested[0])
    assert nested[..., 'id'] == expected
    nested[0].matches[0].matches.append(nested[0])  # contains itself
    assert len(nested.flatten()) == 12


def test_fields_of_nested_documents_are_set(nested):
    nested['@c', 'text'] = list('123456')
    nested['@m', 'weight'] = 2
    nested['@r', 'embedding'] = np.eye(2)
    assert nested[1].chunks.texts == list('456')
    assert nested['@m', 'weight'] == [2, 2]
    assert nested[1].embedding.tolist() == [0, 1]
    assert nested['@r[0]c', ['id', 'text']] == [['ac0', 'ac1', 'ac2'], list('123')]
