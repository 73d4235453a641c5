"""Section 5: the status endpoint, whose every answer may be broken, hostile or a lie."""

import gzip
import json
import time

from edgepind.lab.cloud import STATUS_PATH, TOKEN_PATH, Cloud
from edgepind.lab.http1 import Request, Response
from edgepind.lab.oauth import TokenDesk, bearer_token
from edgepind.lab.proxy import Interceptor
from edgepind.model.fingerprint import Fingerprint
from tests.support.blackbox import (
    WatchedPage,
    install_current,
    install_pins,
    one_tick,
    pass_ticks,
    poke,
    roles,
    status_reply,
    told,
    until_status,
)
from tests.support.small_site import HOST, Site

STRANGER = str(Fingerprint(bytes(range(32))))
LIMIT = 64 * 1024
WEAK = STRANGER[:59]
GZIP = {"content-encoding": "gzip"}


def watch(site: Site) -> WatchedPage:
    """Exchange the cloud's status page for one that remembers who asked."""
    page = WatchedPage(site.cloud.status.current)
    site.cloud.status = page
    return page


def padded(page: dict[str, str], size: int) -> bytes:
    """The page as JSON of exactly that many octets."""
    bare = len(json.dumps({**page, "pad": ""}))
    return json.dumps({**page, "pad": "x" * (size - bare)}).encode()


def intercept(site: Site, *, public: bool, announces: bool = True) -> Interceptor:
    """Let somebody answer on every path, who names his own leaf as the cloud's."""
    trust = site.trust
    authority = trust.compromised if public else trust.corporate
    roots = trust.public_roots.read_text()
    somebody = Interceptor("somebody", authority, site.cloud, roots, announces_itself=announces)
    site.cloud.take_path(somebody.face)
    site.cloud.hang_up()
    return somebody


def use_oauth(site: Site, desk: TokenDesk, token_url: str = "", **more: list[str]) -> None:
    """Give the daemon a client of the cloud's desk."""
    (site.folder / "secret").write_text(desk.enrol("edge-1") + "\n")
    site.tables["status.oauth"] = {
        "token_url": token_url or f"https://{HOST}:{site.cloud.port}{TOKEN_PATH}",
        "client_id": "edge-1",
        "client_secret_file": str(site.folder / "secret"),
        **more,
    }
    site.write_settings({})


async def test_what_is_no_usable_answer_is_rejected_and_changes_nothing(site: Site) -> None:
    """HTML, null, weak, doubled, cut, too long, two values: told each time, nothing learned."""
    current = str(install_current(site))
    program = '.certificateFingerprint | if type == "array" then .[] else . end'
    site.write_settings({"cloud": {"interval": "1h"}, "status": {"current": program}})
    page = {"certificateFingerprint": current}
    named = {**page, "nextCertificateFingerprint": STRANGER}
    whole = json.dumps(named)
    answers: tuple[tuple[str, Response], ...] = (
        ("HTML", Response(200, {"content-type": "text/html"}, b"<html>Sign in</html>")),
        ("null", status_reply(b"null")),
        ("nothing", status_reply(b"")),
        ("a list", status_reply([named])),
        ("text", status_reply(json.dumps(current).encode())),
        ("no such key", status_reply({"rotationScheduledAt": "2027-01-02T03:04:05Z"})),
        ("null in it", status_reply({"certificateFingerprint": None})),
        ("no text in it", status_reply({"certificateFingerprint": ""})),
        ("the word null", status_reply({"certificateFingerprint": "null"})),
        ("two values", status_reply({"certificateFingerprint": [current, STRANGER]})),
        ("both weak", status_reply({f"{it}ertificateFingerprint": WEAK for it in ("c", "nextC")})),
        ("doubled key", status_reply((whole[:-1] + ', "a": 1, "a": 2}').encode())),
        ("trailing data", status_reply((whole + whole).encode())),
        ("cut", status_reply(whole[:-1].encode())),
        ("NaN", status_reply((whole[:-1] + ', "a": NaN}').encode())),
        ("deep", status_reply((whole[:-1] + ', "a": ' + "[" * 20_000 + "}").encode())),
        ("no UTF-8", status_reply(whole.encode("utf-16"))),
        ("too long", status_reply(padded(named, LIMIT + 1))),
        (
            "too long when decoded",
            status_reply(gzip.compress(padded(named, 40 * LIMIT)), headers=GZIP),
        ),
    )
    await site.daemon.start()
    await site.until(lambda: site.daemon.status().get("finding") == "pinned", "the first tick")
    for what, answer in answers:
        site.cloud.status.scripted = answer
        endpoint = (await one_tick(site))["status_endpoint"]
        assert (endpoint["ok"], endpoint["channel"]) == (False, "pinned"), what
        assert told(site, "status_rejected")[-1]["MESSAGE"].count(endpoint["error"]) == 1, what
    for good in (padded(page, LIMIT), b"\xef\xbb\xbf" + json.dumps(page).encode()):
        site.cloud.status.scripted = status_reply(b"null")
        assert (await one_tick(site))["status_endpoint"]["ok"] is False
        site.cloud.status.scripted = status_reply(good)
        assert (await one_tick(site))["status_endpoint"]["ok"] is True
    assert roles(site) == {current: "current"}
    assert site.pinning()["fingerprints"] == [current]


