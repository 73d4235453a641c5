"""What a package is made of, from the metadata that is installed in it: `bill.py WHAT TREE`.

WHAT is `sbom`, for a CycloneDX 1.5 bill of materials in JSON (cyclonedx.org/docs/1.5/json), or
`copyright`, for Debian's machine-readable one. Both are the same for the same tree.
"""

import hashlib
import json
import sys
import tomllib
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from tree import KEPT, LIBRARY, PROJECT, PYTHON, source_date

from edgepind import __version__

_OURS = "edgepind"
_HERE = {"python_version": ".".join(map(str, PYTHON)), "extra": ""}


def main() -> None:
    """Write the bill that is named to standard output."""
    what, root = sys.argv[1], Path(sys.argv[2])
    found = sorted(
        distributions(path=[str(root / LIBRARY)]),
        key=lambda it: canonicalize_name(it.metadata["Name"]),
    )
    if what == "sbom":
        print(json.dumps(sbom(found), indent=2))  # noqa: T201 - it is what the program is for
    else:
        print("\n".join(_copyright(found)), end="")  # noqa: T201 - likewise


# --- CycloneDX ------------------------------------------------------------------------------


def sbom(found: list[Distribution]) -> dict[str, Any]:
    """Everything that is carried, with version, licence, hash and what needs what."""
    components = [_component(it) for it in found]
    names = {str(canonicalize_name(it.metadata["Name"])): _purl(it) for it in found}
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
            {"ref": ours, "dependsOn": sorted(_needs(_own_requirements(), names))},
            *(
                {"ref": _purl(it), "dependsOn": sorted(_needs(it.requires or [], names))}
                for it in found
            ),
        ],
    }


def _component(it: Distribution) -> dict[str, Any]:
    meta = it.metadata
    archive, digest = _archive(it)
    return {
        "type": "library",
        "bom-ref": _purl(it),
        "name": meta["Name"],
        "version": it.version,
        "description": meta["Summary"] or "",
        "licenses": _licenses(meta),
        "purl": _purl(it),
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "properties": [{"name": "edgepind:archive", "value": archive}],
        "components": list(_linked_in(it)),
    }


def _licenses(meta: PackageMetadata) -> list[dict[str, Any]]:
    if meta["License-Expression"]:
        return [{"expression": meta["License-Expression"]}]
    return [{"license": {"name": _license(meta)}}]


def _linked_in(it: Distribution) -> Iterator[dict[str, Any]]:
    """What was compiled into it, as its own bills say (PEP 770)."""
    for bill in sorted(_metadata_of(it).glob("sboms/*.json")):
        for part in json.loads(bill.read_text("utf-8")).get("components", ()):
            yield {key: part[key] for key in ("type", "name", "version", "purl") if key in part}


def _purl(it: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(it.metadata['Name'])}@{it.version}"


def _archive(it: Distribution) -> tuple[str, str]:
    """The name and the hash of what was installed; the hash is one of the lock's."""
    wanted = (canonicalize_name(it.metadata["Name"]), it.version)
    for path in sorted(KEPT.iterdir()):
        if path.suffix == ".whl":
            name, version, *_ = parse_wheel_filename(path.name)
        elif path.name.endswith(".tar.gz"):
            name, version = parse_sdist_filename(path.name)
        else:
            continue
        if (name, str(version)) == wanted:
            return path.name, hashlib.sha256(path.read_bytes()).hexdigest()
    sys.exit(f"{wanted[0]} {wanted[1]} is installed, and no archive of it lies in {KEPT}")


def _own_requirements() -> list[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    return list(project["dependencies"])


def _needs(requirements: list[str], names: dict[str, str]) -> Iterator[str]:
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate(_HERE)
        if applies and name in names:
            yield names[name]


# --- Debian ---------------------------------------------------------------------------------


def _copyright(found: list[Distribution]) -> Iterator[str]:
    yield (PROJECT / "packaging/deb/copyright.in").read_text("utf-8")
    for it in found:
        meta = it.metadata
        folder = LIBRARY / _metadata_of(it).name
        yield f"Files: {' '.join(_paths(it))}"
        yield f"Copyright: {_author(meta)}"
        yield f"License: {_short(_license(meta))}-of-{canonicalize_name(meta['Name'])}"
        yield f" {_license(meta)}; its text is in {folder}.\n"


def _metadata_of(it: Distribution) -> Path:
    return Path(it._path)  # type: ignore[attr-defined]  # noqa: SLF001 - it tells nobody else


def _paths(it: Distribution) -> Iterator[str]:
    """What its archive put into the library, a folder or a module a pattern."""
    archive = KEPT / _archive(it)[0]
    modules = (it.read_text("top_level.txt") or "").split()
    names = [*modules, *(f"{module}.py" for module in modules)]
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = [name.partition("/")[0] for name in wheel.namelist()]
    names.append(_metadata_of(it).name)
    for path in sorted({_metadata_of(it).with_name(name) for name in names}):
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
