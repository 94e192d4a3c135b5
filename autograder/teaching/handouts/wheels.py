"""Gets every package that the course needs as a wheel, for this machine or for another kind."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from course.errors import CourseError

OFFLINE = re.compile(
    r"(?i)NewConnectionError|name resolution|max retries|ConnectTimeout|ProxyError|connection (broken|refused)"
)
NONE = re.compile("No matching distribution|ResolutionImpossible")  # how pip says that there is no wheel
AT_ONCE = 8  # packages a pip: few enough to show progress, and to lose little when it breaks off
LINUX = ["2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5"]


class NoWheel(CourseError):
    """A package that is not to be had for a machine, at the version asked for."""


@dataclass(frozen=True)
class Kind:
    """A kind of machine: what pip calls it, and what markers in a package's metadata say about it."""

    name: str
    platforms: tuple[str, ...]
    system: str
    os_name: str
    platform_system: str
    machine: str

    def environment(self, python):
        about = {
            "sys_platform": self.system,
            "os_name": self.os_name,
            "platform_system": self.platform_system,
        }
        about |= {
            "platform_machine": self.machine,
            "python_version": python,
            "python_full_version": f"{python}.0",
        }
        about |= {"platform_release": "", "platform_version": ""}
        return default_environment() | about


KINDS = {
    "linux": Kind(
        "Linux (x86_64)",
        tuple(f"manylinux_{v}_x86_64" for v in LINUX)
        + ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"),
        "linux",
        "posix",
        "Linux",
        "x86_64",
    ),
    "linux-arm": Kind(
        "Linux (ARM)",
        tuple(f"manylinux_{v}_aarch64" for v in LINUX) + ("manylinux2014_aarch64",),
        "linux",
        "posix",
        "Linux",
        "aarch64",
    ),
    "macos": Kind("macOS (Apple silicon)", ("macosx_14_0_arm64",), "darwin", "posix", "Darwin", "arm64"),
    "windows": Kind("Windows (x86_64)", ("win_amd64",), "win32", "nt", "Windows", "AMD64"),
}


def gather(course, extras, folder, constraints, progress=lambda text, done, total: None):
    """Put wheels of everything the course needs on a machine like this one into a folder.

    Args:
        course: path of the course's own wheel, in the folder.
        extras: of the course, such as `("text",)`.
        folder: where the wheels go; those that lie there already are not fetched again.
        constraints: a file with versions.
        progress: called with what is being done, and how many packages of how many (0 if nobody knows).

    Returns:
        Name of each package -> its version.

    Raises:
        CourseError: if there is no network, the disk is full, or a package cannot be had.
    """
    progress("finding out which packages are needed", 0, 0)
    wanted = f"{course}[{','.join(extras)}]" if extras else str(course)
    needed = _resolve(wanted, folder, constraints)
    for name, (version, url) in needed.items():
        if not url.endswith(".whl") and not _find(folder, name, f"=={version}"):
            progress(f"building {name}", 0, 0)
            _pip("wheel", "--no-deps", "-q", "-w", folder, f"{name}=={version}", about=name)
    left = sorted(name for name, (version, _) in needed.items() if not _find(folder, name, f"=={version}"))
    for some in _portions(left):
        progress(f"fetching {some[0]} ...", len(needed) - len(left) + left.index(some[0]), len(needed))
        pinned = [f"{name}=={needed[name][0]}" for name in some]
        _pip("download", "--no-deps", "-q", "-d", folder, *pinned, about=", ".join(some))
    progress("looking whether it is complete", len(needed), len(needed))
    _resolve(wanted, folder, constraints, ["--no-index", "-f", folder])
    return {name: version for name, (version, _) in needed.items()}