async def test_each_field_counts_by_itself(site: Site) -> None:
    """What is not understood in one is named once, as long as it lasts, and ignored."""
    current = str(install_current(site))
    site.write_settings({"cloud": {"interval": "1h"}})
    page = {"certificateFingerprint": current, "nextCertificateFingerprint": STRANGER}
    await site.daemon.start()
    await site.until(lambda: site.daemon.status().get("finding") == "pinned", "the first tick")

    async def says(**fields: object) -> str | None:
        site.cloud.status.scripted = status_reply({**page, **fields})
        endpoint = (await one_tick(site))["status_endpoint"]
        assert endpoint["ok"]
        error: str | None = endpoint["error"]
        return error

    def told_of(field: str) -> int:
        site.daemon.follow()
        return sum(f"`{field}` is no" in it["MESSAGE"] for it in site.daemon.events)

    assert "`next`" in str(await says(nextCertificateFingerprint=WEAK))
    assert roles(site) == {current: "current"}
    assert await says(nextCertificateFingerprint="") is None
    assert await says(nextCertificateFingerprint=None) is None
    for nonsense in ("tomorrow", "soon", "tomorrow"):
        assert "`rotates_at`" in str(await says(rotationScheduledAt=nonsense))
    assert roles(site) == {current: "current", STRANGER: "backup"}
    for time_of_day in ("2027-01-02T03:04Z", 1_798_000_000_000, "", None):
        assert await says(rotationScheduledAt=time_of_day) is None
    assert "`current`" in str(await says(certificateFingerprint="null"))
    assert (told_of("next"), told_of("rotates_at"), told_of("current")) == (1, 1, 1)
    assert not told(site, "status_rejected")


async def test_redirects_are_not_followed(site: Site) -> None:
    """Whoever is pointed to is never asked, and the answer counts for nothing."""
    current = str(install_current(site))
    page = watch(site)
    target = f"https://{HOST}:{site.cloud.port}{STATUS_PATH}?followed"
    page.scripted = status_reply(
        {"certificateFingerprint": current, "nextCertificateFingerprint": STRANGER},
        status=302,
        headers={"location": target},
    )
    await site.daemon.start()
    await site.until_event("status_unreachable")
    await pass_ticks(site, 2)
    assert not [it for it in page.requests if "followed" in it.target]
    assert roles(site) == {current: "current"}


async def test_patience_that_is_asked_for_is_given(site: Site) -> None:
    """429 and 503 with Retry-After: nobody asks before, prompted or not; then all goes on."""
    install_current(site)
    page = watch(site)
    site.write_settings({"cloud": {"interval": "50ms"}})
    for status in (429, 503):
        page.scripted = status_reply(b"", status=status, headers={"retry-after": "1"})
        if site.daemon.pid is None:
            await site.daemon.start()
        else:
            poke(site)
        asked = len(page.requests)
        await site.until(lambda it=asked: len(page.requests) > it, f"{status}")  # type: ignore[misc]
        answered, asked = time.monotonic(), len(page.requests)
        page.scripted = None
        while len(page.requests) == asked:
            poke(site)
            await pass_ticks(site, 1)
        assert time.monotonic() - answered > 0.9
        await until_status(site, status_endpoint={"ok": True, "channel": "pinned", "error": None})


