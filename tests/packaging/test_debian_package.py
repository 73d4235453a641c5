"""The .deb files: the same bytes twice, everything in its place, and nothing else.

The packages looked at are those of the release that has this Python, for they are run as well.
"""

import itertools
import json
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgepind import __version__
from edgepind.settings.load import judge
from edgepind.settings.schema import CloudSettings, Settings

pytestmark = pytest.mark.timeout(600)  # a package is a matter of a minute on a busy machine

PROJECT = Path(__file__).parents[2]
LIBRARY = "usr/lib/edgepind/lib"
PLACES = (
    "etc/edgepind/edgepind.toml",
    "usr/bin/edgepind",
    "usr/lib/edgepind/edgepind-apply",
    f"{LIBRARY}/edgepind/daemon.py",
    f"{LIBRARY}/httpx/__init__.py",
    "usr/lib/systemd/catalog/edgepind.catalog",
    "usr/lib/systemd/system/edgepind.service",
    "usr/lib/systemd/system/edgepind-apply.socket",
    "usr/lib/systemd/system/edgepind-apply@.service",
    "usr/lib/systemd/system/edgepind-close.service",
    "usr/lib/systemd/system/edgepind-close-boot.service",
    "usr/lib/systemd/system/edgepind-close.timer",
    "usr/lib/systemd/system/timers.target.d/50-edgepind.conf",
    "usr/share/doc/edgepind/contract.md.gz",
    "usr/lib/sysusers.d/edgepind.conf",
    "usr/lib/tmpfiles.d/edgepind.conf",
    "usr/share/doc/edgepind/changelog.Debian.gz",
    "usr/share/doc/edgepind/changelog.gz",
    "usr/share/doc/edgepind/copyright",
    "usr/share/edgepind/grafana/edgepind.json",
    "usr/share/edgepind/prometheus/edgepind.rules.yml",
    "usr/share/man/man5/edgepind.toml.5.gz",
    "usr/share/man/man7/edgepind-recovery.7.gz",
    "usr/share/man/man8/edgepind.8.gz",
    "usr/share/man/man8/edgepind-override.8.gz",
)
SUFFIXES = {"bookworm": "~deb12u1", "trixie": "~deb13u1", "noble": "~ubuntu24.04.1"}
UNNEEDED = {"typing-extensions"} if sys.version_info >= (3, 13) else set()
"""What is locked for Python 3.11 and has no use on this one, where `typing` has all of it."""


