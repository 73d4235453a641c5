"""`cloud.proxy`: what is read, what is refused, and that no password in it is ever shown."""

import pytest

from edgepind.settings.load import judge
from edgepind.settings.proxy import Proxy
from edgepind.settings.schema import Settings

PASSWORD = "s3cret:/@#word"  # noqa: S105  opens nothing


def _judged(url: object) -> object:
    return judge({"cloud": {"host": "acme.test", "proxy": url}}, {})


@pytest.mark.parametrize(
    ("url", "proxy", "shown"),
    [
        ("", None, "None"),
        ("http://proxy.example:3128", Proxy("proxy.example", 3128), "proxy.example:3128"),
        ("http://Proxy.Example:3128/", Proxy("proxy.example", 3128), "proxy.example:3128"),
        ("https://proxy.example", Proxy("proxy.example", 443, tls=True), "proxy.example:443"),
        ("http://proxy", Proxy("proxy", 80), "proxy:80"),
        ("http://192.0.2.7:8080", Proxy("192.0.2.7", 8080), "192.0.2.7:8080"),
        ("http://[2001:db8::1]:8080", Proxy("2001:db8::1", 8080), "[2001:db8::1]:8080"),
    ],
)
def test_a_proxy_is_a_scheme_a_host_and_a_port(url: str, proxy: Proxy | None, shown: str) -> None:
    """Without a port it is the scheme's own."""
    settings = _judged(url)
    assert isinstance(settings, Settings), settings
    assert settings.cloud.proxy == proxy
    assert str(settings.cloud.proxy) == shown


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("proxy.example:3128", "does not begin with http:// or https://"),
        ("socks5://proxy.example:1080", "does not begin with http:// or https://"),
        ("http://", "does not begin with"),
        ("http://:3128", "does not begin with"),
        ("http://proxy.example:3128/path", "goes on after"),
        ("http://proxy.example:3128?a=b", "goes on after"),
        ("http://proxy.example:0", "its port is 0"),
        ("http://proxy.example:70000", "not a URL"),
        ("http://pro_xy:3128", "its host is wrong"),
        ("http://[::1:3128", "not a URL"),
        ("http://127.1:3128", "its host is wrong"),
        (3128, "a number, not text"),
    ],
)
def test_what_is_no_proxy_is_refused_with_the_reason(url: object, reason: str) -> None:
    """And the remedy shows one."""
    faults = _judged(url)
    assert isinstance(faults, tuple)
    (fault,) = faults
    assert reason in fault.reason
    assert "http://proxy.example:3128" in fault.remedy


@pytest.mark.parametrize(
    "url",
    [
        f"http://edge:{PASSWORD}@proxy.example:3128",
        f"https://edge:{PASSWORD}@proxy.example",
        f"edge:{PASSWORD}@proxy.example:3128",
        f"http://edge:{PASSWORD}@proxy.example:notaport",
        f"http://edge:{PASSWORD}@proxy.example\0",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    """It belongs into its file; a message goes into the journal."""
    faults = _judged(url)
    assert isinstance(faults, tuple)
    (fault,) = faults
    assert "s3cret" not in str(fault)
    assert "word" not in str(fault).replace("password", "")
    assert "proxy.example" in str(fault)


def test_the_message_names_where_credentials_belong() -> None:
    """The usual mistake has its own reason."""
    faults = _judged("http://edge:s3cret@proxy.example:3128")
    assert isinstance(faults, tuple)
    assert "cloud.proxy_credentials_file" in str(faults[0])
