"""Checks of the link to the cloud, its trust roots, the clock, and what the status endpoint needs.

The link is probed once. The status endpoint is not asked: its jq programs must compile, and its
secret must be readable.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.cli.probe import Probe, Unprobed, probe_cloud
from edgepind.cli.render import spoken
from edgepind.core.diagnosis import GOOD
from edgepind.core.messages import halves
from edgepind.core.problems import refused_chain
from edgepind.core.tick import served
from edgepind.host.disk_thread import run_aside
from edgepind.model.enums import Finding, HighestTls
from edgepind.model.observation import ClockSource
from edgepind.model.state import ClockJudgement
from edgepind.observe.by_signature import can_choose_signatures
from edgepind.observe.client_certificate import find_client_certificate, present
from edgepind.observe.client_secret import CREDENTIAL, NoClientSecret, read_client_secret
from edgepind.observe.status_answer import JqPrograms, NoOutputs
from edgepind.settings.schema import EdgeSettings, OAuthSettings, Settings

_DEADLINE = 10.0
_LINGER = 1.0
"""Seconds for a refusal that comes when the handshake is over."""
_ANY_DOCUMENT = "null"
_DOES_NOT_COMPILE = "it does not compile"


async def check_link(settings: Settings) -> list[Fault]:
    """Probe the cloud once, as `edgepind probe` does."""
    probe = await probe_cloud(settings, _LINGER)
    if isinstance(probe, Unprobed):
        return [error("roots-unusable", *halves(probe.error))]
    return [
        *(error("roots-unusable", *halves(sentence)) for sentence in probe.warnings),
        *_of_clock(probe.tick.clock, known=bool(probe.tick.seen.clock)),
        *_of_signatures(settings.edge),
        *_of_link(probe),
        *_of_refusals(probe, settings),
        *_of_roots(probe),
    ]


def _of_clock(clock: ClockJudgement, *, known: bool) -> Iterator[Fault]:
    if not clock.trusted:
        by = "what is known of the time" if clock.source is ClockSource.NONE else clock.source
        ahead = "" if clock.error is None else f", by {abs(clock.error):.0f} s ({by})"
        remedy = (
            "Set it, and see `chronyc tracking` or `timedatectl` for why it is not synchronised."
        )
        yield error("clock-wrong", f"the host's clock is known to be wrong{ahead}", remedy)
    elif not known:
        yield info(
            "clock-unsynchronised",
            "the accuracy of the host's clock is unknown: neither chrony nor the kernel reports it",
            "Run chrony or systemd-timesyncd; until then the clock is trusted.",
        )


def _of_link(probe: Probe) -> Iterator[Fault]:
    finding = probe.diagnosis.finding
    if finding in GOOD:
        yield from _of_addresses(probe)
        return
    name = f"link-{finding.replace('_', '-')}"
    if finding is Finding.UNANNOUNCED_ROTATION and not probe.pins.pins:
        remedy = "See pins.bootstrap: edgepind adopts it, or waits for `edgepind pin add`."
        yield info(name, f"{probe.target.host} serves a good leaf, and no pin is known yet", remedy)
        return
    kind = warning if finding is Finding.UNANNOUNCED_ROTATION else error
    what, remedy = halves(probe.sentence)
    yield kind(name, f"finding {finding}: {what}", remedy)


def _of_roots(probe: Probe) -> Iterator[Fault]:
    """Tell that the link rests on a root which the bundled ones are too old for."""
    chains = {it.leaf.public for _, it in served(probe.link) if it.leaf.public.origin}
    for it in chains:
        yield warning(
            "roots-old",
            f"the root of {probe.target.host} is not among {it.roots}, and is accepted because "
            f"this host has it, {it.origin}",
            "Upgrade edgepind: its roots are older than the CA that the cloud uses.",
        )


def _of_addresses(probe: Probe) -> Iterator[Fault]:
    for it in probe.diagnosis.verdicts:
        if it.chain_refused is not None:
            problem = refused_chain(it.address, it.chain_refused)
            yield error(problem.id, problem.what, problem.remedy)
        if it.verdict is Finding.UNREACHABLE:
            remedy = "Check the route to it, or list the addresses to use in cloud.addresses."
            what = f"{it.address} completes no handshake ({it.error}); other addresses do"
            yield info("address-unreachable", what, remedy)


def _of_refusals(probe: Probe, settings: Settings) -> Iterator[Fault]:
    remedy = (
        "Set cloud.client_certificate to the certificate that the Edge presents."
        if not settings.cloud.client_certificate
        else "Have the cloud's operator accept the certificate of cloud.client_certificate."
    )
    for it in probe.diagnosis.verdicts:
        if it.fingerprint is not None and it.error is not None:
            what = f"{it.address} shows its leaf, and {it.error}"
            yield warning("client-certificate-wanted", what, remedy)


async def check_client_certificate(settings: Settings) -> list[Fault]:
    """Load the site's own certificate, and look at its dates."""
    certificate = find_client_certificate(settings.cloud.client_certificate)
    if certificate is None:
        return []
    problem = await run_aside(present, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate)
    if problem is not None:
        return [error("client-certificate", *halves(problem))]
    leaf, path = x509.load_pem_x509_certificate(certificate.path.read_bytes()), certificate.path
    now = datetime.now(UTC)
    if leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return []
    ends = spoken(leaf.not_valid_after_utc)
    when = f"expired on {ends}" if now > leaf.not_valid_after_utc else "is not valid yet"
    what = f"the client certificate {path} {when}"
    return [error("client-certificate-expired", what, "Write its successor to the same file.")]


def _of_signatures(edge: EdgeSettings) -> Iterator[Fault]:
    """Tell where a look cannot choose signatures of TLS 1.3."""
    if edge.tls is not HighestTls.TLS_1_2 and not can_choose_signatures():
        what = (
            "the command `openssl` is missing: where the cloud speaks TLS 1.3 alone and has "
            "certificates of two kinds, the one that OpenSSL is not shown stays unseen"
        )
        yield info("signatures-unseen", what, "Install openssl.")


# --- the status endpoint --------------------------------------------------------------------


async def check_status_endpoint(settings: Settings) -> list[Fault]:
    """Compile the jq programs and read the secret; the endpoint itself is not asked."""
    status = settings.status
    if not status.enabled:
        return []
    programs = {
        "status.current": status.current,
        "status.next": status.next,
        "status.rotates_at": status.rotates_at,
    }
    faults = [await _of_program(key, program) for key, program in programs.items()]
    return [*(fault for fault in faults if fault), *_of_secret(status.oauth)]


async def _of_program(key: str, program: str) -> Fault | None:
    outputs = await JqPrograms((program,), _DEADLINE).run(_ANY_DOCUMENT)
    if not isinstance(outputs, NoOutputs):
        return None
    if outputs.program is None:
        remedy = "Reinstall edgepind: its jq library does not work."
        return error("jq-unusable", f"{key} could not be run: {outputs.reason}", remedy)
    if not outputs.reason.startswith(_DOES_NOT_COMPILE):
        return None  # its result for a real answer is not known here
    return error("jq-program", f"{key}: {outputs.reason}", f"Correct {key}.")


def _of_secret(oauth: OAuthSettings) -> list[Fault]:
    if not oauth.token_url:
        return []
    secret = read_client_secret(oauth.client_secret_file)
    if not isinstance(secret, NoClientSecret):
        return []
    if not oauth.client_secret_file:
        what = f"whether the service has its credential {CREDENTIAL} is not visible to this command"
        return [info("oauth-secret", what, "See `systemctl show -p LoadCredential edgepind`.")]
    return [error("oauth-secret", *halves(secret.error))]
