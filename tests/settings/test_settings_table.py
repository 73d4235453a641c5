"""The fields of the settings, the sample made of them and the contract say the same."""

import dataclasses
import re
import tomllib
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from edgepind.settings.kinds import BOOLEAN, Wrong
from edgepind.settings.load import judge
from edgepind.settings.sample import sample
from edgepind.settings.schema import TABLES, CloudSettings, Key, Settings, Table, setting, tables_of

_KEYS = [
    pytest.param(table, key, id=f"{table.name}.{key.name}")
    for table in TABLES
    for key in table.keys
]
_CONTRACT = Path(__file__).parents[2] / "packaging" / "doc" / "contract.md"


@pytest.mark.parametrize(("table", "key"), _KEYS)
def test_a_default_is_what_the_field_says_that_it_holds(table: Table, key: Key) -> None:
    """What the sample shows is what the program does, and of the type that it is declared as."""
    read = key.kind.read(tomllib.loads(f"x = {key.written}")["x"])
    assert not isinstance(read, Wrong)
    field = next(f for f in dataclasses.fields(table.schema) if f.name == key.name)
    declared = get_type_hints(table.schema)[key.name]
    kinds = get_args(declared) if get_origin(declared) is UnionType else (declared,)
    assert isinstance(read, tuple(get_origin(kind) or kind for kind in kinds))
    if key.required:
        assert field.default is dataclasses.MISSING
    else:
        assert read == field.default
        assert type(read) is type(field.default)


def test_every_field_of_the_settings_is_a_key_or_a_table() -> None:
    """A field is declared once, and is then in the tables in its order."""
    names = {table.name for table in TABLES}
    for table in TABLES:
        fields = [field.name for field in dataclasses.fields(table.schema)]
        nested = [name for name in fields if f"{table.name}.{name}" in names]
        assert [key.name for key in table.keys] == [f for f in fields if f not in nested]
    top = [table.name for table in TABLES if "." not in table.name]
    assert [field.name for field in dataclasses.fields(Settings)] == top


def test_a_setting_is_added_in_one_place() -> None:
    """Its field is enough for the tables that all else is made of."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Inner:
        """What the table is for."""

        new: bool = setting(BOOLEAN, "true", "What the key is for.")

    @dataclasses.dataclass(frozen=True, slots=True)
    class Outer:
        """The file."""

        inner: Inner = Inner()

    key = Key("new", BOOLEAN, "true", "What the key is for.", required=False)
    assert Outer().inner.new is True
    assert list(tables_of(Outer)) == [Table("inner", Inner, "What the table is for.", (key,))]


def test_a_default_that_is_not_of_its_kind_is_refused() -> None:
    """At import, so that no such settings are ever shipped."""
    with pytest.raises(TypeError, match="the default 1 is not true or false"):
        setting(BOOLEAN, "1", "What the key is for.")


@pytest.mark.parametrize(("table", "key"), _KEYS)
def test_a_doc_is_one_sentence(table: Table, key: Key) -> None:
    """It stands alone in the sample and in the manual page."""
    assert re.fullmatch(r"[A-Z][^\n]*\.", key.doc)
    assert table.doc.endswith(".")


def test_the_sample_means_the_defaults() -> None:
    """As it stands, it sets what is required and nothing else."""
    assert judge(tomllib.loads(sample()), {}) == Settings(CloudSettings("acme.mypurecloud.com"))


def test_the_sample_means_the_defaults_with_every_line_in_force() -> None:
    """A setting that is uncommented and left alone changes nothing."""
    whole = re.sub(r"^#(?=\w+ = )", "", sample(), flags=re.MULTILINE)
    document = tomllib.loads(whole)
    assert len(_flat(document)) == len(_KEYS)
    assert judge(document, {"STATE_DIRECTORY": "/not/this"}) == Settings(
        CloudSettings("acme.mypurecloud.com")
    )


def test_no_line_of_the_sample_is_too_long_to_read() -> None:
    """It is read in terminals."""
    assert max(map(len, sample().splitlines())) <= 100


def test_every_key_of_the_contract_is_known_with_its_default() -> None:
    """The outside is fixed word for word, and nothing more is understood than it says."""
    block = re.search(r"```toml\n(.*?)```", _CONTRACT.read_text("utf-8"), re.DOTALL)
    assert block is not None
    promised = _flat(tomllib.loads(block[1]))
    ours = {
        f"{table.name}.{key.name}": tomllib.loads(f"x = {key.written}")["x"]
        for table in TABLES
        for key in table.keys
    }
    assert promised == ours


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in document.items():
        flat |= (
            _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        )
    return flat
