"""Cross-signed CAs: several paths, of which some lead nowhere."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.chains.entry import NO_ROOT, OUT_OF_TIME, RIGHT, Entry
from tests.support.chains.forge import (
    Certified,
    Form,
    authority,
    basic,
    leaf,
    new_key,
    purposes,
    root,
    rsa_key,
)

_YEAR = timedelta(days=365)


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    yield from _two_roots(now)
    yield from _in_time(now)
    yield from _loops(now)
    yield from _better_second(now)
    yield from _other_ways(now)


def _again(issuer: Certified, subject: Certified, form: Form | None = None) -> Certified:
    """Certify a CA's name and key once more, under another issuer."""
    form = form or Form()
    return authority(issuer, subject.subject, Form(
        key=subject.key, not_before=form.not_before, not_after=form.not_after,
        without=form.without, extras=form.extras, hash=form.hash, signer=form.signer,
    ))  # fmt: skip


def _two_roots(now: datetime) -> Iterator[Entry]:
    old, new = root("Old Root"), root("New Root")
    issuer = authority(new, "Issuing CA")
    crossed, end = _again(old, issuer), leaf(issuer)
    yield Entry(
        "both roots known",
        "an intermediate with two issuers",
        (end, crossed, issuer),
        (old, new),
        RIGHT,
        "either path is right",
        now,
    )
    yield Entry(
        "forgotten root first",
        "the first path leads to a root that is no longer known",
        (end, crossed, issuer),
        (new,),
        RIGHT,
        "the second path is right",
        now,
    )
    yield Entry(
        "forgotten root second",
        "the same two paths the other way round",
        (end, issuer, crossed),
        (new,),
        RIGHT,
        "the first path is right",
        now,
    )
    bridge = _again(old, new)
    yield Entry(
        "new root known through the old one",
        "the store is older than the root",
        (end, issuer, bridge),
        (old,),
        RIGHT,
        "the old root certifies the new one",
        now,
    )
    yield Entry(
        "bridge that is not needed",
        "a way to an older root is sent, too",
        (end, issuer, bridge),
        (new,),
        RIGHT,
        "a known root ends the path before the bridge",
        now,
    )
    forgotten = root("Forgotten Root")
    decoys = [_again(root(f"Forgotten Root {number}"), issuer) for number in range(8)]
    yield Entry(
        "eight forgotten roots first",
        "a way among nine that leads home",
        (end, *decoys, issuer),
        (new,),
        RIGHT,
        "the ninth path is right",
        now,
    )
    high = authority(new, "Policy CA")
    low = authority(high, "Issuing CA")
    yield Entry(
        "forgotten root two steps up", "the fork is above the issuer",
        (leaf(low), low, _again(forgotten, high), high), (new,), RIGHT,
        "the second path from the fork is right", now,
    )  # fmt: skip


def _in_time(now: datetime) -> Iterator[Entry]:
    old, new = root("Old Root"), root("New Root")
    issuer = authority(new, "Issuing CA")
    end = leaf(issuer)
    over = _again(old, issuer, Form(not_after=now - _YEAR))
    to_come = _again(old, issuer, Form(not_before=now + _YEAR))
    yield Entry(
        "cross-signature that is over",
        "the first path has expired",
        (end, over, issuer),
        (old, new),
        RIGHT,
        "the second path is in time",
        now,
    )
    yield Entry(
        "cross-signature yet to come",
        "the first path has not begun",
        (end, to_come, issuer),
        (old, new),
        RIGHT,
        "the second path is in time",
        now,
    )
    yield Entry(
        "neither path in time",
        "one is over, one yet to come",
        (end, over, to_come),
        (old,),
        OUT_OF_TIME,
        "a root is reached, at other times",
        now,
    )
    key = new_key()
    past = root("Renewed Root", Form(key=key, not_after=now - _YEAR))
    present = root("Renewed Root", Form(key=key))
    below = authority(present, "Issuing CA")
    bare = Form(without=(x509.SubjectKeyIdentifier,), identified=False)
    blind = authority(present, "Issuing CA", bare)
    for number, roots in enumerate(((past, present), (present, past))):
        yield Entry(
            f"renewed root beside the old one, {('old', 'new')[number]} first",
            "one key in two roots, one of them expired",
            (leaf(below), below),
            roots,
            RIGHT,
            "the root that is in time ends the path",
            now,
        )
        yield Entry(
            f"renewed root above an issuer without identifier, {('old', 'new')[number]} first",
            "likewise, and the issuer breaks the profile of public CAs",
            (leaf(blind), blind),
            roots,
            RIGHT,
            "the root that is in time ends the path",
            now,
        )
    expired = root("Expired Root", Form(not_after=now - _YEAR))
    yield Entry(
        "expired root above the known one", "as on 30 May 2020, when a root that all sent was over",
        (end, issuer, _again(expired, new), expired), (expired, new), RIGHT,
        "a known root ends the path before the expired one", now,
    )  # fmt: skip


