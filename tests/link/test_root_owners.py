"""Owners of public roots: all that a chain leads to, one name for each, and sane for the set."""

from datetime import UTC, datetime, timedelta

import pytest

from edgepind.lab.pki import Authority, Credential, KeyKind
from edgepind.model.organisation import disjoint, organisation
from edgepind.observe.chain import Judge
from edgepind.observe.root_owners import owner_of
from edgepind.observe.trust_roots import RootsUnusable, Trust, TrustRoots, load_roots

HOST = "edge.test"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ONE = Authority.root("One Root R1", organisation="One Trust Services, Inc.")
OTHER = Authority.root("Other Root X1", organisation="Other nv-sa")


def _judge(*trusted: Authority) -> Judge:
    return Judge(HOST, Trust(_roots(*trusted), _roots(*trusted)))


def _roots(*trusted: Authority) -> TrustRoots:
    return TrustRoots.of("test", [it.der for it in trusted])


def _owners(credential: Credential, *trusted: Authority) -> set[str]:
    chain = (credential.certificate, *credential.chain)
    return set(_judge(*trusted).leaf(chain, NOW).public.owners)


def test_a_leaf_has_the_owner_of_its_root() -> None:
    """Of the roots that are trusted, only that which it leads to."""
    assert _owners(ONE.intermediate("One CA").leaf([HOST]), ONE, OTHER) == {"One Trust Services"}
    assert _owners(OTHER.leaf([HOST]), ONE, OTHER) == {"Other"}


@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
def test_all_roots_of_one_owner_are_one(key: KeyKind) -> None:
    """However the root is called, of whatever kind its key, in whatever spelling its owner."""
    again = Authority.root("One Root E7", organisation="ONE TRUST  SERVICES INC", key=key)
    owners = _owners(again.leaf([HOST]), ONE, again)
    assert not disjoint(owners, {"One Trust Services"})


def test_a_family_that_certified_each_other_counts_as_one() -> None:
    """A root that another certified is of both, with the certificate that says so."""
    issuer = ONE.intermediate("One CA")
    alone = issuer.leaf([HOST])
    with_cross = alone.with_chain(issuer, OTHER.cross_sign(ONE))
    assert _owners(alone, ONE, OTHER) == {"One Trust Services"}
    assert _owners(with_cross, ONE, OTHER) == {"One Trust Services", "Other"}
    assert _owners(with_cross, OTHER) == {"Other"}


def test_a_way_that_is_over_leads_nowhere() -> None:
    """A cross-certificate from before must not make two owners of one again."""
    issuer = ONE.intermediate("One CA")
    over = OTHER.cross_sign(ONE, not_after=NOW - DAY)
    assert _owners(issuer.leaf([HOST]).with_chain(issuer, over), ONE, OTHER) == {
        "One Trust Services"
    }


def test_another_way_is_forgotten_when_it_ends() -> None:
    """Within a day, by which a chain is judged again though its own way holds."""
    issuer = ONE.intermediate("One CA")
    ending = OTHER.cross_sign(ONE, not_after=NOW + DAY / 2)
    leaf = issuer.leaf([HOST]).with_chain(issuer, ending)
    chain, judge = (leaf.certificate, *leaf.chain), _judge(ONE, OTHER)
    assert len(judge.leaf(chain, NOW).public.owners) == 2
    assert judge.leaf(chain, NOW + DAY).public.owners == {"One Trust Services"}


def test_a_certificate_that_only_names_a_root_leads_to_nothing_of_its() -> None:
    """An attacker may write any name into what it sends beside its own chain."""
    namesake = Authority.root("Other Root X1", organisation="Other nv-sa")
    issuer = ONE.intermediate("One CA")
    forged = issuer.leaf([HOST]).with_chain(issuer, namesake.cross_sign(ONE))
    assert _owners(forged, ONE, OTHER) == {"One Trust Services"}


def test_a_leaf_out_of_time_of_no_root_or_without_roots_has_no_owner() -> None:
    """Nothing is told of a chain that does not hold."""
    expired = ONE.leaf([HOST], not_after=NOW - DAY)
    assert _owners(expired, ONE) == set()
    assert _owners(ONE.leaf([HOST]), OTHER) == set()
    unusable = RootsUnusable("nowhere", "gone")
    leaf = Judge(HOST, Trust(unusable, unusable)).leaf([ONE.leaf([HOST]).certificate], NOW)
    assert leaf.public.owners == frozenset()


def test_a_root_without_an_organisation_goes_by_its_own_name() -> None:
    """One of the Mozilla set has none; a subject that cannot be read has no owner at all."""
    assert owner_of(Authority.root("Lonely Root").der) == "Lonely Root"
    assert owner_of(b"") == ""
    assert owner_of(Authority.root("").der) == ""
    broken = Authority.root("Broken Root").der.replace(b"Broken", b"Brok\xff\xfe")
    assert owner_of(broken) == ""


@pytest.mark.parametrize(
    ("written", "owner"),
    [
        ("DigiCert, Inc.", "DigiCert"),
        ("DigiCert Inc", "DigiCert"),
        ("SECOM Trust Systems CO.,LTD.", "SECOM Trust Systems"),
        ("SECOM Trust Systems Co., Ltd.", "SECOM Trust Systems"),
        ("GlobalSign nv-sa", "GlobalSign"),
        ("  Google  Trust Services LLC ", "Google Trust Services"),
        ("The USERTRUST Network", "Sectigo"),
        ("Amazon", "Amazon"),
        ("Inc.", "Inc"),
        ("", ""),
    ],
)
def test_a_name_loses_its_legal_form(written: str, owner: str) -> None:
    """So that two spellings of one owner are one, and an operator may write either."""
    assert organisation(written) == owner


def test_every_bundled_root_has_an_owner_and_each_owner_one_name() -> None:
    """Names that only differ in case or in a legal form would be two owners for one."""
    roots = load_roots("bundled")
    assert isinstance(roots, TrustRoots)
    owners = {owner_of(it) for it in roots}
    assert "" not in owners
    assert {organisation(it) for it in owners} == owners
    letters = {"".join(filter(str.isalnum, it.casefold())) for it in owners}
    assert len(letters) == len(owners)
    assert {"Amazon", "DigiCert", "GlobalSign", "Google Trust Services", "Sectigo"} <= owners


def test_the_root_that_amazon_bought_is_amazons_and_the_sellers_is_not() -> None:
    """Else a stranger with a leaf of the seller's would count as the cloud's own CA."""
    roots = load_roots("bundled")
    assert isinstance(roots, TrustRoots)
    starfield = {owner_of(it) for it in roots if b"Starfield" in it}
    assert starfield == {"Amazon", "GoDaddy"}
    assert sum(owner_of(it) == "Amazon" for it in roots) == 5