async def test_an_etag_is_used_when_offered(site: Site) -> None:
    """The second request is conditional, and 304 means that the answer still stands."""
    install_current(site)
    page = watch(site)
    page.tagged = True
    await site.daemon.start()
    await site.until(
        lambda: sum("if-none-match" in it.headers for it in page.requests) >= 2, "two 304s"
    )
    assert site.daemon.status()["status_endpoint"] == {
        "ok": True,
        "channel": "pinned",
        "error": None,
    }
    page.next = site.issue().fingerprint
    await site.until(lambda: roles(site).get(str(page.next)) == "backup", "a changed answer")


async def test_an_announcement_is_a_backup_and_takes_nothing_away(site: Site) -> None:
    """A `current` that is not live, or a `next`: backup at once; what is live stays current."""
    live = str(install_current(site))
    site.write_settings({"pins": {"policy": "strict"}})
    await site.daemon.start()
    first, second = (str(site.issue().fingerprint) for _ in range(2))
    site.cloud.status.scripted = status_reply({"certificateFingerprint": first})
    await site.until(lambda: roles(site) == {live: "current", first: "backup"}, "the first")
    page = {"certificateFingerprint": live, "nextCertificateFingerprint": second}
    site.cloud.status.scripted = status_reply(page)
    await site.until(lambda: roles(site) == {live: "current", second: "backup"}, "the second")
    await site.until(lambda: site.pinning()["fingerprints"] == [live, second], "the document")
    origins = {pin["fingerprint"]: pin["origin"] for pin in site.daemon.status()["pins"]}
    assert origins == {live: "operator", second: "announced"}
    site.cloud.status.scripted = status_reply({"certificateFingerprint": live})
    await pass_ticks(site, 3)
    assert roles(site)[second] == "backup", "silence takes nothing away"


async def test_a_retired_pin_comes_back_by_no_announcement(site: Site) -> None:
    """A replayed old answer is told as refused; the pin stays out."""
    old = str(install_current(site))
    await site.daemon.start()
    site.cloud.status.next = (fresh := site.issue()).fingerprint
    await site.until(lambda: len(site.pinning()["fingerprints"]) == 2, "the backup")
    site.cloud.rotate(fresh)
    await site.until_event("pin_retired")
    page = {"certificateFingerprint": str(fresh.fingerprint), "nextCertificateFingerprint": old}
    site.cloud.status.scripted = status_reply(page)
    await site.until(lambda: told(site, "pin_refused"), "the refusal")
    assert told(site, "pin_refused")[0]["EDGEPIND_FINGERPRINT"] == old
    await pass_ticks(site, 2)
    assert site.pinning()["fingerprints"] == [str(fresh.fingerprint)]


async def test_a_pinned_connection_stays_a_pinned_channel(site: Site) -> None:
    """It was pinned when it was made: what it announces counts, though the leaf has changed."""
    install_current(site)
    site.write_settings({"pins": {"policy": "strict"}})
    await site.daemon.start()
    await site.until(lambda: site.daemon.status().get("status_endpoint", {}).get("ok"), "an answer")
    site.cloud.rotate(fresh := site.issue())
    await site.until(
        lambda: roles(site).get(str(fresh.fingerprint)) == "current", "the rotation followed"
    )
    [pin] = [it for it in site.daemon.status()["pins"] if it["role"] == "current"]
    assert pin["origin"] == "announced"


async def test_no_token_goes_to_an_unpinned_peer(site: Site) -> None:
    """Nor the client's secret; an anonymous question may be asked, and its answer is a hint."""
    current = str(install_current(site))
    site.cloud.desk = TokenDesk()
    use_oauth(site, site.cloud.desk)
    site.write_settings({"pins": {"policy": "strict"}})
    page = watch(site)
    await site.daemon.start()
    await until_status(site, status_endpoint={"ok": True, "channel": "pinned", "error": None})
    assert all(bearer_token(it) for it in page.requests)
    mitm = intercept(site, public=True)
    await site.until(
        lambda: site.daemon.status()["status_endpoint"]["channel"] == "unpinned", "a hint"
    )
    await pass_ticks(site, 3)
    assert mitm.relayed > 0, "it was asked, anonymously"
    assert mitm.secrets_seen == set()
    proxy = intercept(site, public=False)
    await until_status(site, finding="interception")
    await pass_ticks(site, 3)
    assert proxy.relayed == 0, "without a public chain it is not asked at all"
    assert roles(site) == {current: "current"}
    site.cloud.free_path()
    site.cloud.hang_up()
    await until_status(site, finding="pinned")


