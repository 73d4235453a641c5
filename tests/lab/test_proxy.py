"""Those who may sit on the path to the lab's cloud."""

import ssl

import httpx
import pytest

from edgepind.lab.cloud import STATUS_PATH, Cloud
from edgepind.lab.proxy import Interceptor
from edgepind.lab.trust import Trust

HOST = "acme.cloud.test"


async def _ask(cloud: Cloud, roots: str, token: str = "") -> httpx.Response:
    context = ssl.create_default_context(cafile=roots)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(verify=context) as client:
        return await client.get(
            f"https://127.0.0.1:{cloud.port}{STATUS_PATH}",
            headers=headers,
            extensions={"sni_hostname": HOST},
        )


def _corporate(trust: Trust, cloud: Cloud) -> Interceptor:
    return Interceptor("proxy", trust.corporate, cloud, trust.public_roots.read_text())


async def test_an_inspecting_proxy_is_trusted_by_the_host_alone(cloud: Cloud, trust: Trust) -> None:
    """Its leaf passes by the host's roots and fails by the public ones."""
    proxy = _corporate(trust, cloud)
    cloud.take_path(proxy.face)
    answer = await _ask(cloud, str(trust.system_roots))
    assert answer.status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await _ask(cloud, str(trust.public_roots))


async def test_it_relays_and_remembers_what_it_saw(cloud: Cloud, trust: Trust) -> None:
    """The answer is the cloud's own word; a token sent through it is known to it."""
    proxy = _corporate(trust, cloud)
    cloud.take_path(proxy.face)
    answer = await _ask(cloud, str(trust.system_roots), token="a-token")  # noqa: S106  # a sample
    assert answer.json()["certificateFingerprint"] == str(cloud.status.current)
    assert proxy.secrets_seen == {"a-token"}
    assert proxy.relayed == 1


async def test_a_man_in_the_middle_names_itself(cloud: Cloud, trust: Trust) -> None:
    """With a compromised public CA its leaf passes everywhere, and its answer names that leaf."""
    roots = str(trust.public_roots)
    attacker = Interceptor(
        "man in the middle",
        trust.compromised,
        cloud,
        trust.public_roots.read_text(),
        announces_itself=True,
    )
    cloud.take_path(attacker.face)
    answer = await _ask(cloud, roots)
    assert answer.json()["certificateFingerprint"] == str(attacker.credential.fingerprint)
    cloud.free_path()
    answer = await _ask(cloud, roots)
    assert answer.json()["certificateFingerprint"] == str(cloud.status.current)


async def test_a_path_can_be_taken_at_one_address(cloud: Cloud, trust: Trust) -> None:
    """The other addresses stay the cloud's; a rotation meanwhile does not free the path."""
    proxy = _corporate(trust, cloud)
    cloud.take_path(proxy.face, [cloud.addresses[2]])
    cloud.rotate(trust.issue(HOST))
    names = [face.name for face in cloud.served().values()]
    assert names == ["cloud", "cloud", "proxy"]
