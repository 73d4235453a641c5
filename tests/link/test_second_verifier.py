"""What adoption asks beyond OpenSSL: chains of a kind that a public CA may not issue."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from edgepind.clock import SystemClock
from edgepind.model.document import EdgeTls
from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Served
from edgepind.observe.chain import Judge
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import Trust, TrustRoots
from tests.support.chains.forge import (
    HOST,
    Certified,
    Form,
    authority,
    basic,
    ladder,
    leaf,
    purposes,
    root,
    rsa_key,
    unknown,
    usage,
)
from tests.support.chains.surgery import Sign, first_version, over_sha1, with_serial
from tests.support.endpoint import endpoint, until_the_end

NOW = datetime.now(UTC).replace(microsecond=0)
TOP = root("Root")
ISSUER = authority(TOP, "Issuing CA")


@dataclass(frozen=True, slots=True)
class Case:
    """A chain that breaks a rule in one place."""

    name: str
    sent: tuple[Certified, ...]
    top: Certified = TOP
    host: str = HOST


def _with(*extras: tuple[x509.ExtensionType, bool]) -> Form:
    return Form(extras=extras)


def _without(*kinds: type[x509.ExtensionType]) -> Form:
    return Form(without=kinds)


def _under(form: Form, top: Certified = TOP) -> tuple[Certified, ...]:
    issuer = authority(top, "Issuing CA", form)
    return leaf(issuer), issuer


def _below(top: Certified) -> tuple[Certified, ...]:
    issuer = authority(top, "Issuing CA")
    return leaf(issuer), issuer


def _cases() -> Iterator[Case]:
    yield from _of_leaves()
    yield from _of_authorities()
    yield from _of_roots()


def _of_leaves() -> Iterator[Case]:
    server, mail = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION
    any_use = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(ISSUER.key.public_key())  # type: ignore[arg-type]
    forms = {
        "leaf that is a CA": _with(basic(ca=True), usage("key_cert_sign", "digital_signature")),
        "leaf for any use": _with(purposes(any_use)),
        "leaf for mail": _with(purposes(mail)),
        "leaf without authority key identifier": _without(x509.AuthorityKeyIdentifier),
        "leaf with a critical authority key identifier": _with((aki, True)),
        "leaf with an unknown critical extension": _with(
            unknown("1.3.6.1.4.1.55555.1", critical=True)
        ),
        "leaf with name constraints": _with(
            (x509.NameConstraints([x509.DNSName("test")], None), True)
        ),
        "leaf of 1024 bits": Form(key=rsa_key(1024)),
        "leaf that may sign certificates": _with(usage("digital_signature", "key_cert_sign")),
        "leaf with a critical purpose of another kind": _with(
            purposes(server, mail, critical=True)
        ),
    }
    for name, form in forms.items():
        yield Case(name, (leaf(ISSUER, form=form), ISSUER))
    yield Case("leaf without names", (leaf(ISSUER, ()), ISSUER))
    yield Case(
        "leaf without a subject and with names as a hint", (leaf(ISSUER, subject=""), ISSUER)
    )
    yield Case("pattern of a whole domain", (leaf(ISSUER, ("*.test",)), ISSUER))
    yield Case("pattern within a label", (leaf(ISSUER, ("e*.test",)), ISSUER))
    yield Case(
        "pattern of the wrong level", (leaf(ISSUER, ("*.a.test",)), ISSUER), host="b.c.a.test"
    )
    yield Case("leaf signed over SHA-1", (over_sha1(leaf(TOP), _ec(TOP)),))
    negative = with_serial(leaf(TOP), b"\x80\x01", _by(TOP))
    yield Case("leaf with a negative serial number", (negative,))
    nothing = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x00")
    yield Case(
        "leaf with an empty list of names", (leaf(ISSUER, form=_with((nothing, False))), ISSUER)
    )


def _of_authorities() -> Iterator[Case]:
    hint = x509.BasicConstraints(ca=True, path_length=None), False
    mail = ExtendedKeyUsageOID.EMAIL_PROTECTION
    forms = {
        "CA with basic constraints as a hint": _with(hint),
        "CA without basic constraints": _without(x509.BasicConstraints),
        "CA without key usage": _without(x509.KeyUsage),
        "CA that may not sign": _with(usage("digital_signature")),
        "CA for mail": _with(purposes(mail)),
        "CA of 1024 bits": Form(key=rsa_key(1024)),
        "CA with a key P-224": Form(key=ec.generate_private_key(ec.SECP224R1())),
        "CA with an unknown critical extension": _with(
            unknown("1.3.6.1.4.1.55555.1", critical=True)
        ),
        "CA that excludes the host": _with(
            (x509.NameConstraints(None, [x509.DNSName("test")]), True)
        ),
        "CA over itself": _with(basic(ca=True, path_length=0)),
    }
    for name, form in forms.items():
        if name != "CA over itself":
            yield Case(name, _under(form))
            continue
        last = authority(TOP, "Last CA", form)
        more = authority(last, "One CA More")
        yield Case(name, (leaf(more), more, last))
    yield Case("nine intermediates", (leaf((rungs := ladder(TOP, 9))[0]), *rungs))
    sha1 = over_sha1(ISSUER, _ec(TOP))
    yield Case("CA signed over SHA-1", (leaf(sha1), sha1))


def _of_roots() -> Iterator[Case]:
    limits = x509.NameConstraints(None, [x509.DNSName(HOST)]), True
    short = root("Short Root", _with(basic(ca=True, path_length=0)))
    first = first_version(TOP, _by(TOP))
    tops = {
        "root without basic constraints": root("Root", _without(x509.BasicConstraints)),
        "root that excludes the host": root("Narrow Root", _with(limits)),
        "root of a short path": short,
        "root of 1024 bits": root("Weak Root", Form(key=rsa_key(1024))),
        "root of version 1": first,
    }
    for name, top in tops.items():
        yield Case(name, _below(top), top)


def _by(holder: Certified) -> Sign:
    return lambda data: _ec(holder).sign(data, ec.ECDSA(hashes.SHA256()))


def _ec(holder: Certified) -> ec.EllipticCurvePrivateKey:
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    return holder.key


CASES = tuple(_cases())


def _judge(case: Case) -> Judge:
    roots = TrustRoots.of("test", [case.top.der])
    judge = Judge(case.host, Trust(roots, roots))
    judge.accepted = frozenset()
    return judge


def _chain(case: Case) -> tuple[bytes, ...]:
    return tuple(it.der for it in case.sent)


def _adoptable(it: Leaf) -> bool:
    """Whether a hold-down would run on it, as far as chain, name and time go."""
    return it.breach is None and it.name_matches and it.public.holds_at(NOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_that_breaks_a_rule_can_be_adopted(case: Case) -> None:
    """Whether OpenSSL minds or not; where it does not, the rule is named."""
    found = _judge(case).leaf(_chain(case), NOW)
    assert not _adoptable(found)
    if found.name_matches and found.public.holds_at(NOW):
        assert found.breach


def test_openssl_alone_would_have_had_some_of_them_adopted() -> None:
    """The second verifier is there for something."""
    leaves = [_judge(it).leaf(_chain(it), NOW) for it in CASES]
    overlooked = [it for it in leaves if it.name_matches and it.public.holds_at(NOW)]
    assert len(overlooked) >= 8


@pytest.mark.parametrize("names", [(HOST,), ("*.test.example", HOST), (HOST, "192.0.2.1")])
def test_a_usual_chain_breaks_none(names: tuple[str, ...]) -> None:
    """Nor does one that is cross-signed, whatever stands first."""
    old = root("Forgotten Root")
    crossed = authority(old, "Issuing CA", Form(key=ISSUER.key))
    for sent in ((leaf(ISSUER, names), ISSUER), (leaf(ISSUER, names), crossed, ISSUER)):
        assert _adoptable(_judge(case := Case("usual", sent)).leaf(_chain(case), NOW))


def test_a_way_that_breaks_a_rule_does_not_spoil_one_that_does_not() -> None:
    """Two certificates of one CA, the first without what is asked for."""
    bad = authority(TOP, "Issuing CA", replace(_without(x509.KeyUsage), key=ISSUER.key))
    case = Case("two ways", (leaf(ISSUER), bad, ISSUER))
    assert _adoptable(_judge(case).leaf(_chain(case), NOW))


def test_the_second_verifier_is_asked_once_an_hour_and_never_of_a_pinned_leaf() -> None:
    """A steady tick costs nothing, and a pin is not called into question."""
    case = Case("usual", (leaf(ISSUER), ISSUER))
    judge = _judge(case)
    judge.accepted = None
    unasked = judge.leaf(_chain(case), NOW)
    assert unasked.breach == ""
    judge.accepted = frozenset({(PinKind.SPKI, unasked.spki)})
    assert judge.leaf(_chain(case), NOW) is unasked
    judge.accepted = frozenset({(PinKind.CERTIFICATE, unasked.spki)})
    asked = judge.leaf(_chain(case), NOW)
    assert asked.breach is None
    assert judge.leaf(_chain(case), NOW + timedelta(minutes=59)) is asked
    assert judge.leaf(_chain(case), NOW + timedelta(hours=1)) == asked


def test_what_is_told_of_a_rule_steers_no_terminal() -> None:
    """Names of the certificate may stand in what the verifier says."""
    limits = x509.NameConstraints([x509.DNSName(".\x1b[31mtest")], None), True
    case = Case("odd", _under(_with(limits)))
    found = _judge(case).leaf(_chain(case), NOW)
    assert (found.breach or "").isprintable()


@pytest.mark.parametrize("pins", [None, "its own", "another's"])
async def test_over_a_wire_only_a_leaf_that_no_pin_is_of_is_held_against_the_rules(
    pins: str | None, tmp_path: Path
) -> None:
    """The daemon hands in its pins; a look without any adopts nothing, and asks nothing."""
    sent = (leaf(ISSUER, form=_without(x509.AuthorityKeyIdentifier)), ISSUER)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(it.pem for it in sent))
    key.write_bytes(sent[0].key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    own = Fingerprint(sha256(sent[0].der).digest())
    accepted = {
        None: None,
        "its own": frozenset({(PinKind.CERTIFICATE, own)}),
        "another's": frozenset({(PinKind.CERTIFICATE, Fingerprint(bytes(32)))}),
    }[pins]
    roots = TrustRoots.of("test", [TOP.der])
    async with endpoint(until_the_end, tls=context) as address:
        target = Target(HOST, 443, (address,))
        observer = LinkObserver(target, Trust(roots, roots), SystemClock())
        link = await observer.observe(EdgeTls(), accepted=accepted)
    (served,) = (it.result for it in link.addresses)
    assert isinstance(served, Served)
    assert served.leaf.public.holds_at(NOW)
    if pins == "another's":
        assert "authorityKeyIdentifier" in (served.leaf.breach or "")
    else:
        assert served.leaf.breach == ""