def locked() -> dict[str, tuple[str, set[str]]]:
    """Version and hashes of everything in the lock, by name."""
    text = (PROJECT / "packaging" / "requirements.lock").read_text("utf-8")
    entries = re.findall(r"^(\S+)==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE)
    return {
        name: (version, set(re.findall(r"sha256:([0-9a-f]+)", hashes)))
        for name, version, hashes in entries
    }


def files(root: Path) -> dict[str, Path]:
    """Every file that is installed, by its place."""
    found = (path for path in root.rglob("*") if path.is_file())
    names = {str(path.relative_to(root)): path for path in found}
    return {name: path for name, path in names.items() if not name.startswith("DEBIAN/")}


@pytest.fixture(scope="module")
def together(
    unpacked: Path, unpacked_lab: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Both packages in one place, as they are installed."""
    root = tmp_path_factory.mktemp("together") / "root"
    for tree in (unpacked, unpacked_lab):
        shutil.copytree(tree, root, symlinks=True, dirs_exist_ok=True)
    yield root
    shutil.rmtree(root)


def run(root: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an installed program as its first line says, with the library beneath `root`."""
    first, _, rest = (root / program).read_text("utf-8").partition("\n")
    assert first == "#!/usr/bin/python3 -IS"
    assert "/usr/lib/edgepind/lib" in rest
    script = rest.replace("/usr/lib/edgepind/lib", str(root / LIBRARY))
    return subprocess.run(  # noqa: S603 - the package's own words
        [sys.executable, "-ISB", "-c", script, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_built_twice_it_is_the_same_to_the_byte(
    debs: dict[str, Path],
    release: str,
    workshop: Callable[[Path], Callable[..., dict[str, Path]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In another folder, time zone and language; both, and the bill of materials."""
    monkeypatch.setenv("LANG", "tr_TR.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    again = workshop(tmp_path / "another place")("build-deb", release)
    assert again.keys() == debs.keys() == {"edgepind", "edgepind-lab"}
    for name, deb in debs.items():
        assert again[name].name == deb.name
        assert again[name].read_bytes() == deb.read_bytes()
    bill = debs["edgepind"].with_suffix(".cdx.json")
    assert (again["edgepind"].parent / bill.name).read_bytes() == bill.read_bytes()


def test_everything_is_in_its_place(unpacked: Path) -> None:
    """Commands, units, pages, documents; and nothing that only an installer needs."""
    names = files(unpacked).keys()
    assert [place for place in PLACES if place not in names] == []
    strange = re.compile(r"/__pycache__/|\.pyc$|/lib/bin/|info/(RECORD|INSTALLER|REQUESTED)$")
    assert [name for name in names if strange.search(name)] == []


def test_the_product_has_nothing_of_the_lab(unpacked: Path) -> None:
    """No certificate forge and no intercepting proxy is installed on an appliance."""
    ours = re.compile(rf"{LIBRARY}/edgepind/lab/|{LIBRARY}/edgepind/cli/lab|man8/edgepind-lab")
    assert [name for name in files(unpacked) if ours.search(name)] == []


def test_the_product_names_the_package_of_the_lab(unpacked: Path) -> None:
    """`edgepind lab`, whatever its arguments, is one sentence that says how to get it."""
    for words in (["lab"], ["lab", "--help"], ["lab", "simulate", "--years", "1"]):
        done = run(unpacked, "usr/bin/edgepind", *words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "apt install edgepind-lab" in done.stderr


def test_the_package_of_the_lab_has_nothing_else(unpacked_lab: Path) -> None:
    """Its modules, its verb, its page; its terms and changes are those of the product."""
    names = files(unpacked_lab).keys()
    lab = re.compile(rf"{LIBRARY}/edgepind/(lab/.+|cli/lab\w*\.py)|.+/man8/edgepind-lab\.8\.gz")
    assert [name for name in names if not lab.fullmatch(name)] == []
    assert (unpacked_lab / "usr/share/doc/edgepind-lab").readlink() == Path("edgepind")


def test_the_lab_plays_beside_the_product(together: Path) -> None:
    """Installed in one place: the help, a simulation, and a chapter with the real daemon."""
    simulate = ("lab", "simulate", "--years", "1", "--processes", "1", "--json")
    done = run(together, "usr/bin/edgepind", *simulate)
    assert json.loads(done.stdout)
    asked = run(together, "usr/bin/edgepind", "lab", "--help")
    assert (asked.returncode, "usage: edgepind lab" in asked.stdout) == (0, True)
    chapter = ("lab", "--chapter", "bootstrap", "--speed", "2")
    played = run(together, "usr/bin/edgepind", *chapter)
    assert played.returncode == 0, played.stdout + played.stderr


def test_the_whole_program_is_there(unpacked: Path, unpacked_lab: Path, commit: str) -> None:
    """Every module and every unit that git knows, in one package or the other and not in both."""
    command = ["git", "ls-tree", "-r", "--name-only", commit, "edgepind", "systemd"]
    listed = subprocess.run(  # noqa: S603 - our own words
        command, cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout.split()
    installed = files(unpacked)
    beside = files(unpacked_lab)
    assert installed.keys() & beside.keys() == set()
    installed |= beside
    modules = [name for name in listed if name.startswith("edgepind/")]
    assert [name for name in modules if f"{LIBRARY}/{name}" not in installed] == []
    units = [Path(name).name for name in listed if name.startswith("systemd/")]
    places = {Path(name).name for name in installed if name.startswith("usr/lib/s")}
    places |= {Path(name).name for name in installed if name.startswith("usr/lib/tmpfiles.d")}
    assert [unit for unit in units if unit not in places] == []


def test_what_units_start_is_installed(unpacked: Path) -> None:
    """Each as a program that root and everybody may run."""
    units = (unpacked / "usr/lib/systemd/system").glob("edgepind*.service")
    started = {
        line.partition("=")[2].split()[0].lstrip("-@:+!/")
        for unit in units
        for line in unit.read_text("utf-8").splitlines()
        if line.startswith(("ExecStart=", "ExecReload="))
    }
    assert started >= {"usr/bin/edgepind", "usr/lib/edgepind/edgepind-apply"}
    ours = [path for path in started if "edgepind" in path]
    assert [path for path in ours if (unpacked / path).stat().st_mode & 0o777 != 0o755] == []


@pytest.mark.parametrize(
    ("package", "programs"),
    [
        ("edgepind", {"./usr/bin/edgepind", "./usr/lib/edgepind/edgepind-apply"}),
        ("edgepind-lab", {f"./{LIBRARY}/edgepind/lab/shell_loop.sh"}),
    ],
)
def test_owners_modes_and_times_are_nobodys_chance(
    debs: dict[str, Path], tmp_path: Path, epoch: int, package: str, programs: set[str]
) -> None:
    """root's, readable to all, writable to root alone, of the day of the sources."""
    with (tmp_path / "tar").open("wb") as into:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", debs[package]], check=True, stdout=into)  # noqa: S603, S607
    with tarfile.open(tmp_path / "tar") as tar:
        members = tar.getmembers()
    assert {(it.uid, it.gid, it.mtime) for it in members} == {(0, 0, epoch)}
    assert {it.mode for it in members if not it.issym()} == {0o644, 0o755}
    assert {it.name for it in members if it.isfile() and it.mode == 0o755} == programs


def test_the_settings_are_a_conffile_with_one_line_to_edit(unpacked: Path) -> None:
    """Every line is commented out but the tables; with `host` in force it means the defaults."""
    assert (unpacked / "DEBIAN/conffiles").read_text() == "/etc/edgepind/edgepind.toml\n"
    text = (unpacked / "etc/edgepind/edgepind.toml").read_text("utf-8")
    live = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line for line in live if not re.fullmatch(r"\[[a-z_.]+\]", line)] == []
    edited = text.replace('#host = "acme', 'host = "site', 1)
    assert judge(tomllib.loads(edited), {}) == Settings(CloudSettings("site.mypurecloud.com"))


@pytest.mark.parametrize("program", ["usr/bin/edgepind", "usr/lib/edgepind/edgepind-apply"])
def test_it_runs_with_nothing_but_what_it_carries(unpacked: Path, program: str) -> None:
    """No site-packages and no environment: every import is met from its own library."""
    done = run(unpacked, program, "--version")
    if program.endswith("apply"):
        assert (done.returncode, "usage: edgepind-apply" in done.stderr) == (2, True)
    else:
        assert (done.returncode, done.stdout) == (0, f"edgepind {__version__}\n")


def test_every_module_can_be_imported_from_the_packages(together: Path) -> None:
    """The lab and everything that is loaded late included; the helper's own entry aside."""
    library = together / LIBRARY
    modules = sorted(
        ".".join(path.relative_to(library).with_suffix("").parts)
        for path in (library / "edgepind").rglob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    )
    script = (
        f"import importlib, sys; sys.path.insert(0, {str(library)!r})\n"
        f"for module in {modules!r}: importlib.import_module(module)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-ISB", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_the_bill_lists_every_dependency_of_the_lock(deb: Path) -> None:
    """No more and no less, each by the version and one of the hashes that were locked."""
    bill = json.loads(deb.with_suffix(".cdx.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["version"] == __version__
    listed = {
        it["purl"].removeprefix("pkg:pypi/"): it["hashes"][0]["content"]
        for it in bill["components"]
    }
    lock = locked()
    assert listed.keys() == {f"{name}@{version}" for name, (version, _) in lock.items()}
    for purl, content in listed.items():
        assert content in lock[purl.partition("@")[0]][1], purl
    assert all(it["licenses"] for it in bill["components"])
    references = {it["bom-ref"] for it in bill["components"]}
    needed = {ref for it in bill["dependencies"] for ref in it["dependsOn"]}
    unneeded = {ref for ref in references if ref.partition("@")[0].rpartition("/")[2] in UNNEEDED}
    assert needed == references - unneeded, "something is carried that nothing needs"


def test_the_copyright_names_everything_that_is_carried(unpacked: Path) -> None:
    """Each with the place of its licence, which is there."""
    text = (unpacked / "usr/share/doc/edgepind/copyright").read_text("utf-8")
    assert {name for name in locked() if f"-of-{name}\n" not in text} == set()
    for folder in re.findall(r"its text is in (\S+)\.$", text, re.MULTILINE):
        names = [path.name.upper() for path in (unpacked / folder).rglob("*") if path.is_file()]
        assert any("LICEN" in name or "COPYING" in name for name in names), folder


@pytest.mark.parametrize("package", ["edgepind", "edgepind-lab"])
def test_what_dpkg_is_told_is_true(
    package: str, request: pytest.FixtureRequest, release: str
) -> None:
    """Sums, version, and scripts that a shell can read."""
    fixture = {"edgepind": "unpacked", "edgepind-lab": "unpacked_lab"}[package]
    unpacked: Path = request.getfixturevalue(fixture)
    sums = subprocess.run(
        ["md5sum", "--check", "--quiet", "DEBIAN/md5sums"],  # noqa: S607 - our own words
        cwd=unpacked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sums.returncode == 0, sums.stdout
    lines = (unpacked / "DEBIAN/md5sums").read_text("utf-8").splitlines()
    assert {line[34:] for line in lines} == files(unpacked).keys()
    control = (unpacked / "DEBIAN/control").read_text("utf-8")
    assert f"Package: {package}\nVersion" in control.replace("Source: edgepind\n", "")
    version = f"{__version__}-1{SUFFIXES[release]}"
    assert f"Version: {version}\n" in control
    assert "@" not in control.replace("maintainers@", "")
    assert (f"edgepind (= {version})" in control) == (package == "edgepind-lab")
    scripts = list((unpacked / "DEBIAN").glob("p*"))
    assert {path.name for path in scripts} >= {"postinst", "prerm"}
    for path in scripts:
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
        subprocess.run(["sh", "-n", path], check=True)  # noqa: S603, S607 - our own words


@pytest.mark.parametrize(
    ("release", "python", "next_python"),
    [("bookworm", "3.11", "3.12"), ("trixie", "3.13", "3.14"), ("noble", "3.12", "3.13")],
)
def test_each_release_has_its_own(
    make: Callable[..., dict[str, Path]], release: str, python: str, next_python: str
) -> None:
    """Made by this Python, for that of the release: what is compiled, required, and its version."""
    debs = make("build-deb", release)
    control = shown("--field", debs["edgepind"])
    assert f"python3 (>= {python}), python3 (<< {next_python})" in control
    listed = shown("--contents", debs["edgepind"])
    found = set(re.findall(r"\.cpython-(\d+)-", listed))
    assert found == {python.replace(".", "")}
    for deb in debs.values():
        assert deb.name.split("_")[1] == f"{__version__}-1{SUFFIXES[release]}"


def test_a_host_that_is_upgraded_finds_a_newer_package() -> None:
    """By dpkg's own order of versions; a version without a release in it is newer than any."""
    assert shutil.which("dpkg")
    order = [f"{__version__}-1{suffix}" for suffix in ("~deb12u1", "~deb13u1", "")]
    for older, newer in itertools.pairwise(order):
        subprocess.run(["dpkg", "--compare-versions", older, "lt", newer], check=True)  # noqa: S603, S607


def test_a_release_that_there_is_not_is_named(make: Callable[..., dict[str, Path]]) -> None:
    """With those that there are."""
    with pytest.raises(AssertionError, match=r"no package for 'woody'.* bookworm, trixie, noble"):
        make("build-deb", "woody")


def shown(what: str, deb: Path) -> str:
    """What dpkg-deb tells of a package."""
    command = ["dpkg-deb", what, str(deb)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


def test_lintian_finds_no_error(debs: dict[str, Path], demand: Callable[[str, str], None]) -> None:
    """Nor a warning that nobody has answered; overrides that fit nothing are told, too."""
    demand("lintian", "lintian")
    lintian = shutil.which("lintian") or ""
    done = subprocess.run(  # noqa: S603 - our own words
        [lintian, "--allow-root", *debs.values()], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr
