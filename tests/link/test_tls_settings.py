"""The Edge's `tlsSettings`, in whatever spelling, become what a probe offers."""

import shutil
import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.document import EdgeTls
from edgepind.observe.tls_settings import edge_context, read_offer, wide_context

_NEWEST = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}


def _older_suites(context: ssl.SSLContext) -> list[str]:
    return [it["name"] for it in context.get_ciphers() if it["protocol"] != "TLSv1.3"]


@pytest.mark.parametrize("word", ["TLSv1.3", "TLS1.3", "1.3", "TLSv1_3", "tls13", "TLS 1.3"])
def test_a_version_is_read_in_any_usual_spelling(word: str) -> None:
    """Every spelling means the same version, and nothing about it is told."""
    offer = read_offer(EdgeTls(min_version=word))
    assert offer.minimum is ssl.TLSVersion.TLSv1_3
    assert offer.problems == ()


@pytest.mark.parametrize("word", ["", "SSLv3", "1.4", "2", "null", "TLS", "\x1b[31m"])
def test_an_unknown_version_is_ignored_and_told(word: str) -> None:
    """The default stays, and a sentence names the word without what could steer a terminal."""
    offer = read_offer(EdgeTls(min_version=word))
    assert offer.minimum is ssl.TLSVersion.TLSv1_2
    assert offer.unknown == (word,)
    assert len(offer.problems) == 1
    assert "\x1b" not in offer.problems[0]


def test_suites_are_known_by_the_names_of_openssl_and_of_iana() -> None:
    """Both names mean the same suite, which is offered once, in the order of the list."""
    offer = read_offer(
        EdgeTls(
            cipher_suites=(
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ecdhe-rsa-aes128-gcm-sha256",
            )
        )
    )
    assert offer.suites == ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256")
    assert offer.unknown == ()


def test_every_suite_of_this_openssl_has_its_iana_name() -> None:
    """The table agrees with what the openssl command prints, to the last suite."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl command is not installed")
    printed = subprocess.run(  # noqa: S603  fixed arguments
        [program, "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    pairs = [line.split()[:3:2] for line in printed.splitlines()]
    older = [(iana, name) for iana, name in pairs if not name.startswith("TLS_")]
    assert len(older) > 100
    for iana, name in older:
        assert read_offer(EdgeTls(cipher_suites=(iana,))).suites == (name,)


def test_the_newest_suites_stay_enabled_beside_a_list_of_older_ones() -> None:
    """A list that names none of TLS 1.3's leaves open whether it concerns them."""
    offer = read_offer(EdgeTls("TLSv1.2", ("ECDHE-RSA-AES128-GCM-SHA256",)))
    context = edge_context(offer)
    assert _older_suites(context) == ["ECDHE-RSA-AES128-GCM-SHA256"]
    assert {it["name"] for it in context.get_ciphers()} >= _NEWEST
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_list_of_the_newest_suites_alone_leaves_nothing_older() -> None:
    """Naming suites of TLS 1.3 only, the document leaves no doubt."""
    offer = read_offer(EdgeTls("TLSv1.2", ("TLS_AES_128_GCM_SHA256",)))
    assert edge_context(offer).minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_list_of_strangers_means_the_defaults_and_is_told() -> None:
    """Unknown names are ignored; with none left the defaults stand, and each thing is told."""
    offer = read_offer(EdgeTls(cipher_suites=("HIGH", "TLS_OF_TOMORROW")))
    assert offer.suites == ()
    assert offer.unknown == ("HIGH", "TLS_OF_TOMORROW")
    assert len(offer.problems) == 3
    assert len(_older_suites(edge_context(offer))) > 10


def test_no_settings_mean_tls_1_2_and_openssls_defaults() -> None:
    """A document that says nothing tells nothing."""
    offer = read_offer(EdgeTls())
    assert offer.problems == ()
    assert edge_context(offer).minimum_version is ssl.TLSVersion.TLSv1_2


@given(st.none() | st.text(), st.lists(st.text()))
def test_any_words_at_all_make_a_context(version: str | None, suites: list[str]) -> None:
    """Whatever stands in the document, there is something to offer."""
    edge_context(read_offer(EdgeTls(version, tuple(suites))))


def test_no_context_verifies_anything() -> None:
    """Judging is done elsewhere, on what any server sends."""
    for context in (edge_context(read_offer(EdgeTls())), wide_context()):
        assert context.verify_mode is ssl.CERT_NONE
        assert not context.check_hostname
