"""Time: which certificate of the chain is out of it, by how much, and by whose clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.support.chains.entry import NO_ROOT, OUT_OF_TIME, RIGHT, Entry
from tests.support.chains.forge import Form, authority, leaf, root

_SECOND = timedelta(seconds=1)
_YEAR = timedelta(days=365)


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    yield from _whose(now)
    yield from _to_the_second(now)
    yield from _odd_lives(now)
    yield from _another_time(now)


def _whose(now: datetime) -> Iterator[Entry]:
    over, to_come = Form(not_after=now - _YEAR), Form(not_before=now + _YEAR)
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    for state, form in (("expired", over), ("not yet valid", to_come)):
        yield Entry(
            f"leaf {state}",
            "the server was not given its new certificate in time",
            (leaf(issuer, form=form), issuer),
            (top,),
            OUT_OF_TIME,
            "it is right but for the time",
            now,
        )
        outdated = authority(top, "Issuing CA", form)
        yield Entry(
            f"intermediate {state}",
            "the leaf is in time and its issuer is not",
            (leaf(outdated), outdated),
            (top,),
            OUT_OF_TIME,
            "all of a path must be in time",
            now,
        )
        gone = root("Root", form)
        below = authority(gone, "Issuing CA")
        yield Entry(
            f"root {state}",
            "the chain is in time and its root is not",
            (leaf(below), below),
            (gone,),
            OUT_OF_TIME,
            "OpenSSL asks the root for its time, too",
            now,
        )
    stranger = authority(root("Other Root"), "Issuing CA")
    yield Entry(
        "expired and of no root", "two things wrong at once",
        (leaf(stranger, form=over), stranger), (top,), NO_ROOT,
        "no time helps a chain without a root", now,
    )  # fmt: skip


def _to_the_second(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    for name, form, expected, why in (
        ("first second", Form(not_before=now), RIGHT, "notBefore is the first second of it"),
        ("last second", Form(not_after=now), RIGHT,
         "notAfter is the last second of it (RFC 5280, section 4.1.2.5)"),
        ("second before the first", Form(not_before=now + _SECOND), OUT_OF_TIME,
         "it begins a second later"),
        ("second after the last", Form(not_after=now - _SECOND), OUT_OF_TIME,
         "it was over a second ago"),
    ):  # fmt: skip
        yield Entry(
            f"the {name}", "a boundary, to the second", (leaf(top, form=form),), (top,), expected,
            why, now,
        )  # fmt: skip


def _odd_lives(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    apart = authority(top, "Issuing CA", Form(not_after=now - 2 * _YEAR))
    yield Entry(
        "never valid at once",
        "the issuer was over before the leaf began",
        (leaf(apart, form=Form(not_before=now - _YEAR)), apart),
        (top,),
        OUT_OF_TIME,
        "the two have no second in common",
        now,
    )
    endless = Form(not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    yield Entry(
        "no end",
        "the date that RFC 5280 has for certificates without one",
        (leaf(top, form=endless),),
        (top,),
        RIGHT,
        "it is in time",
        now,
    )
    ancient = Form(not_before=datetime(1950, 1, 1, tzinfo=UTC))
    yield Entry(
        "older than Unix",
        "a beginning before 1970, and a two-digit year",
        (leaf(top, form=ancient),),
        (top,),
        RIGHT,
        "50 means 1950 (RFC 5280)",
        now,
    )
    instant = Form(not_before=now, not_after=now)
    yield Entry(
        "one second long",
        "beginning and end are the same",
        (leaf(top, form=instant),),
        (top,),
        RIGHT,
        "both ends are included",
        now,
    )
    longer = authority(top, "Issuing CA", Form(not_after=now + _YEAR))
    yield Entry(
        "leaf outlives its issuer", "the leaf promises more than its issuer can keep",
        (leaf(longer, form=Form(not_after=now + 2 * _YEAR)), longer), (top,), RIGHT,
        "both are in time now", now,
    )  # fmt: skip


def _another_time(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    year = Form(not_before=now - _YEAR, not_after=now + _YEAR)
    sent = (leaf(issuer, form=year), issuer)
    yield Entry(
        "seen by a clock that begins in 1970",
        "an appliance without a battery",
        sent,
        (top,),
        OUT_OF_TIME,
        "it is right at another time, for which there may be better evidence",
        datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
    )
    yield Entry(
        "seen by a clock years ahead",
        "a clock that was set wrongly",
        sent,
        (top,),
        OUT_OF_TIME,
        "it is right at another time, for which there may be better evidence",
        now + 5 * _YEAR,
    )
    past = Form(not_before=now - 3 * _YEAR, not_after=now - 2 * _YEAR)
    yield Entry(
        "expired, seen when it was not",
        "the same chain at the time it was made for",
        (leaf(issuer, form=past), issuer),
        (top,),
        RIGHT,
        "it was right then",
        now - 2 * _YEAR - _YEAR / 2,
    )
    old = authority(top, "Issuing CA", Form(not_after=now - _YEAR))
    new = authority(top, "Issuing CA", Form(key=old.key, not_before=now - _YEAR / 2))
    both = (leaf(old), old, new)
    yield Entry(
        "old and new issuer sent, seen before",
        "two certificates of one CA, one after the other",
        both,
        (top,),
        RIGHT,
        "the old one was in time then",
        now - 2 * _YEAR,
    )
    yield Entry(
        "old and new issuer sent, seen between", "the old one is over, the new one has not begun",
        both, (top,), OUT_OF_TIME, "there was a gap", now - 3 * _YEAR / 4,
    )  # fmt: skip