async def test_a_hint_is_never_an_announcement(site: Site) -> None:
    """Over its own channel a man in the middle makes his leaf no backup: the hold-down decides."""
    install_current(site)
    site.write_settings({"pins": {"hold_down": "1h"}})
    await site.daemon.start()
    await site.until_event("finding_changed")
    mitm = intercept(site, public=True)
    await site.until(
        lambda: site.daemon.status()["status_endpoint"]["channel"] == "unpinned", "a hint"
    )
    await pass_ticks(site, 3)
    assert roles(site)[str(mitm.credential.fingerprint)] == "pending"


async def test_the_token_desk_may_be_elsewhere(site: Site) -> None:
    """Then its chain must reach the public roots; the scopes are asked for as they are set."""
    install_current(site)
    desk = site.cloud.desk = TokenDesk()
    forms: list[Request] = []

    class Elsewhere(Cloud):
        async def respond(self, request: Request) -> Response:
            forms.append(request)
            return desk.issue(request)

    for authority, wanted in ((site.trust.corporate, False), (site.trust.issuer, True)):
        elsewhere = await Elsewhere.open("localhost", authority.leaf(["localhost"]), ["127.0.0.1"])
        try:
            url = f"https://localhost:{elsewhere.port}/token"
            use_oauth(site, desk, url, scopes=["one", "two"])
            await site.daemon.start()
            if wanted:
                await site.until(
                    lambda: site.daemon.status().get("status_endpoint", {}).get("ok"), "a token"
                )
            else:
                await site.until_event("status_unreachable")
            await site.daemon.stop()
        finally:
            await elsewhere.close()
        assert bool(forms) is wanted
    assert b"scope=one+two" in forms[0].body


async def test_the_secret_may_be_a_systemd_credential(site: Site) -> None:
    """Without `client_secret_file` it is the credential edgepind.oauth-secret."""
    install_current(site)
    site.cloud.desk = TokenDesk()
    use_oauth(site, site.cloud.desk)
    (site.folder / "secret").rename(site.folder / "edgepind.oauth-secret")
    site.tables["status.oauth"].pop("client_secret_file")
    site.write_settings({})
    await site.daemon.start(extra={"CREDENTIALS_DIRECTORY": str(site.folder)})
    await until_status(site, status_endpoint={"ok": True, "channel": "pinned", "error": None})


async def test_programs_and_url_are_the_operators(site: Site) -> None:
    """`url`, `current`, `next` and `rotates_at` say where and how to read the answer."""
    live = str(install_current(site))
    page = watch(site)
    page.scripted = status_reply(
        {"a": [{"fp": live}], "b": {"fp": STRANGER, "at": "2030-01-01T00:00:00Z"}}
    )
    url = f"https://{HOST}:{site.cloud.port}{STATUS_PATH}?org=7"
    programs = {"current": ".a[0].fp", "next": ".b.fp", "rotates_at": ".b.at"}
    site.write_settings({"status": {"url": url, **programs}})
    await site.daemon.start()
    await site.until(lambda: roles(site) == {live: "current", STRANGER: "backup"}, "the backup")
    request = page.requests[0]
    assert request.target == f"{STATUS_PATH}?org=7"
    assert request.headers["host"] == f"{HOST}:{site.cloud.port}"
    assert request.method == "GET"


async def test_switched_off_nobody_is_asked(site: Site) -> None:
    """`status.enabled = false`: handshakes alone decide, and no request is ever sent."""
    install_current(site)
    page = watch(site)
    site.write_settings({"status": {"enabled": False}})
    await site.daemon.start()
    await site.until_event("finding_changed")
    await pass_ticks(site, 3)
    assert page.requests == []
    assert site.daemon.status()["status_endpoint"] == {
        "ok": False,
        "channel": "none",
        "error": None,
    }


async def test_exactly_the_given_addresses_are_asked(site: Site) -> None:
    """Where `addresses` names one, the others get no handshake and no request."""
    install_pins(site, site.cloud.status.current)
    site.write_settings({"cloud": {"addresses": [site.cloud.addresses[1]]}})
    await site.daemon.start()
    await until_status(site, status_endpoint={"ok": True, "channel": "pinned", "error": None})
    assert [it.handshakes > 0 for it in site.cloud.listeners] == [False, True, False]
    assert [it["address"] for it in site.daemon.status()["addresses"]] == [site.cloud.addresses[1]]
