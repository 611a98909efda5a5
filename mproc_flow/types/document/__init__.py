"""Documents, and generators of them."""

from mproc_flow.model.document import Document, DocumentArray
from mproc_flow.model.score import NamedScore

__all__ = ['Document', 'DocumentArray', 'NamedScore']
