"""Packs a folder for rooms without network: labs, wheels, data sets, and an installer that needs Python alone."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder.paths import ROOT
from autograder.teaching.handouts.wheels import KINDS, gather, gather_for
from course.errors import CourseError

TEMPLATES = Path(__file__).parent / "room"
ROOM_NEEDED = 3 * 2**30  # bytes: TensorFlow alone is a third of it, and pip unpacks while it packs
GROWS = 3.8  # an installed environment with its bytecode against its wheels, measured with TensorFlow 2.21 on Linux
COURSE = ("course", "pyproject.toml", "README.md", "LICENSE")


def pack(
    folder, kind="", python="", data=True, extras=(), progress=lambda text, done, total: None, root=ROOT
):
    """Write the folder. May be started again: what is there is not fetched twice.

    Args:
        folder: where to.
        kind: a name of `autograder.teaching.handouts.wheels.KINDS`; empty for machines like this one.
        python: version of the participants' Python, such as `3.12`; this one's if left out.
        data: whether to put in prepared data sets.
        extras: of the course, such as `text`.
        progress: called with what is being done, and how many steps of how many (0 if nobody knows).
        root: the checkout.

    Returns:
        Name of each part -> its bytes.

    Raises:
        CourseError: the text says what to do.
    """
    folder, root = Path(folder), Path(root)
    here = ".".join(map(str, sys.version_info[:2]))
    python = python or here
    if kind and kind not in KINDS:
        raise CourseError(f"There is no kind of machine {kind!r}; there are {', '.join(KINDS)}.")
    if not kind and python != here:
        raise CourseError(f"For another Python name the machines, too: --for {' or '.join(KINDS)}.")
    if not any((root / "labs").glob("lab*/*.ipynb")):
        raise CourseError("There are no labs to pack. Run  autograder build  first.")
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < ROOM_NEEDED:
        raise CourseError(f"{folder} needs about {ROOM_NEEDED / 2**30:.0f} GiB free. Pack onto another disk.")
    progress("building the course's own wheel", 0, 0)
    course = _course_wheel(root, wheels)
    job = (course, tuple(extras), wheels, root / "constraints.txt", progress)
    versions = gather_for(KINDS[kind], python, *job) if kind else gather(*job)
    _tidy(wheels, versions)
    shutil.copytree(root / "labs", folder / "labs", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    if data:
        _data(folder / "data", progress)
    _installer(folder, kind, python, extras)
    return {part: _bytes(folder / part) for part in ("wheels", "labs", "data") if (folder / part).exists()}


def _course_wheel(root, wheels):
    """Build from a copy: a build leaves folders behind, and a checkout is no place for them."""
    for old in wheels.glob("transformer_labs-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        for name in COURSE:
            copy = shutil.copytree if (root / name).is_dir() else shutil.copy
            copy(root / name, Path(scratch, name))
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(wheels), scratch]
        done = subprocess.run(
            [*command, *_isolation()], capture_output=True, text=True, errors="replace", check=False
        )
    found = list(wheels.glob("transformer_labs-*.whl"))
    if done.returncode or not found:
        raise CourseError(
            f"The course's wheel cannot be built: {' '.join((done.stdout + done.stderr).split())[-400:]}"
        )
    return found[0]


def _isolation():
    """Without network a build can only use the setuptools that is installed."""
    from importlib import metadata

    try:
        new = int(metadata.version("setuptools").split(".")[0]) >= 77
    except (metadata.PackageNotFoundError, ValueError):
        new = False
    return ["--no-build-isolation"] if new else []


def _tidy(wheels, versions):
    """Throw away wheels that an earlier run fetched and this one has no use for."""
    from packaging.utils import parse_wheel_filename

    for path in wheels.iterdir():
        if path.suffix == ".whl":
            name, version, *_ = parse_wheel_filename(path.name)
            if versions.get(name) == str(version):
                continue
        path.unlink()


def _data(folder, progress):
    from course.data.embedded import builder_for
    from course.data.registry import data_sets
    from course.machine.quiet import quiet

    sets = data_sets()
    for done, (name, data) in enumerate(sets.items()):
        progress(f"preparing the data set {name}", done, len(sets))
        # Its own words would tear the progress bar apart.
        with quiet(), contextlib.redirect_stdout(io.StringIO()):
            builder_for(data, folder)


def _installer(folder, kind, python, extras):
    machine = KINDS[kind].name if kind else f"machines like the one it was packed on ({sys.platform})"
    system = KINDS[kind].system if kind else sys.platform
    needs = int(_bytes(folder / "wheels") * GROWS)
    course = f"transformer-labs[{','.join(extras)}]" if extras else "transformer-labs"
    facts = {"for": machine, "system": system, "python": python, "needs": needs, "install": [course]}
    (folder / "pack.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    known = {"@PYTHON@": python, "@FOR@": machine, "@NEEDS@": f"about {needs / 2**30:.1f} GiB"}
    for template in sorted(TEMPLATES.iterdir()):
        if not template.is_file():
            continue
        text = template.read_text(encoding="utf-8")
        for place, value in known.items():
            text = text.replace(place, value)
        # cmd.exe reads a file with plain line feeds wrongly now and then
        (folder / template.name).write_text(
            text, encoding="utf-8", newline="\r\n" if template.suffix in (".bat", ".txt") else "\n"
        )
    (folder / "install.sh").chmod(0o755)


def _bytes(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
