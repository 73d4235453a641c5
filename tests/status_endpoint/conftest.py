"""One small PKI and one endpoint under test for the whole folder."""

from collections.abc import AsyncIterator, Callable

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.pki import Authority, Credential
from edgepind.observe.resolve import Resolver
from edgepind.observe.status_endpoint import StatusEndpoint
from edgepind.settings.kinds import Address
from edgepind.settings.schema import CloudSettings, Settings, StatusSettings

HOST = "acme.cloud.test"


@pytest.fixture(scope="session")
def root() -> Authority:
    """Its root."""
    return Authority.root("Public Root")


@pytest.fixture(scope="session")
def issuer(root: Authority) -> Authority:
    """What issues the cloud's certificates."""
    return root.intermediate("Public Issuer")


@pytest.fixture(scope="session")
def roots(root: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`cloud.public_roots` of this world."""
    return str(root.write(tmp_path_factory.mktemp("roots") / "roots.pem"))


@pytest.fixture(scope="session")
def leaf(issuer: Authority) -> Credential:
    """What the cloud serves."""
    return issuer.leaf([HOST])


@pytest.fixture(scope="session")
def next_leaf(issuer: Authority) -> Credential:
    """What it will serve."""
    return issuer.leaf([HOST])


@pytest.fixture(scope="session")
def private_leaf() -> Credential:
    """A leaf of the right name that reaches no public root."""
    return Authority.root("Some Private Root").leaf([HOST])


_PLAIN = StatusSettings()


@pytest.fixture
async def endpoint(roots: str) -> AsyncIterator[Callable[..., StatusEndpoint]]:
    """Make endpoints by the addresses of the cloud; all are closed when the test is over."""
    made: list[StatusEndpoint] = []

    def make(
        *addresses: Address,
        timeout: float = 5.0,
        status: StatusSettings = _PLAIN,
        public_roots: str = roots,
    ) -> StatusEndpoint:
        cloud = CloudSettings(HOST, addresses=addresses, timeout=timeout, public_roots=public_roots)
        made.append(StatusEndpoint(Settings(cloud, status), Resolver(), SystemClock().now))
        return made[-1]

    yield make
    for each in made:
        await each.close()
