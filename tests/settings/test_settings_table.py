"""The table of keys, the schema, the sample and the contract say the same."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edgepind.settings.kinds import Wrong
from edgepind.settings.load import judge
from edgepind.settings.sample import sample
from edgepind.settings.schema import CloudSettings, Settings
from edgepind.settings.table import TABLES, Key, Table

_KEYS = [
    pytest.param(table, key, id=f"{table.name}.{key.name}")
    for table in TABLES
    for key in table.keys
]
_CONTRACT = Path(__file__).parents[2] / "packaging" / "doc" / "contract.md"


@pytest.mark.parametrize(("table", "key"), _KEYS)
def test_a_default_in_the_table_is_the_default_in_the_schema(table: Table, key: Key) -> None:
    """What the sample shows is what the program does where the key is not set."""
    read = key.kind.read(tomllib.loads(f"x = {key.default}")["x"])
    assert not isinstance(read, Wrong)
    field = next(f for f in dataclasses.fields(table.schema) if f.name == key.name)
    if key.required:
        assert field.default is dataclasses.MISSING
    else:
        assert read == field.default
        assert type(read) is type(field.default)


def test_the_table_has_every_field_of_the_schema_in_its_order() -> None:
    """No setting can be added in one place alone."""
    names = {table.name for table in TABLES}
    for table in TABLES:
        fields = [field.name for field in dataclasses.fields(table.schema)]
        nested = [name for name in fields if f"{table.name}.{name}" in names]
        assert [key.name for key in table.keys] == [f for f in fields if f not in nested]
    top = [table.name for table in TABLES if "." not in table.name]
    assert [field.name for field in dataclasses.fields(Settings)] == top


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
        f"{table.name}.{key.name}": tomllib.loads(f"x = {key.default}")["x"]
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
