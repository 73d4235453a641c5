"""What OpenSSL says of a failure, in words for a person: no brackets, no lines of C."""

import re
import ssl

_AROUND = re.compile(r"^\[[^\]]*\]\s*|\s*\(_ssl\.c:\d+\)$")


def openssl_words(error: ssl.SSLError) -> str:
    """Such as "tlsv1 alert no application protocol"; Python knows only some of them by name."""
    said = error.reason or _AROUND.sub("", error.strerror or str(error))
    return said.lower().replace("_", " ")
