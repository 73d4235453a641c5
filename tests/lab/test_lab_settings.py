"""The settings files that the lab writes are such as the product reads."""

import tomllib
from pathlib import Path

import pytest

from edgepind.lab.chapter import Chapter
from edgepind.lab.chapters import STORY
from edgepind.lab.timers import TIMERS, Pace, as_toml, merged, span
from edgepind.lab.trust import Trust
from edgepind.settings.load import load
from edgepind.settings.schema import Settings


def test_durations_follow_the_pace() -> None:
    """Twice as fast is half as long; what is no duration stays."""
    text = as_toml({"pins": {"hold_down": span(3), "sightings": 5}}, Pace(2))
    assert tomllib.loads(text) == {"pins": {"hold_down": "1500ms", "sightings": 5}}


def test_later_tables_win_key_by_key() -> None:
    """A chapter changes single keys and keeps the rest of the table."""
    both = merged({"pins": {"sightings": 5, "policy": "strict"}}, {"pins": {"sightings": 9}})
    assert both == {"pins": {"sightings": 9, "policy": "strict"}}


@pytest.mark.parametrize("chapter", STORY, ids=lambda chapter: chapter.name)
def test_every_chapter_has_settings_that_the_product_accepts(
    tmp_path: Path, chapter: Chapter
) -> None:
    """No chapter depends on a key or a value that the contract does not know."""
    tables = merged(
        {"cloud": {"host": "acme.cloud.test"}}, TIMERS, chapter.settings(Trust(tmp_path))
    )
    path = tmp_path / "edgepind.toml"
    path.write_text(as_toml(tables, Pace()))
    settings = load(path, {})
    assert isinstance(settings, Settings), settings