def _loops(now: datetime) -> Iterator[Entry]:
    one, other = root("One"), root("Other")
    first, second = _again(other, one), _again(one, other)
    yield Entry(
        "two that certify each other",
        "a path that goes round for ever",
        (leaf(one), first, second),
        (root("Root"),),
        NO_ROOT,
        "no way leads out of it",
        now,
    )
    yield Entry(
        "two that certify each other, one of them known",
        "a loop with a way out",
        (leaf(one), first, second),
        (other,),
        RIGHT,
        "one of them is a root",
        now,
    )
    itself = root("One", Form(key=one.key))
    yield Entry(
        "one that certifies itself over and over", "look-alikes that all fit each other",
        (leaf(one), itself, one, first), (other,), RIGHT, "one of them was certified by a root",
        now,
    )  # fmt: skip


def _better_second(now: datetime) -> Iterator[Entry]:
    old, new = root("Old Root"), root("New Root")
    issuer = authority(new, "Issuing CA")
    end = leaf(issuer)
    elsewhere = x509.NameConstraints([x509.DNSName("elsewhere.test")], None)
    hindered = {
        "names it may not certify": Form(extras=((elsewhere, True),)),
        "another purpose": Form(extras=(purposes(ExtendedKeyUsageOID.CLIENT_AUTH),)),
        "no right to certify": Form(extras=(basic(ca=False),)),
        "a forged signature": Form(signer=new_key()),
    }
    for hindrance, form in hindered.items():
        yield Entry(
            f"first path with {hindrance}",
            "the obstacle is on one of two paths alone",
            (end, _again(old, issuer, form), issuer),
            (old, new),
            RIGHT,
            "the second path is free of it",
            now,
        )
    weak = root("Weak Root", Form(key=rsa_key(1024)))
    yield Entry(
        "first path to a weak root",
        "1024 bits on one of two paths",
        (end, _again(weak, issuer), issuer),
        (weak, new),
        RIGHT,
        "the second path is strong",
        now,
    )
    high = authority(new, "Policy CA")
    narrow = _again(old, high, Form(extras=(basic(ca=True, path_length=0),)))
    low = authority(high, "Issuing CA")
    yield Entry(
        "first path too short", "a pathlen of 0 on one of two paths",
        (leaf(low), low, narrow, high), (old, new), RIGHT, "the second path is long enough", now,
    )  # fmt: skip


def _other_ways(now: datetime) -> Iterator[Entry]:
    public, added = root("Public Root"), root("Inspection Root")
    issuer = authority(public, "Issuing CA")
    yield Entry(
        "public CA certified by an added root",
        "an inspecting CA borrows a public CA's name",
        (leaf(issuer), _again(added, issuer)),
        (public,),
        NO_ROOT,
        "what was sent leads to the added root alone",
        now,
        added=(added,),
        added_reaches=True,
    )
    yield Entry(
        "root added to the host",
        "an inspecting proxy whose CA this host was taught",
        (leaf(added),),
        (public,),
        NO_ROOT,
        "no public root stands behind it",
        now,
        added=(added,),
        added_reaches=True,
    )
    borrowed = root("Public Root")
    yield Entry(
        "added root of a public root's name",
        "a namesake in the host's own store",
        (leaf(borrowed),),
        (public,),
        NO_ROOT,
        "the key is not the public root's",
        now,
        added=(borrowed,),
        added_reaches=True,
    )
    yield Entry(
        "public chain beside an added root", "an added root is no harm by itself",
        (leaf(issuer), issuer, _again(added, issuer)), (public,), RIGHT,
        "one path reaches the public root", now, added=(added,), added_reaches=True,
    )  # fmt: skip
