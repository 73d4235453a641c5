"""The process in which one target is fuzzed: everything of the product is imported under watch."""

import sys

import atheris

with atheris.instrument_imports(
    include=["edgepind", "tests.tools.fuzz.targets", "tomllib", "json"]
):
    from tests.tools.fuzz.targets import TARGETS


def main() -> None:
    """Run libFuzzer over the target that is named first; never returns.

    What starts this program comes second, libFuzzer's own arguments after it.
    """
    _, target, *arguments = sys.argv
    atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
