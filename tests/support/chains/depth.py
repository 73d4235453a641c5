"""Size: long chains, many look-alikes, and certificates that are large."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509

from tests.support.chains.entry import NO_ROOT, RIGHT, Entry
from tests.support.chains.forge import (
    HOST,
    Form,
    authority,
    basic,
    ladder,
    leaf,
    root,
    unknown,
)

_NOBODY_KNOWS = "1.3.6.1.4.1.55555.2"
_TOO_MANY = "a chain is cut after ten intermediates, and this one needs more"


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    yield from _long(now)
    yield from _many(now)
    yield from _alike(now)
    yield from _large(now)


def _long(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    for steps in (8, 10):
        rungs = ladder(top, steps)
        yield Entry(
            f"{steps} intermediates", "longer than any public chain", (leaf(rungs[0]), *rungs),
            (top,), RIGHT, "no step is missing", now,
        )  # fmt: skip
    for steps in (11, 40):
        rungs = ladder(top, steps)
        yield Entry(
            f"{steps} intermediates", "more than are looked at", (leaf(rungs[0]), *rungs), (top,),
            NO_ROOT, _TOO_MANY, now,
        )  # fmt: skip
    steep = [
        authority(top, "Step 1", Form(extras=(basic(ca=True, path_length=8),))),
    ]
    for number in range(2, 10):
        form = Form(extras=(basic(ca=True, path_length=9 - number),))
        steep.insert(0, authority(steep[0], f"Step {number}", form))
    yield Entry(
        "nine path lengths that count down", "each step may go one less far",
        (leaf(steep[0]), *steep), (top,), RIGHT, "each is just long enough", now,
    )  # fmt: skip


def _many(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    end = leaf(issuer)
    strangers = [root(f"Stranger {number}") for number in range(100)]
    yield Entry(
        "a hundred strangers after the issuer",
        "much that is not needed",
        (end, issuer, *strangers),
        (top,),
        RIGHT,
        "the issuer is among the first",
        now,
    )
    yield Entry(
        "a hundred strangers before the issuer",
        "the issuer is sent last",
        (end, *strangers, issuer),
        (top,),
        RIGHT,
        "what is on no way to a root is left out before the chain is cut",
        now,
    )
    namesakes = [root("Issuing CA") for _ in range(100)]
    yield Entry(
        "a hundred namesakes before the issuer",
        "each might be the issuer by its name",
        (end, *namesakes, issuer),
        (top,),
        RIGHT,
        "one alone has signed the leaf",
        now,
    )
    crossed = [authority(it, "Issuing CA", Form(key=issuer.key)) for it in strangers]
    yield Entry(
        "a hundred forgotten roots before the known one",
        "each has certified the very CA that the leaf is of",
        (end, *crossed, issuer),
        (top,),
        RIGHT,
        "one alone of the ways leads to a root",
        now,
    )
    yield Entry(
        "the issuer a hundred times", "one certificate over and over", (end, *[issuer] * 100),
        (top,), RIGHT, "a repeated certificate is dropped", now,
    )  # fmt: skip


def _alike(now: datetime) -> Iterator[Entry]:
    loop = root("Loop")
    alike = [authority(loop, "Loop", Form(key=loop.key)) for _ in range(10)]
    yield Entry(
        "ten that all fit each other",
        "3,628,800 orders to try",
        (leaf(loop), *alike),
        (root("Loop"),),
        NO_ROOT,
        "none of them leads to the root",
        now,
    )
    one, other = root("One"), root("Other")
    ones = [authority(other, "One", Form(key=one.key)) for _ in range(5)]
    others = [authority(one, "Other", Form(key=other.key)) for _ in range(5)]
    yield Entry(
        "five and five that certify each other",
        "a way round and round by ten certificates",
        (leaf(one), *ones, *others),
        (root("One"), root("Other")),
        NO_ROOT,
        "the roots are namesakes, and no way leads to them",
        now,
    )
    top = root("Root")
    bare = Form(without=(x509.SubjectKeyIdentifier,), identified=False)
    namesakes = [authority(top, "Issuing CA", bare) for _ in range(10)]
    yield Entry(
        "ten of one name, the last the issuer",
        "nothing but the signature tells them apart",
        (leaf(namesakes[-1]), *namesakes),
        (top,),
        RIGHT,
        "the signature does fit the last",
        now,
    )
    roots = [root("Root") for _ in range(20)]
    yield Entry(
        "twenty roots of one name", "all of them might be the issuer",
        (leaf(roots[7]),), tuple(roots), RIGHT, "the eighth is", now,
    )  # fmt: skip


def _large(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    names = [f"host-{number}.example-of-a-rather-long-domain-name.test" for number in range(1500)]
    yield Entry(
        "1,500 names",
        "a certificate of 80 KiB",
        (leaf(top, (*names, HOST)),),
        (top,),
        RIGHT,
        "OpenSSL takes a chain of up to 100 KiB",
        now,
    )
    heavy = Form(extras=(unknown(_NOBODY_KNOWS, b"\x04\x82\xea\x60" + bytes(60_000)),))
    issuer = authority(top, "Issuing CA", heavy)
    yield Entry(
        "intermediate of 60 KiB",
        "an extension full of nothing",
        (leaf(issuer), issuer),
        (top,),
        RIGHT,
        "what is not critical may be left aside",
        now,
    )
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, f"Unit {n}") for n in range(300)]
    )
    yield Entry(
        "a subject of 300 parts", "a name longer than a screen",
        (leaf(top, subject=subject),), (top,), RIGHT, "the subject names no host", now,
    )  # fmt: skip
