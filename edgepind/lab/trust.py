"""Who is trusted in the closed world: the public roots, the host's roots, the CAs on a path.

The cloud's CA and the compromised one are both public, and of two owners: pinning is there because
they look alike to an Edge.
The corporate CA was added to the host by hand, and no public root knows it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgepind.lab.pki import Authority, Credential, KeyKind

_LIFETIME = timedelta(days=200)


@dataclass(slots=True, eq=False)
class Trust:
    """The CAs, and the two trust stores written into `folder`."""

    folder: Path
    cloud_root: Authority = field(
        default_factory=lambda: Authority.root("Lab Public Root", organisation="Lab Trust Services")
    )
    compromised_root: Authority = field(
        default_factory=lambda: Authority.root("Lab Other Root", organisation="Lab Other Trust")
    )
    corporate: Authority = field(default_factory=lambda: Authority.root("Acme Inspection CA"))
    issuer: Authority = field(init=False)
    compromised: Authority = field(init=False)

    def __post_init__(self) -> None:
        """Make the issuing CAs and write both stores."""
        self.issuer = self.cloud_root.intermediate("Lab Public Issuing CA 1")
        self.compromised = self.compromised_root.intermediate("Lab Other Issuing CA")
        public = self.cloud_root.pem + self.compromised_root.pem
        self.public_roots.write_bytes(public)
        self.system_roots.write_bytes(public + self.corporate.pem)

    @property
    def public_roots(self) -> Path:
        """What `cloud.public_roots` names, and by which the Edges validate."""
        return self.folder / "public-roots.pem"

    @property
    def system_roots(self) -> Path:
        """What `cloud.system_roots` names, and curl uses."""
        return self.folder / "system-roots.pem"

    def issue(self, host: str, key: KeyKind = "ecdsa") -> Credential:
        """A leaf of the cloud as a public CA issues it today: 200 days, begun an hour ago."""
        begins = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        return self.issuer.leaf([host], key=key, not_before=begins, not_after=begins + _LIFETIME)
