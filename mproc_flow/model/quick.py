"""A quick check whether the encoder takes Documents and parameters as they are, which nearly always it does."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import astuple

from mproc_flow.model.document import Document, More
from mproc_flow.model.score import NamedScore

# Lists and dicts inside each other; deeper ones contain themselves, or would not fit the stack of the receiver.
MAX_DEPTH = 100
# Chunks and matches inside each other, for the same reasons.
MAX_LEVELS = 32
# A blob from this size up gets a frame of its own.
BLOB_FRAME_FROM = 64 * 1024

_KEYS = frozenset({str, int})
_TEXT_KEYS = frozenset({str})
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, np.ndarray, np.bool_, np.float16, np.float32, np.float64})
_PLAIN |= {np.dtype(code).type for code in 'bBhHiIlLqQ'}

_TEXT = frozenset({type(None), str})
_INTEGER = frozenset({type(None), int})
_NUMBER = frozenset({type(None), int, float})


def is_plain_document(doc: Any, level: int = 0) -> bool:
    """Say quickly whether the encoder takes this Document as it is."""
    if type(doc) is not Document:
        return False
    key, text, blob, tensor, embedding, uri, mime_type, tags, more = astuple(doc)
    return (
        type(key) is str
        and (text is None or type(text) is str)
        and (blob is None or (type(blob) is bytes and len(blob) < BLOB_FRAME_FROM))
        and (tensor is None or type(tensor) is np.ndarray)
        and (embedding is None or type(embedding) is np.ndarray)
        and (uri is None or type(uri) is str)
        and (mime_type is None or type(mime_type) is str)
        and type(tags) is dict
        and (not tags or _is_plain_dict(tags, 1))
        and (more is None or _is_plain_more(more, level))
    )


def _is_plain_more(more: More, level: int) -> bool:
    chunks, matches, scores, evaluations, *others = astuple(more)
    weight, parent_id, granularity, adjacency, modality, location, offset = others
    return (
        _NUMBER.issuperset((type(weight), type(offset)))
        and _TEXT.issuperset((type(parent_id), type(modality)))
        and _INTEGER.issuperset((type(granularity), type(adjacency)))
        and (location is None or (type(location) is list and _NUMBER.issuperset(map(type, location))))
        and (chunks is None or _are_plain_documents(chunks, level + 1))
        and (matches is None or _are_plain_documents(matches, level + 1))
        and (not scores or _are_plain_scores(scores))
        and (not evaluations or _are_plain_scores(evaluations))
    )


def _are_plain_documents(docs: list[Any], level: int) -> bool:
    return level <= MAX_LEVELS and all(is_plain_document(doc, level) for doc in docs)


def _are_plain_scores(scores: dict[Any, Any]) -> bool:
    return _TEXT_KEYS.issuperset(map(type, scores)) and all(
        type(score) is NamedScore
        and type(score.value) in _NUMBER
        and _TEXT.issuperset(map(type, (score.op_name, score.description, score.ref_id)))
        for score in scores.values()
    )


def is_plain_parameters(parameters: Any) -> bool:
    """Say quickly whether the encoder takes these parameters as they are."""
    return type(parameters) is dict and _TEXT_KEYS.issuperset(map(type, parameters)) and _is_plain_dict(parameters, 1)


def _is_plain_dict(values: dict[Any, Any], depth: int) -> bool:
    for key, value in values.items():
        if type(key) not in _KEYS or (type(value) not in _PLAIN and not _is_plain_container(value, depth)):
            return False
    return True


def _is_plain_container(value: Any, depth: int) -> bool:
    if depth >= MAX_DEPTH:
        return False
    if type(value) is dict:
        return _is_plain_dict(value, depth + 1)
    if type(value) is not list and type(value) is not tuple:
        return False
    # In a list of many values, a set meets their types faster than a loop does.
    if _PLAIN.issuperset(map(type, value)):
        return True
    return all(type(item) in _PLAIN or _is_plain_container(item, depth + 1) for item in value)