def gather_for(kind, python, course, extras, folder, constraints, progress=lambda text, done, total: None):
    """The same for machines of another kind, which pip cannot resolve for: it goes by the machine that it runs on.

    So dependencies are read from the wheels themselves, one generation after the other, as that machine would.

    Args:
        kind: a `Kind`.
        python: version of its Python, such as `3.12`.
    """
    target = [
        "--python-version",
        python,
        "--only-binary=:all:",
        *(f"--platform={each}" for each in kind.platforms),
    ]
    environment, found, wishes = kind.environment(python), {}, {}
    queue = [(canonicalize_name("transformer-labs"), course, frozenset(extras))]
    seen = set()
    while queue:
        wanted = {}
        for name, path, more in queue:
            found[name] = path
            for requirement in _needs(path, more, environment):
                dependency = canonicalize_name(requirement.name)
                wishes.setdefault(dependency, []).append((requirement.specifier, name))
                step = (dependency, frozenset(requirement.extras))
                if step not in seen:
                    seen.add(step)
                    wanted.setdefault(dependency, set()).update(requirement.extras)
        left = [name for name in sorted(wanted) if not _find(folder, name, _joined(wishes[name]))]
        for some in _portions(left):
            progress(f"fetching {some[0]} ...", len(found), len(found) + len(wanted))
            _fetch({name: _joined(wishes[name]) for name in some}, folder, constraints, target)
        queue = [
            (name, _find(folder, name, _joined(wishes[name])), frozenset(extra))
            for name, extra in wanted.items()
        ]
    versions = {name: str(parse_wheel_filename(path.name)[1]) for name, path in found.items()}
    for name, specifiers in wishes.items():
        for specifier, asker in specifiers:
            if not specifier.contains(versions[name], prereleases=True):
                raise CourseError(
                    f"{asker} needs {name} {specifier}, and {versions[name]} was packed: pin it in constraints.txt."
                )
    return versions


def _fetch(wanted, folder, constraints, target):
    """Download wheels for another machine; a package that comes as source alone is built if it fits every machine."""
    options = ["--no-deps", "-q", "-c", constraints]
    texts = [f"{name}{specifier}" for name, specifier in wanted.items()]
    try:
        _pip("download", "-d", folder, *options, *target, *texts, about=", ".join(wanted))
        return
    except NoWheel as error:
        if len(wanted) > 1:
            for name, specifier in wanted.items():
                _fetch({name: specifier}, folder, constraints, target)
            return
        [name], refusal = wanted, error
    with tempfile.TemporaryDirectory() as scratch:
        _pip("wheel", "-w", scratch, *options, *texts, about=name)
        [made] = Path(scratch).glob("*.whl")
        if not made.name.endswith("-none-any.whl"):
            raise refusal
        shutil.move(made, folder)


def _portions(names):
    return [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]


def _joined(wishes):
    return ",".join(dict.fromkeys(str(specifier) for specifier, _ in wishes if str(specifier)))


def _resolve(wanted, folder, constraints, options=()):
    """Name of each package that would be installed here -> `(version, where it comes from)`."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = ["install", "--dry-run", "--ignore-installed", "-q", "--report", report, "-c", constraints]
        _pip(*command, *options, wanted, about="the course's packages")
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {
        canonicalize_name(each["metadata"]["name"]): (
            each["metadata"]["version"],
            each["download_info"]["url"],
        )
        for each in found
    }


def _needs(wheel, extras, environment):
    """The requirements that a wheel with these extras has on that machine."""
    for text in _requirements(wheel):
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate(environment | {"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _requirements(wheel):
    from email.parser import HeaderParser

    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        return HeaderParser().parsestr(archive.read(metadata).decode("utf-8")).get_all("Requires-Dist") or []


def _find(folder, name, specifier):
    """The newest whole wheel of a package in a folder, or `None`. One whose download broke off is thrown away."""
    found = []
    for path in Path(folder).glob("*.whl"):
        there, version, *_ = parse_wheel_filename(path.name)
        if there == canonicalize_name(name) and SpecifierSet(specifier).contains(version, prereleases=True):
            if zipfile.is_zipfile(path):
                found.append((version, path))
            else:
                path.unlink()
    return max(found)[1] if found else None


def _pip(*arguments, about):
    command = [
        sys.executable,
        "-m",
        "pip",
        *map(str, arguments),
        "--disable-pip-version-check",
        "--retries=2",
        "--timeout=20",
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    said = done.stdout + done.stderr
    if "No space left" in said or "Errno 28" in said:
        raise CourseError(
            "The disk is full. Free some space, or pack onto another disk, and start again: what is there stays."
        )
    if OFFLINE.search(said):
        raise CourseError(
            f"{about} could not be fetched: is there a network? Start again when there is; what is there stays."
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    kind = NoWheel if NONE.search(said) else CourseError
    raise kind(f"{about} cannot be had: {' '.join(errors[:2] or said.split()[-30:])[:600]}")
