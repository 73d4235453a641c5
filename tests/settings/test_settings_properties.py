"""Whatever a file holds, it gives settings or faults that name the key: never a crash."""

import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from edgepind.settings.kinds import show
from edgepind.settings.load import SettingsFault, SettingsRefused, judge, load, parse_toml
from edgepind.settings.sample import sample
from edgepind.settings.schema import TABLES, Settings, rules_of

_DEFAULTS = {
    f"{table.name}.{key.name}": tomllib.loads(f"x = {key.written}")["x"]
    for table in TABLES
    for key in table.keys
}
_scalars = (
    st.text(max_size=40)
    | st.integers()
    | st.booleans()
    | st.floats()
    | st.just(datetime(2026, 1, 1, tzinfo=UTC))
    | st.just(date(2026, 1, 1))
    | st.just(time(12))
    | st.sampled_from(
        ["https://a.example", "/a/b", "/a/", "1h", "a:b", "0600", "[::1]:1", "x.service", "bücher"]
    )
    | st.just("x\0y")
)
_toml_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"a" + b".a" * 2000 + b" = 1")
@example(b"x = [{a" + b".a" * 2000 + b" = 1}]")
@example(b"x = 0x" + b"f" * 50_000)
def test_any_octets_are_settings_or_faults(octets: bytes) -> None:
    """Of any content, also one that is TOML of a hostile shape."""
    document = parse_toml(octets)
    if not isinstance(document, SettingsFault):
        outcome = judge(document, {})
        assert isinstance(outcome, Settings) or all(map(str, outcome))


@given(st.data())
def test_any_damage_to_a_good_file_is_survived(data: st.DataObject) -> None:
    """Bytes of the sample are lost, doubled or replaced."""
    octets = sample().replace("\n#", "\n").encode()
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, min(len(octets), start + 60)))
    document = parse_toml(octets[:start] + data.draw(st.binary(max_size=20)) + octets[end:])
    if not isinstance(document, SettingsFault):
        judge(document, {})


@given(st.sampled_from(sorted(_DEFAULTS)), _toml_values)
def test_any_value_in_any_key_is_taken_or_named(dotted: str, value: object) -> None:
    """A fault is about the key that holds the value, and about no other."""
    document: dict[str, Any] = {"cloud": {"host": "a.example"}}
    *tables, name = dotted.split(".")
    inner = document
    for table in tables:
        inner = inner.setdefault(table, {})
    inner[name] = value
    match judge(document, {}):
        case Settings() as settings:
            rules_of(settings)
        case faults:
            about = "status.oauth.client_id" if dotted == "status.oauth.token_url" else dotted
            assert {fault.key for fault in faults} <= {dotted, about}
            assert all(fault.reason and fault.remedy for fault in faults)


@given(_toml_values)
def test_any_value_is_shown_in_a_line(value: object) -> None:
    """No control character of a bad value reaches the operator's terminal."""
    shown = show(value)
    assert shown
    assert shown.isprintable()
    assert len(shown) < 1000


@given(st.text(max_size=60))
def test_any_environment_is_survived(folder: str) -> None:
    """What systemd would never set is a fault like any other."""
    outcome = judge({"cloud": {"host": "a.example"}}, {"STATE_DIRECTORY": folder})
    if isinstance(outcome, Settings):
        assert outcome.paths.state.is_absolute()
    else:
        assert [fault.key for fault in outcome] == ["paths.state"]


def test_a_refused_file_gives_nothing(tmp_path: Path) -> None:
    """A bad file is refused whole: there is no half of it to use by mistake."""
    path = tmp_path / "edgepind.toml"
    path.write_text('[cloud]\nhost = "a.example"\nport = "no"\n', "utf-8")
    assert isinstance(load(path, {}), SettingsRefused)
