"""Finding a path: order, gaps, strangers, namesakes and forged signatures."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from tests.support.chains.entry import NO_ROOT, RIGHT, Entry
from tests.support.chains.forge import (
    HOST,
    Certified,
    Form,
    authority,
    ladder,
    leaf,
    new_key,
    root,
    usage,
)
from tests.support.chains.surgery import damaged


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    yield from _order(now)
    yield from _gaps(now)
    yield from _strangers(now)
    yield from _names_of_issuers(now)
    yield from _key_identifiers(now)
    yield from _forgeries(now)


def _order(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    low, middle, high = ladder(top, 3)
    direct, end = leaf(top), leaf(low)
    yield Entry(
        "leaf of the root itself",
        "no intermediate at all",
        (direct,),
        (top,),
        RIGHT,
        "the root is its issuer",
        now,
    )
    yield Entry(
        "three intermediates in order",
        "nothing: the plain case",
        (end, low, middle, high),
        (top,),
        RIGHT,
        "each is the issuer of the one before",
        now,
    )
    yield Entry(
        "intermediates in reverse",
        "the order that RFC 5246 asks for is not kept",
        (end, high, middle, low),
        (top,),
        RIGHT,
        "the path is found among them in any order",
        now,
    )
    yield Entry(
        "root sent along",
        "one certificate more than is needed",
        (end, low, middle, high, top),
        (top,),
        RIGHT,
        "what is sent beside a path does not break it",
        now,
    )
    yield Entry(
        "leaf sent twice",
        "a server configured with the leaf in both of its files",
        (end, end, low, middle, high),
        (top,),
        RIGHT,
        "a repeated certificate is dropped",
        now,
    )
    strangers = [root(f"Stranger {number}") for number in range(3)]
    yield Entry(
        "strangers in between", "certificates of others among those of the path",
        (end, strangers[0], high, strangers[1], low, strangers[2], middle), (top,), RIGHT,
        "they certify nothing on the path", now,
    )  # fmt: skip


def _gaps(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    low, _, high = ladder(top, 3)
    end = leaf(low)
    yield Entry(
        "missing intermediate",
        "a server that sends its leaf alone",
        (end,),
        (top,),
        NO_ROOT,
        "nothing leads from the leaf to the root, and nothing is fetched",
        now,
    )
    yield Entry(
        "missing middle", "one of three intermediates is left out", (end, low, high), (top,),
        NO_ROOT, "the path has a gap", now,
    )  # fmt: skip


def _strangers(now: datetime) -> Iterator[Entry]:
    top, other = root("Root"), root("Other Root")
    issuer = authority(other, "Issuing CA")
    yield Entry(
        "unknown root",
        "a whole chain, of a root that nobody trusts",
        (leaf(issuer), issuer),
        (top,),
        NO_ROOT,
        "its root is not among ours",
        now,
    )
    yield Entry(
        "unknown root sent along",
        "the chain brings its own root",
        (leaf(issuer), issuer, other),
        (top,),
        NO_ROOT,
        "a root is not trusted for being sent",
        now,
    )
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    uses = usage("digital_signature", "key_cert_sign")
    alone = root(HOST, Form(extras=((names, False), uses)))
    yield Entry(
        "self-signed leaf",
        "a certificate that vouches for itself",
        (alone,),
        (top,),
        NO_ROOT,
        "it is its own root, and not among ours",
        now,
    )
    yield Entry(
        "self-signed leaf among the roots",
        "a leaf that is a root",
        (alone,),
        (top, alone),
        RIGHT,
        "it was made a root on purpose",
        now,
    )
    named = authority(top, "Issuing CA")
    yield Entry(
        "only an intermediate among the roots", "trust that begins in the middle",
        (leaf(named), named), (named,), NO_ROOT, "a path ends at a root, as for the Edge", now,
    )  # fmt: skip


def _names_of_issuers(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    issuer = authority(top, "Issuing CA Of Europe")
    spelt = leaf(issuer.under("issuing  ca of EUROPE "))
    yield Entry(
        "issuer in other letters",
        "case and spaces of the issuer's name differ",
        (spelt, issuer),
        (top,),
        RIGHT,
        "RFC 5280, section 7.1, takes them for the same",
        now,
    )
    printable = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "Root", _ASN1Type.PrintableString)]
    )
    yield Entry(
        "issuer in another string type",
        "PrintableString here, UTF8String there",
        (leaf(top.under(printable)),),
        (top,),
        RIGHT,
        "the characters are what is compared",
        now,
    )
    yield Entry(
        "issuer of another name",
        "the right key under a name one letter off",
        (leaf(top.under("Roots")),),
        (top,),
        NO_ROOT,
        "an issuer is found by its name",
        now,
    )
    nameless = root("")
    yield Entry(
        "root without a name",
        "empty subject and issuer",
        (leaf(nameless),),
        (nameless,),
        RIGHT,
        "OpenSSL compares empty names like others",
        now,
    )
    rolled = authority(top, "Root")
    yield Entry(
        "root's next key under its own name", "a self-issued certificate that is not self-signed",
        (leaf(rolled), rolled), (top,), RIGHT, "the old key vouches for the new one", now,
    )  # fmt: skip


def _key_identifiers(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    issuer, namesake = (authority(top, "Issuing CA") for _ in range(2))
    end = leaf(issuer)
    yield Entry(
        "namesake before the issuer",
        "two intermediates of one name, the wrong one first",
        (end, namesake, issuer),
        (top,),
        RIGHT,
        "the key identifier tells them apart",
        now,
    )
    bare = Form(without=(x509.SubjectKeyIdentifier,), identified=False)
    blind, twin = (authority(top, "Issuing CA", bare) for _ in range(2))
    unnamed = leaf(blind)
    yield Entry(
        "namesake before the issuer, without identifiers",
        "nothing but the signature tells them apart",
        (unnamed, twin, blind),
        (top,),
        RIGHT,
        "the signature does fit the second",
        now,
    )
    yield Entry(
        "leaf without key identifier",
        "authorityKeyIdentifier is missing",
        (unnamed, blind),
        (top,),
        RIGHT,
        "it is a hint that a path can do without",
        now,
    )
    wrong = x509.AuthorityKeyIdentifier.from_issuer_public_key(new_key().public_key())
    yield Entry(
        "key identifier of another key",
        "the signature fits, the hint does not",
        (leaf(issuer, form=Form(extras=((wrong, False),))), issuer),
        (top,),
        NO_ROOT,
        "OpenSSL, and so the Edge, takes the hint at its word",
        now,
    )
    serial = x509.AuthorityKeyIdentifier(
        None, [x509.DirectoryName(top.subject)], x509.random_serial_number()
    )
    yield Entry(
        "key identifier of another serial number", "the hint names issuer and serial, wrongly",
        (leaf(issuer, form=Form(extras=((serial, False),))), issuer), (top,), NO_ROOT,
        "OpenSSL, and so the Edge, takes the hint at its word", now,
    )  # fmt: skip


def _forgeries(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    forger = new_key()
    yield Entry(
        "leaf signed by another key",
        "right name, right identifier, forged signature",
        (leaf(issuer, form=Form(signer=forger)), issuer),
        (top,),
        NO_ROOT,
        "the signature is not the issuer's",
        now,
    )
    forged = authority(top, "Issuing CA", Form(signer=forger))
    yield Entry(
        "intermediate signed by another key",
        "a CA that the root never certified",
        (leaf(forged), forged),
        (top,),
        NO_ROOT,
        "the signature is not the root's",
        now,
    )
    yield Entry(
        "damaged signature of the leaf",
        "one bit turned over",
        (damaged(leaf(issuer)), issuer),
        (top,),
        NO_ROOT,
        "the signature fits no more",
        now,
    )
    broken: Certified = damaged(issuer)
    yield Entry(
        "damaged signature of the intermediate",
        "one bit turned over",
        (leaf(broken), broken),
        (top,),
        NO_ROOT,
        "the signature fits no more",
        now,
    )
    yield Entry(
        "damaged before the sound one",
        "a broken copy of the issuer comes first",
        (leaf(issuer), broken, issuer),
        (top,),
        RIGHT,
        "the sound copy leads to the root",
        now,
    )
    yield Entry(
        "namesake of the root",
        "a root of the right name and another key",
        (leaf(issuer), issuer),
        (root("Root"),),
        NO_ROOT,
        "a name alone is no trust",
        now,
    )
    yield Entry(
        "namesake among the roots", "two roots of one name, the wrong one first",
        (leaf(issuer), issuer), (root("Root"), top), RIGHT, "both are tried", now,
    )  # fmt: skip
