"""What a package is made of, by the metadata installed in it: `bill.py WHAT TREE PYTHON`.

TREE is the product's, as tree.py lays it out for that PYTHON. WHAT is `sbom`, for a CycloneDX 1.5
bill of materials in JSON (cyclonedx.org/docs/1.5/json), or `copyright`, for Debian's
machine-readable one. Both are the same for the same tree.
"""

import hashlib
import json
import sys
import tomllib
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageMetadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version
from tree import LIBRARY, PROJECT, archives, source_date

from edgepind import __version__

_OURS = "edgepind"


@dataclass(frozen=True, slots=True)
class Library:
    """One that is carried."""

    folder: Path
    """Its metadata (*.dist-info), in the tree."""
    archive: Path
    """What it was installed from; its hash is one of the lock's."""

    @property
    def about(self) -> Distribution:
        """What it says of itself."""
        return Distribution.at(self.folder)

    @property
    def name(self) -> str:
        """Its name as indexes normalise it."""
        return canonicalize_name(self.about.metadata["Name"])

    @property
    def purl(self) -> str:
        """Its package URL (github.com/package-url/purl-spec)."""
        return f"pkg:pypi/{self.name}@{self.about.version}"


def main() -> None:
    """Write the bill that is named to standard output."""
    what, root, python = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    carried = libraries(root / LIBRARY, archives(python))
    if what == "sbom":
        print(json.dumps(sbom(carried, python), indent=2))  # noqa: T201 - it is what the program is for
    else:
        print("\n".join(_copyright(carried)), end="")  # noqa: T201 - likewise


def libraries(folder: Path, archives: Path) -> list[Library]:
    """Everything in a tree's library folder, by name. Exits where the archive of one is missing."""
    of_version = {_version_of(path): path for path in archives.iterdir()}
    carried = []
    for metadata in folder.glob("*.dist-info"):
        about = Distribution.at(metadata)
        wanted = (canonicalize_name(about.metadata["Name"]), Version(about.version))
        if wanted not in of_version:
            sys.exit(
                f"{wanted[0]} {wanted[1]} is installed, and no archive of it lies in {archives}"
            )
        carried.append(Library(metadata, of_version[wanted]))
    return sorted(carried, key=lambda it: it.name)


def _version_of(archive: Path) -> tuple[str, Version]:
    if archive.suffix == ".whl":
        name, version, *_ = parse_wheel_filename(archive.name)
    else:
        name, version = parse_sdist_filename(archive.name)
    return name, version


# --- CycloneDX ------------------------------------------------------------------------------


def sbom(carried: list[Library], python: str) -> dict[str, Any]:
    """Everything that is carried, with version, licence, hash and what needs what."""
    components = [_component(it) for it in carried]
    names = {it.name: it.purl for it in carried}
    here = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    ours = f"pkg:pypi/{_OURS}@{__version__}"
    wanted = (PROJECT / "pyproject.toml").read_bytes()
    content = hashlib.sha256(json.dumps(components).encode() + wanted).hexdigest()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(source_date(), UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": _OURS,
                "version": __version__,
                "purl": ours,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
        "dependencies": [
            {"ref": ours, "dependsOn": _needs(_own_requirements(), names, here)},
            *(
                {"ref": it.purl, "dependsOn": _needs(it.about.requires or [], names, here)}
                for it in carried
            ),
        ],
    }


def _component(it: Library) -> dict[str, Any]:
    meta = it.about.metadata
    return {
        "type": "library",
        "bom-ref": it.purl,
        "name": meta["Name"],
        "version": it.about.version,
        "description": meta["Summary"] or "",
        "licenses": _licenses(meta),
        "purl": it.purl,
        "hashes": [
            {"alg": "SHA-256", "content": hashlib.sha256(it.archive.read_bytes()).hexdigest()}
        ],
        "properties": [{"name": "edgepind:archive", "value": it.archive.name}],
        "components": list(_linked_in(it)),
    }


def _licenses(meta: PackageMetadata) -> list[dict[str, Any]]:
    if meta["License-Expression"]:
        return [{"expression": meta["License-Expression"]}]
    return [{"license": {"name": _license(meta)}}]


def _linked_in(it: Library) -> Iterator[dict[str, Any]]:
    """What was compiled into it, as its own bills say (PEP 770)."""
    for bill in sorted(it.folder.glob("sboms/*.json")):
        for part in json.loads(bill.read_text("utf-8")).get("components", ()):
            yield {key: part[key] for key in ("type", "name", "version", "purl") if key in part}


def _own_requirements() -> list[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    return list(project["dependencies"])


def _needs(requirements: list[str], names: dict[str, str], here: dict[str, str]) -> list[str]:
    """The package URLs of those requirements that apply where the markers have these values."""
    found = []
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        if name in names and (requirement.marker is None or requirement.marker.evaluate(here)):
            found.append(names[name])
    return sorted(found)


# --- Debian ---------------------------------------------------------------------------------


def _copyright(carried: list[Library]) -> Iterator[str]:
    yield (PROJECT / "packaging/deb/copyright.in").read_text("utf-8")
    for it in carried:
        meta = it.about.metadata
        yield f"Files: {' '.join(_paths(it))}"
        yield f"Copyright: {_author(meta)}"
        yield f"License: {_short(_license(meta))}-of-{it.name}"
        yield f" {_license(meta)}; its text is in {LIBRARY / it.folder.name}.\n"


def _paths(it: Library) -> Iterator[str]:
    """What its archive put into the library, a folder or a module a pattern."""
    modules = (it.about.read_text("top_level.txt") or "").split()
    names = [*modules, *(f"{module}.py" for module in modules)]
    if it.archive.suffix == ".whl":
        with zipfile.ZipFile(it.archive) as wheel:
            names = [name.partition("/")[0] for name in wheel.namelist()]
    names.append(it.folder.name)
    for path in sorted({it.folder.with_name(name) for name in names}):
        if path.exists():
            yield f"{LIBRARY}/{path.name}" + ("/*" if path.is_dir() else "")


def _author(meta: PackageMetadata) -> str:
    return next(
        filter(None, (meta["Author"], meta["Author-email"], meta["Maintainer"])), "its authors"
    )


def _license(meta: PackageMetadata) -> str:
    """The expression, or what older metadata says in its place, in one line."""
    classifiers = [it for it in meta.get_all("Classifier", []) if it.startswith("License ::")]
    named = [it.rpartition(" :: ")[2] for it in classifiers]
    said = meta["License-Expression"] or (meta["License"] or "").split("\n")[0]
    return said or " and ".join(named) or "unknown"


def _short(license_name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in license_name)


if __name__ == "__main__":
    main()
