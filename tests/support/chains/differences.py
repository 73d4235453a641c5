"""Where our verdict on an entry of the corpus is not OpenSSL's, and why it is right all the same.

Each is written down here; a test finds them anew and holds the two lists together.
"""

from dataclasses import dataclass

from tests.support.chains.entry import NO_ROOT, OUT_OF_TIME, RIGHT, Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """What OpenSSL says of an entry, and why we say something else."""

    openssl: Verdict
    because: str


_COMES_NOT_BACK = (
    "OpenSSL takes the first issuer that fits by name and does not come back from it. Shown the "
    "other path alone, it takes it, so this is no interception; `probe` says that OpenSSL, and "
    "with it the Edge, disagrees"
)
_COMMON_NAME = (
    "`openssl verify` falls back on the common name where no dNSName is there, as TLS clients did "
    "once. RFC 9525 ended that, and browsers and `ssl` do not"
)
_AS_MET = (
    "OpenSSL holds the pattern against the constraints, and not the name that is met by it. What "
    "a CA may not certify is not certified by an asterisk"
)
_LAST_SECOND = (
    "OpenSSL takes the second of notAfter for over; RFC 5280 includes it. One second in a "
    "certificate's life is not worth a second opinion"
)
_CUT = (
    "We look at ten intermediates, the likeliest, so that nobody can keep us busy; OpenSSL reads "
    "on. Public chains have one or two"
)

DIFFERENCES: dict[str, Difference] = {
    **{
        name: Difference(NO_ROOT, _COMES_NOT_BACK)
        for name in (
            "namesake before the issuer, without identifiers",
            "damaged before the sound one",
            "forgotten root first",
            "eight forgotten roots first",
            "forgotten root two steps up",
            "one that certifies itself over and over",
            "first path with names it may not certify",
            "first path with another purpose",
            "first path with no right to certify",
            "first path with a forged signature",
            "first path to a weak root",
            "first path too short",
            "ten of one name, the last the issuer",
            "a hundred forgotten roots before the known one",
        )
    },
    "no subjectAltName": Difference(RIGHT, _COMMON_NAME),
    "common name beside an address": Difference(RIGHT, _COMMON_NAME),
    "end of a label left open": Difference(
        RIGHT,
        "`openssl verify` still lets an asterisk stand for the end of a label. RFC 9525 does not, "
        "nor does `ssl`, which has OpenSSL ask for whole labels",
    ),
    "common name not permitted": Difference(
        NO_ROOT,
        "OpenSSL holds the common name against the constraint where it would take it for a host. "
        "We never do, so the chain is right and the name is wrong; both refuse",
    ),
    "the last second": Difference(OUT_OF_TIME, _LAST_SECOND),
    "one second long": Difference(OUT_OF_TIME, _LAST_SECOND),
    **{
        name: Difference(RIGHT, _AS_MET)
        for name in (
            "wildcard met as the excluded name",
            "wildcard met as the excluded name in other case",
            "wildcard in a hole",
            "wildcard of a CA that excludes the name two steps up",
        )
    },
    "11 intermediates": Difference(RIGHT, _CUT),
    "40 intermediates": Difference(RIGHT, _CUT),
    "key X25519": Difference(
        RIGHT,
        "`openssl verify` does not ask whether the key can sign. A TLS client of OpenSSL's does, "
        "and we ask as one",
    ),
}
"""By the entry's name."""
