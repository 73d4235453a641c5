"""structlog, without rich.

structlog imports rich where it is installed, for coloured tracebacks that the daemon never shows:
5 MiB of the 40 that it may take. Import structlog from here and nowhere else.
"""

import sys

_RICH_UNUSED = "rich" not in sys.modules
if _RICH_UNUSED:
    sys.modules["rich"] = None  # type: ignore[assignment] # "not to be found", as import says it
try:
    import structlog
finally:
    if _RICH_UNUSED:
        del sys.modules["rich"]

__all__ = ["structlog"]
