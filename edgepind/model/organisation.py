"""Names of the organisations that own public CAs, so that one owner has one name.

What the subject of a root calls its owner comes with a legal form, in several spellings, and after
a purchase in the seller's name. `organisation` takes off the first and puts the owner's name in the
place of the last. An owner whose other name is missing in `_NAMES` counts as two, which costs a
hold-down and admits nobody.
"""

import re
from collections.abc import Iterable, Mapping

LONGEST = 100
"""Characters that are kept of a name."""

_LEGAL_FORM = re.compile(
    r"[\s,]+(?:co|corp|corporation|gmbh|inc|limited|llc|ltd|nv-sa|pty|s\.a|s\.p\.a|sa)[.,]*$"
    r"|[,.]+$",
    re.IGNORECASE,
)
_NAMES: Mapping[str, str] = {
    "comodo ca": "Sectigo",
    "the usertrust network": "Sectigo",
    "godaddy.com": "GoDaddy",
    "starfield technologies": "GoDaddy",
    "hellenic academic and research institutions ca": "HARICA",
    "hellenic academic and research institutions cert. authority": "HARICA",
    "quovadis": "DigiCert",
    "ssl": "SSL.com",
    "t-systems enterprise services": "Deutsche Telekom Security",
    "telia finland oyj": "Telia Company AB",
    "unizeto technologies": "Asseco Data Systems",
}
"""By what stands in roots of the Mozilla set (the column CA Owner of the CCADB's reports)."""


def organisation(name: str) -> str:
    """The one name of an owner, from what a root or an operator calls it; "" for an empty one."""
    bare = " ".join(name.split())[:LONGEST]
    while (shorter := _LEGAL_FORM.sub("", bare.replace(".,", ". "))) != bare and shorter:
        bare = shorter
    return _NAMES.get(bare.casefold(), bare)


def disjoint(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether no organisation is in both; upper and lower case are the same."""
    return {it.casefold() for it in some}.isdisjoint(it.casefold() for it in others)
