"""Known answers: every chain of the corpus, judged as sent, in a real handshake, and by OpenSSL."""

import shutil
import ssl
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from edgepind.model.document import EdgeTls
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Served
from edgepind.observe.handshake import worth_judging
from edgepind.observe.leaf import Judge
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import Trust, TrustRoots
from tests.faults.probed import as_probed
from tests.faults.seen import Sightings
from tests.support.chains.corpus import corpus
from tests.support.chains.differences import DIFFERENCES
from tests.support.chains.entry import Entry, Fault, Verdict, words
from tests.support.chains.openssl import openssl_verdict
from tests.support.endpoint import endpoint, until_the_end
from tests.support.manual_clock import ManualClock

NOW = datetime.now(UTC).replace(microsecond=0)
ENTRIES = [entry for entries in corpus(NOW).values() for entry in entries]

FAULTS = {
    "tls-hundred": (
        "a hundred strangers after the issuer",
        "a hundred strangers before the issuer",
        "the issuer a hundred times",
    ),
    "tls-cross-signed": (
        "forgotten root first",
        "cross-signature that is over",
        "neither path in time",
        "two that certify each other",
        "public CA certified by an added root",
    ),
    "tls-missing-intermediate": ("missing intermediate", "missing middle"),
    "tls-no-san": ("no subjectAltName", "no name at all", "common name beside other names"),
    "tls-wildcard": (
        "wildcard",
        "wildcard for the domain itself",
        "wildcard for two labels",
        "wildcard of a top-level domain",
        "end of a label left open",
    ),
    "tls-idn": (
        "IDN as A-label",
        "IDN as U-label",
        "IDN under a wildcard",
        "part of an A-label left open",
        "look-alike of another alphabet",
    ),
    "tls-expired-intermediate": ("intermediate expired",),
    "tls-constraints": (
        "permitted domain",
        "not permitted",
        "excluded",
        "one of two names excluded",
        "constraint in the root",
    ),
    "tls-rsa-pss": ("signed by RSA-PSS",),
    "tls-ed25519": ("key Ed25519", "issuer with a key Ed25519"),
}
"""The entries that speak for a row of the fault matrix."""

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def _trust(entry: Entry) -> Trust:
    public = [it.der for it in entry.roots]
    added = [it.der for it in entry.added]
    return Trust(TrustRoots.of("public", public), TrustRoots.of("system", [*public, *added]))


def _verdict(leaf: Leaf, at: datetime) -> Verdict:
    faults: set[Fault] = set()
    if leaf.public.window is None:
        faults.add(Fault.ROOT)
    elif not leaf.public.window.holds_at(at):
        faults.add(Fault.TIME)
    if not leaf.name_matches:
        faults.add(Fault.NAME)
    return frozenset(faults)


def _as_expected(leaf: Leaf, entry: Entry) -> None:
    assert leaf.certificate == Fingerprint(sha256(entry.chain[0]).digest())
    assert _verdict(leaf, entry.at) == entry.expected, (entry.why, leaf.public.problem)
    reaches = Fault.ROOT not in entry.expected or entry.added_reaches
    assert (leaf.system.window is not None) is reaches
    assert (leaf.public.problem is None) is (
        leaf.public.window is not None and not leaf.public.openssl_differs
    )


@every_entry
def test_the_verdict_is_the_known_one(entry: Entry) -> None:
    """By the public roots, by the system's, by name, and at the entry's time."""
    leaf = Judge(entry.host, _trust(entry)).leaf(worth_judging(entry.chain), entry.at)
    _as_expected(leaf, entry)


def _server(entry: Entry, folder: Path) -> ssl.SSLContext:
    """A server that sends the chain just as it stands, however weak its keys are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(it.pem for it in entry.sent))
    key.write_bytes(entry.sent[0].key_pem)
    context.load_cert_chain(chain, key)
    return context


@pytest.mark.parametrize(
    "entry", [it for it in ENTRIES if not it.unserved], ids=lambda entry: entry.name
)
async def test_the_verdict_in_a_real_handshake_is_the_known_one(
    entry: Entry, tmp_path: Path, seen: Sightings
) -> None:
    """The chain goes over a wire, through the observer that the daemon uses."""
    async with endpoint(until_the_end, tls=_server(entry, tmp_path)) as address:
        target = Target(entry.host, 443, (address,))
        observer = LinkObserver(target, _trust(entry), ManualClock(entry.at))
        link = await observer.observe(EdgeTls())
    (served,) = (it.result for it in link.addresses)
    assert isinstance(served, Served), served
    assert not served.wider_only
    _as_expected(served.leaf, entry)
    for row in (row for row, names in FAULTS.items() if entry.name in names):
        verdict = words(_verdict(served.leaf, entry.at))
        seen(row, f"{entry.name}: {verdict}", as_probed(served, entry.host, entry.at))


def test_what_speaks_for_a_fault_is_served() -> None:
    """No row of the fault matrix counts on an entry that is gone."""
    served = {it.name for it in ENTRIES if not it.unserved}
    assert {name for names in FAULTS.values() for name in names} <= served


@every_entry
def test_openssl_says_the_same_or_the_difference_is_explained(entry: Entry, tmp_path: Path) -> None:
    """Each disagreement with `openssl verify` is in the list, and nothing else is."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl command is not installed")
    said = openssl_verdict(program, entry, tmp_path)
    difference = DIFFERENCES.get(entry.name)
    assert said == (entry.expected if difference is None else difference.openssl)


def test_what_openssl_alone_does_not_find_is_told() -> None:
    """Where we find a root and OpenSSL does not, the chain says so, and nowhere else."""
    for entry in ENTRIES:
        leaf = Judge(entry.host, _trust(entry)).leaf(worth_judging(entry.chain), entry.at)
        missed = entry.name in DIFFERENCES and Fault.ROOT in DIFFERENCES[entry.name].openssl
        found = Fault.ROOT not in entry.expected
        assert leaf.public.openssl_differs is (missed and found and not entry.expected), entry.name


def test_the_list_of_differences_has_only_entries_that_differ() -> None:
    """No explanation is left of an entry that is gone or that agrees."""
    expected = {it.name: it.expected for it in ENTRIES}
    for name, difference in DIFFERENCES.items():
        assert difference.openssl != expected[name], name


def test_the_corpus_is_large_and_no_entry_is_there_twice() -> None:
    """At least 80 chains, all of them different, each with a name of its own."""
    assert len(ENTRIES) >= 80
    assert max(Counter(it.name for it in ENTRIES).values()) == 1
    assert len({it.chain for it in ENTRIES}) >= len(ENTRIES) * 9 // 10
