"""Stands in for Jina: what ``import jina`` finds where the folder above this one is on the module search path."""

from mproc_flow.compat.aliases import serve as _serve

_serve(__name__)
