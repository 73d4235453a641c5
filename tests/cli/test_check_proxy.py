"""`edgepind check` and the environments of units: read as systemd tells them, named once each."""

from pathlib import Path

import pytest

from edgepind.cli.checks.proxy import VARIABLES, check_proxy
from edgepind.settings.proxy import Proxy
from edgepind.settings.schema import CloudSettings, EdgeSettings, PathsSettings, Settings

_SYSTEMCTL = """\
#!/bin/sh
case "$3 $4" in
  "-pEnvironment edgepind.service") echo 'LANG=C "HTTPS_PROXY=http://u:s3cret@proxy.example:3128"';;
  "-pEnvironment purecloud-edge.service")
    echo 'HTTPS_PROXY=proxy.example:3128 "JAVA_OPTS=-Da=b -Dc" all_proxy=socks5://10.0.0.1:1080';;
  "-pMainPID "*) echo 0;;
  *) exit 1;;
esac
"""


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose systemd knows two units with a proxy in their environments."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    program = tmp_path / "systemctl"
    program.write_text(_SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def _settings(
    folder: Path, *, proxy: Proxy | None = None, command: tuple[str, ...] = ()
) -> Settings:
    return Settings(
        CloudSettings("acme.test", proxy=proxy),
        edge=EdgeSettings(restart_command=command),
        paths=PathsSettings(folder, folder),
    )


@pytest.mark.usefixtures("units")
async def test_both_units_are_asked_and_each_variable_is_told_once(tmp_path: Path) -> None:
    """With the setting that would have it used, and without the password."""
    faults = await check_proxy(_settings(tmp_path))
    told = {it.what: it.remedy for it in faults}
    assert "s3cret" not in str(faults)
    both, own = told
    assert both.startswith(
        "HTTPS_PROXY (http://proxy.example:3128) is set for edgepind.service and "
        "purecloud-edge.service, and edgepind does not use it: it dials the cloud directly"
    )
    assert own.startswith("all_proxy (socks5://10.0.0.1:1080) is set for purecloud-edge.service,")
    assert told[both].startswith('Set cloud.proxy = "http://proxy.example:3128"')
    assert told[own].startswith("Where the Edge goes through an HTTP proxy, set cloud.proxy")
    assert {(it.id, str(it.severity)) for it in faults} == {("proxy-variable-unused", "info")}


@pytest.mark.usefixtures("units")
async def test_the_edges_unit_is_not_asked_where_there_is_none(tmp_path: Path) -> None:
    """Under `restart_command` only edgepind's own counts."""
    (fault,) = await check_proxy(_settings(tmp_path, command=("/bin/true",)))
    assert "is set for edgepind.service, and" in fault.what


@pytest.mark.usefixtures("units")
async def test_with_the_setting_no_variable_matters(tmp_path: Path) -> None:
    """It is the setting that is used."""
    assert await check_proxy(_settings(tmp_path, proxy=Proxy("proxy.example", 3128))) == []


async def test_what_cannot_be_read_as_a_url_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might be a password; the remedy shows an example."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://u:s3cret@[broken:99999")
    (fault,) = await check_proxy(_settings(tmp_path))
    assert "s3cret" not in fault.what + fault.remedy
    assert fault.what.startswith("HTTPS_PROXY is set for this command, and")
    assert "http://proxy.example:3128" in fault.remedy
