"""Chains judged: by OpenSSL's own word, apart from the clock, and never by a crash."""

import asyncio
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from edgepind.lab.pki import FAR_AHEAD, LONG_AGO, Authority, Credential, KeyKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import Chain, Leaf
from edgepind.observe.chain import Judge, judge_chain
from edgepind.observe.trust_roots import RootsUnusable, Trust, TrustRoots
from tests.support.endpoint import tls_endpoint

HOST = "edge.test"
NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
ROOT = Authority.root("Public Root")
ISSUER = ROOT.intermediate("Issuing CA")
OTHER = Authority.root("Other Root")


def _sent(credential: Credential) -> tuple[bytes, ...]:
    return (credential.certificate, *credential.chain)


def _roots(*authorities: Authority) -> TrustRoots:
    return TrustRoots.of("test", [it.der for it in authorities])


def _judge(credential: Credential, *trusted: Authority) -> Chain:
    return judge_chain(_sent(credential), _roots(*trusted), NOW)


def _leaf(credential: Credential, host: str = HOST) -> Leaf:
    trust = Trust(_roots(ROOT), _roots(ROOT, OTHER))
    return Judge(host, trust).leaf(_sent(credential), NOW)


async def _openssl_connects(credential: Credential, root: Authority, host: str = HOST) -> bool:
    """Whether a verifying client of OpenSSL completes a real handshake with this server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
    context.load_verify_locations(cadata=root.der)
    async with tls_endpoint(credential) as address:
        try:
            _, writer = await asyncio.open_connection(
                address.ip, address.port, ssl=context, server_hostname=host
            )
        except ssl.SSLCertVerificationError:
            return False
        writer.transport.abort()
        return True


@pytest.mark.parametrize("key", ["ecdsa", "rsa", "rsa-pss", "ed25519"])
def test_a_right_chain_gives_its_window_and_its_issuers(key: KeyKind) -> None:
    """The window is what all certificates share; the issuers are the CAs, the root included."""
    issuer = ROOT.intermediate("Short CA", not_before=NOW - YEAR, not_after=NOW + YEAR)
    leaf = issuer.leaf([HOST], key=key, not_before=NOW - 2 * YEAR, not_after=NOW + YEAR / 2)
    chain = _judge(leaf, ROOT)
    assert chain.window == Validity(
        (NOW - YEAR).replace(microsecond=0), (NOW + YEAR / 2).replace(microsecond=0)
    )
    assert chain.issuers == {issuer.spki, ROOT.spki}
    assert chain.problem is None
    assert not chain.openssl_differs


@pytest.mark.parametrize(
    "leaf",
    [
        OTHER.leaf([HOST]),
        ISSUER.leaf([HOST]).with_chain(),
        Authority.root("Public Root").leaf([HOST]),
        ISSUER.leaf([HOST]).with_chain(ROOT.intermediate("Issuing CA")),
    ],
    ids=["unknown root", "missing intermediate", "namesake of the root", "namesake of the CA"],
)
async def test_a_chain_that_reaches_no_root_says_why(leaf: Credential) -> None:
    """It has no window at any time, and OpenSSL's reason; a real handshake fails likewise."""
    chain = _judge(leaf, ROOT)
    assert chain.window is None
    assert chain.problem
    assert chain.issuers == frozenset()
    assert not await _openssl_connects(leaf, ROOT)


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [(NOW - 2 * YEAR, NOW - YEAR), (NOW + YEAR, NOW + 2 * YEAR)],
    ids=["expired", "not yet valid"],
)
async def test_a_chain_that_is_wrong_only_by_time_has_the_window_of_its_time(
    not_before: datetime, not_after: datetime
) -> None:
    """Right but for the clock: the window is known though it does not hold now."""
    leaf = ISSUER.leaf([HOST], not_before=not_before, not_after=not_after)
    chain = _judge(leaf, ROOT)
    assert chain.window is not None
    assert not chain.window.holds_at(NOW)
    assert chain.window.holds_at(not_before + YEAR / 2)
    assert chain.issuers == {ISSUER.spki, ROOT.spki}
    assert not chain.openssl_differs
    assert not await _openssl_connects(leaf, ROOT)


