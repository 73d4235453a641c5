"""What a cloud announces, and the pins by which whoever asks it knows it."""

from collections.abc import Callable, Iterable, Mapping

from edgepind.lab.http1 import Response
from edgepind.lab.pki import Credential
from edgepind.model.enums import PinKind
from edgepind.model.pin import PinKey, Trust
from edgepind.observe.status_endpoint import StatusEndpoint
from tests.support.recorder import json_response

MakeEndpoint = Callable[..., StatusEndpoint]
"""What the fixture `endpoint` gives."""


def pins(*believed: Credential, unbelieved: Iterable[Credential] = ()) -> Trust:
    """Pin these certificates, all with standing but for `unbelieved`."""
    keys = _keys(believed)
    return Trust(accepted=keys | _keys(unbelieved), believed=keys)


def _keys(credentials: Iterable[Credential]) -> frozenset[PinKey]:
    return frozenset((PinKind.CERTIFICATE, it.fingerprint) for it in credentials)


def announcing(
    current: Credential,
    following: Credential | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What the cloud says while it serves one certificate and plans another."""
    page = {"certificateFingerprint": str(current.fingerprint)}
    if following is not None:
        page["nextCertificateFingerprint"] = str(following.fingerprint)
    return json_response(page, headers)
