"""What each key takes and refuses; a refusal names the key, the value and the remedy."""

from pathlib import Path
from typing import Any

import pytest

from edgepind.model.enums import Bootstrap, PinKind, Policy, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.settings.kinds import Address
from edgepind.settings.load import SettingsFault, judge
from edgepind.settings.schema import Settings

_PIN = ":".join(["AB"] * 32)


def _document(dotted: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = {"cloud": {"host": "acme.example"}}
    *tables, name = dotted.split(".")
    inner = document
    for table in tables:
        inner = inner.setdefault(table, {})
    inner[name] = value
    return document


def _attribute(settings: Settings, dotted: str) -> object:
    value: object = settings
    for name in dotted.split("."):
        value = getattr(value, name)
    return value


def _taken(dotted: str, value: object) -> object:
    settings = judge(_document(dotted, value), {})
    assert isinstance(settings, Settings)
    return _attribute(settings, dotted)


def _refused(dotted: str, value: object) -> SettingsFault:
    faults = judge(_document(dotted, value), {})
    assert isinstance(faults, tuple)
    (fault,) = faults
    return fault


@pytest.mark.parametrize(
    ("dotted", "value", "meaning"),
    [
        ("cloud.host", "ACME.Example.", "acme.example"),
        ("cloud.host", "bücher.example", "xn--bcher-kva.example"),
        ("cloud.host", "localhost", "localhost"),
        ("cloud.port", 65_535, 65_535),
        ("cloud.addresses", ["192.0.2.1:8443"], (Address("192.0.2.1", 8443),)),
        ("cloud.addresses", ["192.0.2.1"], (Address("192.0.2.1", 443),)),
        ("cloud.addresses", ["2001:DB8::1"], (Address("2001:db8::1", 443),)),
        ("cloud.addresses", ["[2001:db8::1]:1"], (Address("2001:db8::1", 1),)),
        ("cloud.addresses", ["::1", "[::1]", "[::1]:443"], (Address("::1", 443),)),
        ("cloud.public_roots", "/etc/roots.pem", "/etc/roots.pem"),
        ("cloud.interval", "1h 30min", 5400.0),
        ("cloud.timeout", "0.5", 0.5),
        ("status.enabled", False, False),
        ("status.url", "https://[2001:db8::1]:8443/x?y=z", "https://[2001:db8::1]:8443/x?y=z"),
        ("status.current", ".a\n| .b", ".a\n| .b"),
        ("status.oauth.scopes", [], ()),
        ("status.oauth.client_secret_file", "/run/secret", "/run/secret"),
        ("edge.pinning_config", "/a/b.json", Path("/a/b.json")),
        ("edge.owner", "DOMAIN\\user:group_name", "DOMAIN\\user:group_name"),
        ("edge.owner", "0:0", "0:0"),
        ("edge.mode", "640", 0o640),
        ("edge.validator", "single", Validator.SINGLE),
        ("edge.unit", "edge@1.service", "edge@1.service"),
        ("edge.helper", "", ""),
        ("edge.helper", "/run/x.sock", "/run/x.sock"),
        ("edge.restart_command", ["true"], ("true",)),
        ("edge.ready_command", ["/bin/sh", "-c", "exit 0\n"], ("/bin/sh", "-c", "exit 0\n")),
        ("edge.restart_budget", 0, 0),
        ("pins.kind", "spki", PinKind.SPKI),
        ("pins.policy", "strict", Policy.STRICT),
        ("pins.bootstrap", "operator", Bootstrap.OPERATOR),
        ("pins.sightings", 1, 1),
        ("pins.issuers", [_PIN, _PIN.lower()], frozenset({Fingerprint(b"\xab" * 32)})),
        ("fail_open.budget", 0, 0),
        ("interception.exceptions", ["/etc/proxy.pem"], (Path("/etc/proxy.pem"),)),
        ("log.level", "debug", "debug"),
        ("log.format", "json", "json"),
        ("metrics.textfile", "/var/lib/x/edgepind.prom", "/var/lib/x/edgepind.prom"),
        ("paths.state", "/srv/state", Path("/srv/state")),
    ],
)
def test_a_right_value_is_taken(dotted: str, value: object, meaning: object) -> None:
    """It comes out as the schema's type, in the one spelling."""
    taken = _taken(dotted, value)
    assert taken == meaning
    assert type(taken) is type(meaning)


@pytest.mark.parametrize(
    ("dotted", "value", "reason"),
    [
        ("cloud.host", "", "not a DNS name"),
        ("cloud.host", "192.0.2.1", "SNI"),
        ("cloud.host", "[::1]:443", "SNI"),
        ("cloud.host", "127.1", "ends in a number"),
        ("cloud.host", "acme.example:443", "port"),
        ("cloud.host", "https://acme.example", "URL"),
        ("cloud.host", "*.example", "not a DNS name"),
        ("cloud.host", "a_b.example", "not a DNS name"),
        ("cloud.host", "a" * 64, "not a DNS name"),
        ("cloud.host", "a\u200d.example", "international"),
        ("cloud.host", "a\0b", "NUL"),
        ("cloud.port", 0, "below 1"),
        ("cloud.port", 65_536, "above 65535"),
        ("cloud.port", True, "not a whole number"),
        ("cloud.port", 443.0, "not a whole number"),
        ("cloud.port", "443", "it is text"),
        ("cloud.addresses", "192.0.2.1", "not a list"),
        ("cloud.addresses", ["192.0.2.1", "acme.example"], 'item 2, "acme.example"'),
        ("cloud.addresses", ["192.0.2.1:0"], "port is not from 1"),
        ("cloud.addresses", ["[192.0.2.1]:1"], "not a numeric address"),
        ("cloud.addresses", ["fe80::1%eth0"], "not a numeric address"),
        ("cloud.addresses", [443], "it is a number"),
        ("cloud.public_roots", "system", "not an absolute path"),
        ("cloud.interval", 60, "not text"),
        ("cloud.interval", "0s", "not above zero"),
        ("cloud.interval", "infinity", "no end"),
        ("cloud.interval", "1001y", "longer"),
        ("cloud.timeout", "soon", "not a number"),
        ("status.enabled", "yes", "not true or false"),
        ("status.enabled", 1, "not true or false"),
        ("status.url", "http://acme.example/", "https://"),
        ("status.url", "https:///x", "https://"),
        ("status.url", "https://me:pw@acme.example/", "password"),
        ("status.url", "https://acme.example/#x", "fragment"),
        ("status.url", "https://acme.example:0/", "port is 0"),
        ("status.url", "https://acme.example:99999/", "not a URL"),
        ("status.url", "https://[::1/", "not a URL"),
        ("status.url", "https://[v1.x]/", "brackets"),
        ("status.url", "https://a_b/", "host is wrong"),
        ("status.url", "https://acme.example/a b", "character"),
        ("status.next", " ", "empty"),
        ("status.oauth.scopes", ["a b"], "scope"),
        ("status.oauth.client_id", 7, "not text"),
        ("edge.pinning_config", "pinning-config.json", "not an absolute path"),
        ("edge.pinning_config", "", "empty"),
        ("edge.pinning_config", "/etc/", "folder"),
        ("edge.owner", "root", "colon"),
        ("edge.owner", "a:b:c", "colon"),
        ("edge.mode", 600, "not text"),
        ("edge.mode", "0o600", "octal"),
        ("edge.mode", "0800", "octal"),
        ("edge.mode", "4755", "octal"),
        ("edge.validator", "both", "not one of the known words"),
        ("edge.unit", "purecloud-edge", "systemd service"),
        ("edge.unit", "a/b.service", "systemd service"),
        ("edge.unit", f"{'a' * 255}.service", "systemd service"),
        ("edge.helper", "apply.sock", "not an absolute path"),
        ("edge.restart_command", "true", "not a list"),
        ("edge.restart_command", ["bin/true"], "neither an absolute path"),
        ("edge.restart_command", ["/bin/true", ""], "item 2"),
        ("edge.restart_budget", -1, "below 0"),
        ("edge.restart_budget", 2**64, "above"),
        ("pins.sightings", 0, "below 1"),
        ("pins.policy", "Strict", "not one of the known words"),
        ("pins.issuers", ["AA"], "1 octets"),
        ("pins.issuers", [_PIN[: 20 * 3 - 1]], "SHA-1"),
        ("log.level", "notice", "not one of the known words"),
        ("metrics.textfile", "/var/lib/x/edgepind.txt", ".prom"),
        ("metrics.textfile", "edgepind.prom", "not an absolute path"),
        ("paths.runtime", "", "empty"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(dotted: str, value: object, reason: str) -> None:
    """One fault, and it names the key, shows the value, and says what belongs there."""
    fault = _refused(dotted, value)
    assert fault.key == dotted
    assert fault.value
    assert reason in fault.reason
    assert fault.remedy.startswith("Write ")
    assert fault.remedy.endswith(".")


def test_a_port_of_the_cloud_is_the_default_of_its_addresses() -> None:
    """Whatever order the keys stand in."""
    document = {"cloud": {"addresses": ["::1", "192.0.2.1:1"], "port": 8443, "host": "a.example"}}
    settings = judge(document, {})
    assert isinstance(settings, Settings)
    assert [str(address) for address in settings.cloud.addresses] == ["[::1]:8443", "192.0.2.1:1"]


def test_a_token_needs_a_client() -> None:
    """The one rule across keys."""
    fault = _refused("status.oauth.token_url", "https://login.example/token")
    assert fault.key == "status.oauth.client_id"
    assert "missing" in fault.reason
    document = _document("status.oauth.token_url", "https://login.example/token")
    document["status"]["oauth"]["client_id"] = "me"
    assert isinstance(judge(document, {}), Settings)


def test_systemds_folders_stand_in_for_unset_paths_only() -> None:
    """The first of several counts; what the file says wins."""
    environ = {"STATE_DIRECTORY": "/s/one:/s/two", "RUNTIME_DIRECTORY": "/r/one"}
    unset = judge({"cloud": {"host": "a.example"}}, environ)
    assert isinstance(unset, Settings)
    assert (unset.paths.state, unset.paths.runtime) == (Path("/s/one"), Path("/r/one"))
    settings = judge(_document("paths.state", "/mine"), environ)
    assert isinstance(settings, Settings)
    assert settings.paths.state == Path("/mine")


def test_a_relative_folder_in_the_environment_is_a_fault() -> None:
    """It is named with the variable that it stands in."""
    faults = judge({"cloud": {"host": "a.example"}}, {"STATE_DIRECTORY": "here"})
    assert isinstance(faults, tuple)
    assert [fault.key for fault in faults] == ["paths.state"]
    assert "STATE_DIRECTORY" in str(faults[0])


@pytest.mark.parametrize(
    ("dotted", "guess"),
    [
        ("cloud.prot", "cloud.port"),
        ("cloud.Host", "cloud.host"),
        ("pins.hold-down", "pins.hold_down"),
        ("cloud.hold_down", "pins.hold_down"),
        ("status.oauth.client_secret", "status.oauth.client_secret_file"),
        ("clod", "[cloud]"),
        ("hold_down", "pins.hold_down"),
        ("cloud.qqq", "public_roots"),
        ("qqq", "fail_open"),
    ],
)
def test_an_unknown_name_is_refused_with_a_guess(dotted: str, guess: str) -> None:
    """The nearest in its table, else the same name elsewhere, else all there are."""
    fault = _refused(dotted, 1)
    assert fault.key == dotted.replace("hold-down", '"hold-down"')
    assert "no such" in fault.reason
    assert guess in fault.remedy


def test_every_fault_is_listed_at_once() -> None:
    """In the order of the file; what is missing comes after it."""
    document: dict[str, Any] = {
        "clock": 5,
        "cloud": {"port": "x", "prot": 1},
        "pins": {"policy": "lax", "sightings": 0},
        "edge": [{"unit": "x"}],
    }
    faults = judge(document, {})
    assert isinstance(faults, tuple)
    assert [fault.key for fault in faults] == [
        "clock",
        "cloud.port",
        "cloud.prot",
        "pins.policy",
        "pins.sightings",
        "edge",
        "cloud.host",
    ]


def test_only_the_host_is_required() -> None:
    """And its absence is told with what to write."""
    faults = judge({}, {})
    assert isinstance(faults, tuple)
    (fault,) = faults
    assert str(fault) == (
        "cloud.host: it is missing. "
        'Add it under [cloud]: host = "acme.mypurecloud.com", with your own.'
    )
    assert isinstance(judge({"cloud": {"host": "a.example"}}, {}), Settings)