def test_certificates_that_are_never_valid_at_once_reach_their_root_at_no_time() -> None:
    """An intermediate that was over before the leaf began is a fault of time, not of trust."""
    outdated = ROOT.intermediate("Issuing CA", not_after=NOW - YEAR)
    chain = _judge(outdated.leaf([HOST], not_before=NOW - YEAR / 2), ROOT)
    assert chain.window is not None
    assert not any(chain.window.holds_at(at) for at in (NOW, NOW - YEAR, NOW - YEAR / 2, LONG_AGO))


async def test_a_cross_signed_chain_finds_its_way_where_openssl_does_not() -> None:
    """The path through a forgotten root first: OpenSSL gives up, and that is said."""
    old = Authority.root("Forgotten Root")
    leaf = ISSUER.leaf([HOST]).with_chain(old.cross_sign(ISSUER), ISSUER)
    chain = _judge(leaf, ROOT)
    assert chain.window == Validity(LONG_AGO, FAR_AHEAD)
    assert chain.issuers == {ISSUER.spki, ROOT.spki}
    assert chain.openssl_differs
    assert chain.problem
    assert not await _openssl_connects(leaf, ROOT)


@pytest.mark.parametrize("bits", [1024, 2048])
async def test_a_proposed_path_counts_only_where_openssl_takes_it(bits: int) -> None:
    """The second builder is lax about what a leaf may be; a weak key is refused on any path."""
    old = Authority.root("Forgotten Root")
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    leaf = ISSUER.leaf([HOST], key=key).with_chain(old.cross_sign(ISSUER), ISSUER)
    assert (_judge(leaf, ROOT).window is not None) is (bits == 2048)


def test_a_path_ends_at_no_intermediate_unless_it_may() -> None:
    """An intermediate among the roots is a step, as for OpenSSL; for exceptions it is an end."""
    sent = _sent(ISSUER.leaf([HOST]))
    assert judge_chain(sent, _roots(ISSUER), NOW).window is None
    assert judge_chain(sent[:1], _roots(ISSUER, ROOT), NOW).window is not None
    partial = TrustRoots.of("test", [ISSUER.der], partial=True)
    assert judge_chain(sent, partial, NOW).window is not None


async def test_of_two_paths_the_one_that_holds_now_is_taken() -> None:
    """A cross-signature that is over does not make a chain expired."""
    expired = OTHER.cross_sign(ISSUER, not_after=NOW - YEAR)
    leaf = ISSUER.leaf([HOST]).with_chain(expired, ISSUER)
    chain = _judge(leaf, ROOT, OTHER)
    assert chain.window == Validity(LONG_AGO, FAR_AHEAD)


@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
async def test_what_openssl_takes_is_taken_however_strict_others_are(key: KeyKind) -> None:
    """A critical subjectAltName beside a subject, which stricter verifiers refuse, is no matter."""
    leaf = ISSUER.leaf([HOST], key=key, critical_names=True)
    assert await _openssl_connects(leaf, ROOT)
    assert _judge(leaf, ROOT).window == Validity(LONG_AGO, FAR_AHEAD)
    assert _leaf(leaf).name_matches


def test_roots_that_cannot_be_had_are_no_roots() -> None:
    """Their trouble is the reason that is given."""
    chain = judge_chain(_sent(ISSUER.leaf([HOST])), RootsUnusable("x", "x does not exist"), NOW)
    assert chain == Chain(window=None, problem="it cannot be judged: x does not exist")


@pytest.mark.parametrize(
    ("names", "host", "matches"),
    [
        ([HOST], HOST, True),
        ([HOST], HOST.upper(), True),
        (["other.test"], HOST, False),
        (["other.test", HOST], HOST, True),
        (["*.test"], HOST, False),
        (["*.edge.test"], HOST, False),
        (["*.edge.test"], "a.b.edge.test", False),
        (["*.edge.test"], "a.edge.test", True),
        (["e*.test"], HOST, False),
        (["*"], "test", False),
        ([], HOST, False),
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "127.0.0.2", False),
        (["::1"], "::1", True),
        (["xn--bcher-kva.test"], "xn--bcher-kva.test", True),
    ],
)
async def test_names_match_as_in_openssl_and_never_by_the_common_name(
    names: list[str],
    host: str,
    matches: bool,  # noqa: FBT001  a column of the table above
) -> None:
    """RFC 9525, by OpenSSL's own matcher; the subject's CN is the host each time."""
    leaf = ISSUER.leaf(names, common_name=host)
    assert _leaf(leaf, host).name_matches is matches
    assert await _openssl_connects(leaf, ROOT, host) is matches


