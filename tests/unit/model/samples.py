"""What the tests of the codec share."""

import math

import numpy as np

from mproc_flow.model.codec import decode, encode
from mproc_flow.model.document import Document
from mproc_flow.model.score import NamedScore

DTYPES = ['?', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8', 'g', 'c8', 'c16', 'G']
DTYPES += ['>i2', '>u8', '>f2', '>f8', '>c16', 'M8[ns]', 'M8[D]', '>M8[25s]', 'm8[us]', 'M8']


def array_of(dtype, shape):
    values = np.arange(math.prod(shape)) % 100
    return values.astype('i8').reshape(shape).astype(np.dtype(dtype))


def travel(docs, parameters=None):
    """Send through bytes, as a socket does."""
    return decode([bytes(frame) for frame in encode(docs, parameters or {})])


SIMPLE = {
    'weight': 0.5,
    'parent_id': 'p',
    'granularity': 2,
    'adjacency': 3,
    'modality': 'image',
    'location': [1.0, 2.0],
    'offset': 4.5,
}


def full():
    """A Document with most fields, and others nested in it."""
    return Document(
        id='full',
        text='t',
        tensor=np.arange(3),
        tags={'k': [1]},
        chunks=[Document(id='c', chunks=[Document(id='cc', text='deep')])],
        matches=[Document(id='m')],
        scores={'s': 0.5},
        evaluations={'e': NamedScore(1.0, 'op', 'words', 'ref')},
        **SIMPLE,
    )
