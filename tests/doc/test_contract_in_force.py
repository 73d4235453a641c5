"""The contract in the tree is of this release: its closed vocabularies are the model's own."""

import re
from pathlib import Path

import pytest

from edgepind.model.enums import EventName, Finding, Origin, Posture

PROJECT = Path(__file__).parents[2]
CONTRACT = (PROJECT / "packaging" / "doc" / "contract.md").read_text("utf-8")


def section(number: int) -> str:
    """What stands under the heading of this number."""
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", CONTRACT, re.DOTALL | re.MULTILINE)
    assert found is not None, f"there is no section {number}"
    return found[0]


def first_column(text: str) -> set[str]:
    """The words that begin the rows of a table, where they stand as code."""
    return set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))


def test_it_lists_every_event_and_no_other() -> None:
    """An event that is built is named there in the same change."""
    listed = re.search(r"Events: (.*?)\. A steady state", section(10), re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`([a-z_]+)`", listed[1])) == set(EventName)


def test_its_tables_name_every_finding_and_posture() -> None:
    """Row by row."""
    assert first_column(section(6)) == set(Finding)
    assert first_column(section(7)) == set(Posture)


def test_its_status_document_names_every_origin() -> None:
    """Where a pin may come from."""
    listed = re.search(r'"origin": "([a-z|]+)"', section(9))
    assert listed is not None
    assert set(listed[1].split("|")) == set(Origin)


@pytest.mark.parametrize("folder", ["edgepind", "tests"])
def test_every_reference_to_it_resolves(folder: str) -> None:
    """`CONTRACT section 6` in the code leads somewhere."""
    sources = "\n".join(it.read_text("utf-8") for it in (PROJECT / folder).rglob("*.py"))
    numbers = re.findall(r"CONTRACT sections? (\d+)(?: and (\d+))?", sources)
    for number in {int(it) for pair in numbers for it in pair if it}:
        assert section(number)
