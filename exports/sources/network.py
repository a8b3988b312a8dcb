"""Which addresses sources may lie at: decided when a reader connects, of the address that it then connects to.

A name is resolved once, each of its addresses is checked, and the driver is given those addresses: a name that changes its
meaning in between (DNS rebinding), or a number written in an unusual way, gains nothing. Private networks are where databases
live. What is refused: this machine itself (in production), link-local addresses, where clouds answer questions about
themselves, and addresses that are nobody's. settings.SOURCE_NETWORKS (STRONGROOM_SOURCE_NETWORKS) allows more.
Webhooks may go to public addresses only (`is_public`; exports/services/posting.py).
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from sqlalchemy.engine import URL

from exports.sources.base import ConnectionLost, SourceError

Address = IPv4Address | IPv6Address

# Metadata services that clouds keep at addresses which are not link-local: Alibaba, Azure, AWS, Oracle.
_METADATA = [ip_network(text) for text in ("100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128", "192.0.0.192/32")]
_NAT64 = [ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")]
LOCAL = ip_address("127.0.0.1")


def checked_addresses(url: URL) -> list[str]:
    """The addresses of the URL's host, in the resolver's order. Raises SourceError if one of them may not be a source's.

    Empty for a Unix socket (`?host=/folder`), which counts as this machine.
    """
    if "host" in url.query:
        if url.host:
            raise SourceError("The URL names both a host and a Unix socket.")
        _check(LOCAL, "a Unix socket")
        return []
    if not url.host:
        raise SourceError("The URL names no host.")
    found = _resolve(url.host, url.port)
    for address in found:
        _check(address, url.host)
    return [str(address) for address in found]


def _resolve(host: str, port: int | None) -> list[Address]:
    try:
        return resolve(host, port)
    except UnicodeError:
        raise SourceError("The URL's host name cannot be read.") from None
    except OSError:
        raise ConnectionLost(f"The host {host} was not found.") from None


def resolve(host: str, port: int | None) -> list[Address]:
    """What the machine's resolver makes of the host, each address once, in its order. Raises UnicodeError, OSError."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(address) for address in dict.fromkeys(str(answer[4][0]) for answer in answers)]


def is_public(address: Address) -> bool:
    """Whether it lies in the internet, and so does each address that it stands for."""
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return not site_local and all(face.is_global and not _is_refused(face) for face in faces(address))


def faces(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses that it stands for if it is one of IPv6."""
    return [address, *_inside(address)]


def _check(address: Address, host: str) -> None:
    if any(face in network for face in faces(address) for network in settings.SOURCE_NETWORKS):
        return
    if any(_is_refused(face) for face in faces(address)):
        raise SourceError(
            f"{host} is in a network that sources may not use. Whoever runs this server can allow it with STRONGROOM_SOURCE_NETWORKS."
        )


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return []
    teredo = address.teredo[1] if address.teredo else None
    nat64 = IPv4Address(int(address) & 0xFFFFFFFF) if any(address in network for network in _NAT64) else None
    return [face for face in (address.ipv4_mapped, address.sixtofour, teredo, nat64) if face is not None]


def _is_refused(address: Address) -> bool:
    nobodys = address.is_link_local or address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved
    return nobodys or address in ip_network("0.0.0.0/8") or any(address in network for network in _METADATA)
