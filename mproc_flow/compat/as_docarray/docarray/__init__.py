"""Stands in for docarray where that is not installed; see the module ``jina`` beside it."""

from mproc_flow.compat.aliases import serve as _serve

_serve(__name__)