def test_a_name_is_judged_apart_from_chain_and_time() -> None:
    """An expired leaf of an unknown root still bears its name."""
    leaf = Authority.root("Unknown").leaf([HOST], not_after=NOW - YEAR)
    assert _leaf(leaf).name_matches
    assert not _leaf(leaf, "other.test").name_matches


def test_a_leaf_is_described_for_people() -> None:
    """Subject and issuer in RFC 4514, with nothing that could steer a terminal."""
    leaf = _leaf(ISSUER.leaf([HOST], common_name=' a,b+c="\x1b[31m\u202e;é\\# '))
    assert leaf.subject == 'CN=\\ a\\,b\\+c=\\"\\1B[31m\\E2\\80\\AE\\;é\\\\#\\ '
    assert leaf.issuer == "CN=Issuing CA"


def test_a_leaf_has_the_hashes_that_pins_are_made_of() -> None:
    """Also where a library would write the key out differently than it stands there."""
    for key in ("ecdsa", "rsa", "rsa-pss", "ed25519"):
        credential = ISSUER.leaf([HOST], key=key)
        leaf = _leaf(credential)
        assert (leaf.certificate, leaf.spki) == (credential.fingerprint, credential.spki)
        assert leaf.validity == Validity(LONG_AGO, FAR_AHEAD)


def test_interception_shows_as_a_chain_of_the_system_alone() -> None:
    """A root that was added to the host is in its store, and not among the public ones."""
    leaf = _leaf(OTHER.leaf([HOST]))
    assert leaf.public.window is None
    assert leaf.system.window is not None
    assert leaf.exception is None


@pytest.mark.parametrize("named", ["root", "intermediate"])
def test_an_inspecting_ca_may_be_named_by_any_ca_of_its_chain(named: str) -> None:
    """`interception.exceptions` may hold the CA that signs, not only its root."""
    signing = OTHER.intermediate("Inspecting CA")
    anchor = OTHER if named == "root" else signing
    exceptions = TrustRoots.of("exceptions", [anchor.der], partial=True)
    judge = Judge(HOST, Trust(_roots(ROOT), _roots(ROOT), exceptions))
    leaf = judge.leaf(_sent(signing.leaf([HOST])), NOW)
    assert leaf.exception is not None
    assert leaf.exception.window == Validity(LONG_AGO, FAR_AHEAD)
    assert leaf.public.window is None


def test_a_chain_is_judged_once() -> None:
    """The steady tick gets the very same value back."""
    judge = Judge(HOST, Trust(_roots(ROOT), _roots(ROOT)))
    sent = _sent(ISSUER.leaf([HOST]))
    assert judge.leaf(sent, NOW) is judge.leaf(sent, NOW + YEAR)
    assert judge.leaf(sent, NOW) is not judge.leaf(sent[:1], NOW)


def test_a_chain_is_judged_anew_when_a_path_is_over() -> None:
    """Of two paths the other one is the best from then on."""
    ending = OTHER.cross_sign(ISSUER, not_after=NOW + YEAR)
    sent = _sent(ISSUER.leaf([HOST]).with_chain(ending, ISSUER))
    judge = Judge(HOST, Trust(_roots(ROOT, OTHER), _roots(ROOT)))
    before, after = judge.leaf(sent, NOW), judge.leaf(sent, NOW + 2 * YEAR)
    assert before.public.window
    assert before.public.window.holds_at(NOW)
    assert after.public.window
    assert after.public.window.holds_at(NOW + 2 * YEAR)


def test_a_chain_first_seen_by_a_wrong_clock_is_judged_anew_by_a_right_one() -> None:
    """An appliance that boots in 1970 may take an old path for the best, and not for ever."""
    ended = OTHER.cross_sign(ISSUER, not_after=NOW - YEAR)
    begun = OTHER.cross_sign(ISSUER, not_before=NOW - YEAR / 2)
    sent = _sent(ISSUER.leaf([HOST]).with_chain(ended, begun))
    judge = Judge(HOST, Trust(_roots(OTHER), _roots(OTHER)))
    at_boot = judge.leaf(sent, datetime(1970, 1, 1, tzinfo=UTC))
    assert at_boot.public.window is not None
    assert not at_boot.public.window.holds_at(NOW)
    corrected = judge.leaf(sent, NOW)
    assert corrected.public.window is not None
    assert corrected.public.window.holds_at(NOW)


