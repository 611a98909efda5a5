"""The kind of the address to listen on."""

from __future__ import annotations

import ipaddress
from typing import Any

from mproc_flow.options.kinds import Scalar

_NEEDS_KEYS = 'listening off loopback needs keys, and comes with a later version'


class Loopback(Scalar, frozen=True):
    """A loopback address; ``localhost`` is kept as 127.0.0.1."""

    accepts = "a loopback address such as '127.0.0.1'"

    def check(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise self.refuse(value)
        if value.lower() == 'localhost':
            return '127.0.0.1'
        if not _is_loopback(value):
            raise self.refuse(value, _NEEDS_KEYS)
        return value


def tcp_address(host: str, port: int) -> str:
    """Return the address of a port; port 0 stands for any that is free."""
    return f'tcp://{f"[{host}]" if ":" in host else host}:{port or "*"}'


def _is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback if address.version == 4 else text == '::1'
