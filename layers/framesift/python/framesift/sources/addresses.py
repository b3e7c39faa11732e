"""Which addresses on the network a URL from outside may lead to."""

from __future__ import annotations

import ipaddress

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Python 3.11's `is_global` is true for some of these, and no version knows others; each has led to an inside host.
_REFUSED: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # RFC 6598: carriers' and clouds' own networks.
        "168.63.129.16/32",  # Azure's host, on a public address.
        "192.0.0.0/24",  # RFC 6890: protocol assignments, NAT64 discovery.
        "192.88.99.0/24",  # RFC 7526: the way into 6to4.
        "198.18.0.0/15",  # RFC 2544: benchmarks.
        "224.0.0.0/3",  # Multicast, reserved, broadcast.
        "2001::/23",  # RFC 2928: Teredo, ORCHID and others.
        "2001:db8::/32",
        "2002::/16",  # RFC 3056: 6to4 carries an IPv4 address.
        "3fff::/20",  # RFC 9637: documentation.
    )
)
# RFC 4291: all unicast addresses assigned so far. NAT64 (64:ff9b::/96), mapped, local and multicast lie outside.
_ASSIGNED = ipaddress.IPv6Network("2000::/3")


def is_public(text: str) -> bool:
    """Whether an IP address belongs to a host on the public internet, and embeds no other address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _ASSIGNED:
        return False
    return address.is_global and not any(address in network for network in _REFUSED)
