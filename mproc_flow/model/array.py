"""The DocumentArray under the name of what it is; it and the Document need each other and live in one module."""

from mproc_flow.model.document import ChunkArray, DocumentArray, MatchArray, trusted

__all__ = ['ChunkArray', 'DocumentArray', 'MatchArray', 'trusted']
