"""What a URI stands for, as far as nothing has to be fetched: files of this machine and data URIs."""

from __future__ import annotations

import binascii
from urllib.parse import unquote_to_bytes, urlsplit


def read(uri: str | None) -> bytes:
    """Read what a URI stands for: a path, ``file:///...`` or ``data:...``.

    Raises:
        OSError: The file cannot be read.
        ValueError: There is no URI, it is broken, or it would have to be fetched.
    """
    if not uri:
        raise ValueError('the Document has no uri: set it to a path or a data URI first')
    scheme = urlsplit(uri).scheme.lower()
    if scheme == 'data':
        return _data(uri)
    if scheme == 'file':
        return _file(unquote_to_bytes(urlsplit(uri).path).decode())
    if scheme and '://' in uri:
        raise ValueError(f'{uri!r:.100} is not of this machine, and nothing is fetched: download it, or set blob')
    return _file(uri)


def _file(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read()


def _data(uri: str) -> bytes:
    head, comma, body = uri.partition(',')
    if not comma:
        raise ValueError(f'{uri!r:.60} is no data URI: there is no comma before its data')
    data = unquote_to_bytes(body)
    if not head.lower().endswith(';base64'):
        return data
    try:
        return binascii.a2b_base64(data)
    except binascii.Error as error:
        raise ValueError(f'{uri!r:.60} is no data URI: {error}') from None
