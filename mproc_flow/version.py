"""The version of mproc_flow, stated once; the packaging metadata reads it from here."""

__version__ = '0.1.0'
