"""The name that is met, held against the name constraints of a path (RFC 5280, section 4.2.1.10).

OpenSSL holds every name that stands in a leaf against them. A name that is met through an asterisk
stands in none: `*.example.com` is not below `bar.example.com`, and covers it all the same.
"""

from collections.abc import Iterable
from ipaddress import ip_address

_OID = bytes.fromhex("0603551d1e")  # 2.5.29.30, as DER


def breach(authorities: Iterable[bytes], host: str) -> str | None:
    """Why CAs (DER) with these constraints cannot have certified `host`, a clause; None: they can.

    What cannot be read is left to OpenSSL, and so are addresses, for which there is no asterisk.
    """
    constrained = [der for der in authorities if _OID in der]
    if not constrained or _is_address(host):
        return None
    from cryptography import x509  # noqa: PLC0415  ten mebibytes, for few chains

    name = host.lower().rstrip(".")
    for der in constrained:
        try:
            extensions = x509.load_der_x509_certificate(der).extensions
            limits = extensions.get_extension_for_class(x509.NameConstraints).value
        except Exception:  # noqa: BLE001, S112  hostile bytes raise more than is documented
            continue
        permitted, excluded = (
            [it.value.lower() for it in trees or () if isinstance(it, x509.DNSName)]
            for trees in (limits.permitted_subtrees, limits.excluded_subtrees)
        )
        if permitted and not any(_is_below(name, it) for it in permitted):
            return f"a CA of its path may not certify {host}"
        if any(_is_below(name, it) for it in excluded):
            return f"a CA of its path is barred from certifying {host}"
    return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_below(name: str, domain: str) -> bool:
    """As OpenSSL has it: a leading dot, which RFC 5280 does not know here, leaves the name out."""
    return not domain or name == domain or name.endswith(f".{domain.removeprefix('.')}")
