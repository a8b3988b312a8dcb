"""Who is at the other end: the client's true address, which nobody can choose by sending a header."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def client_address(request: HttpRequest) -> str:
    """The address that the connection came from; behind trusted proxies, the one that the outermost of them saw. "" without any.

    `X-Forwarded-For` is read from its end and only as far as settings.TRUSTED_PROXIES wrote it: what stands before that is
    the client's own claim. (django-ipware knows proxies by count or by text prefix, not by network, hence these lines.)
    """
    found = _parse(str(request.META.get("REMOTE_ADDR", "")))
    claims = request.headers.get("X-Forwarded-For", "").split(",")
    while claims and found is not None and _is_trusted(found):
        before = _parse(claims.pop())
        if before is None:
            break
        found = before
    return str(found or "")


def client_network(request: HttpRequest) -> str:
    """The address by which clients are counted. Whoever has one IPv6 address has its whole /64, so that counts as one."""
    found = _parse(client_address(request))
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False).network_address)
    return str(found or "")


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _parse(text: str) -> Address | None:
    """An address, also with a port as some proxies write it. An IPv4 address in IPv6 clothes is that IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
