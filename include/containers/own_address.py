"""The address of this container that a host is reached from: ``python3 own_address.py HOST[:PORT]``.

A container in several networks has an address in each, and must announce the one that its cluster can reach.
"""

from __future__ import annotations

import socket
import sys


def own_address(host: str) -> str:
    """The IPv4 address on the network of ``host``.

    Raises:
        OSError: there is no such host, or no way to it.
    """
    name, _, port = host.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # sends nothing: it only chooses the way
        probe.connect((name, int(port or 9)))
        address: str = probe.getsockname()[0]
    return address


if __name__ == "__main__":
    try:
        print(own_address(sys.argv[1]))
    except (OSError, ValueError) as error:
        sys.exit(
            f"start: {sys.argv[1]} is not reached from this container ({error}): is it running, in the same network?"
        )