def test_a_chain_that_does_not_hold_is_not_judged_at_every_tick() -> None:
    """It is looked at again after an hour of the clock, not after a minute."""
    judge = Judge(HOST, Trust(_roots(ROOT), _roots(ROOT)))
    sent = _sent(OTHER.leaf([HOST]))
    first = judge.leaf(sent, NOW)
    assert judge.leaf(sent, NOW + timedelta(minutes=59)) is first
    assert judge.leaf(sent, NOW + timedelta(hours=1)) is not first


def test_chains_without_end_do_not_fill_the_memory() -> None:
    """A peer that shows a new leaf each time is remembered only so far."""
    judge = Judge(HOST, Trust(_roots(ROOT), _roots(ROOT)))
    kept = judge.leaf(_sent(ISSUER.leaf([HOST])), NOW)
    leaf = ISSUER.leaf([HOST])
    for number in range(70):
        judge.leaf((leaf.certificate, bytes([number])), NOW)
    assert len(judge._known) == 64  # noqa: SLF001  the bound is the point
    assert kept not in [it.leaf for it in judge._known.values()]  # noqa: SLF001


def test_a_chain_made_to_keep_a_judge_busy_does_not() -> None:
    """Ten look-alikes that certify each other cost a tenth of a second, not minutes."""
    looped = Authority.root("Loop")
    alike = [looped.cross_sign(looped) for _ in range(10)]
    leaf = replace(looped.leaf([HOST]), chain=tuple(it.der for it in alike))
    begun = time.process_time()
    chain = _judge(leaf, Authority.root("Loop"))
    assert chain.window is None
    assert time.process_time() - begun < 1


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_a_leaf_that_is_no_certificate_keeps_its_fingerprint(junk: bytes) -> None:
    """Whatever the bytes are, there is a value, and it is trusted by nobody."""
    leaf = Judge(HOST, Trust(_roots(ROOT), _roots(ROOT))).leaf((junk,), NOW)
    assert isinstance(leaf.certificate, Fingerprint)
    assert leaf.public.window is None
    assert leaf.public.problem
    assert not leaf.name_matches
    assert not leaf.validity.holds_at(NOW)


def _odd_leaf(names: bytes) -> tuple[bytes, bytes]:
    """A leaf of the issuer with these bytes as its subjectAltName."""
    odd = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]))
        .issuer_name(ISSUER.certificate.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(1)
        .not_valid_before(LONG_AGO)
        .not_valid_after(FAR_AHEAD)
        .add_extension(odd, critical=False)
        .sign(ISSUER.private_key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.DER), ISSUER.der


@pytest.mark.parametrize(
    "names",
    [b"\x30\x02\xa3\x00", b"\x30\x03\x82\x01\xff", b"\x30\x00", b"\x30\x05", b"", b"\x00" * 9],
    ids=["X.400 address", "not ASCII", "empty", "cut short", "nothing", "zeroes"],
)
@pytest.mark.parametrize("trusted", [ROOT, OTHER, Authority.root("Public Root")])
def test_odd_names_in_a_leaf_break_nothing(names: bytes, trusted: Authority) -> None:
    """What no library agrees on how to read matches no name, and the chain is judged all the same.

    Subject and validity are read, by whichever library can.
    """
    trust = Trust(_roots(trusted), _roots(trusted))
    leaf = Judge(HOST, trust).leaf(_odd_leaf(names), NOW)
    assert (leaf.subject, leaf.validity) == (f"CN={HOST}", Validity(LONG_AGO, FAR_AHEAD))
    assert not leaf.name_matches
    if trusted is not ROOT:
        assert leaf.public.window is None


_VICTIM = _sent(ISSUER.leaf([HOST], key="rsa"))


@given(st.integers(0, 1), st.data())
@settings(max_examples=600)
def test_a_damaged_chain_is_never_trusted_and_never_crashes(
    which: int, data: st.DataObject
) -> None:
    """One wrong octet in the leaf or its issuer: some value comes back, and no trust."""
    der = _VICTIM[which]
    at = data.draw(st.integers(0, len(der) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda it: it != der[at]))
    damaged = der[:at] + bytes([octet]) + der[at + 1 :]
    chain = (damaged, _VICTIM[1]) if which == 0 else (_VICTIM[0], damaged)
    leaf = Judge(HOST, Trust(_roots(ROOT), _roots(OTHER))).leaf(chain, NOW)
    assert leaf.public.window is None
    assert leaf.system.window is None
