"""`course doctor`: is this computer ready for the labs? Every problem comes with its cure.

Each check is a function that returns findings. None of them may raise, and none imports TensorFlow here: a broken one
can end the process that imports it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from course.machine.quiet import LOG_LEVEL
from course.notebooks.labs_folder import CHECKOUT

DISTRIBUTION = "transformer-labs"
GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: "good", "note" (works, but worth knowing) or "problem" (the labs will not run like this).
        text: what was found.
        cure: what to do about it; empty if nothing.
    """

    state: str
    text: str
    cure: str = ""


def examine():
    """Yield `(title, look)` for each check, quick ones first; `look()` returns a list of `Finding`."""
    checks = {
        "Python": _python,
        "Packages": _packages,
        "Memory": _memory,
        "This folder": lambda: _folder(
            Path.cwd(), "Start Jupyter in a folder of your own, for example your home."
        ),
        "Data folder": _data_folder,
        "Data sets": _data_sets,
        "Keras and devices": _devices,
    }
    for title, check in checks.items():
        yield title, lambda check=check: _guarded(check)


def _guarded(check):
    try:
        return check()
    except Exception as error:  # a doctor who faints helps nobody
        return [Finding("note", f"could not be looked at ({type(error).__name__}: {error})")]


def _requirements():
    """`(Requires-Python, requirements)`: of the installed distribution, or of the checkout's pyproject.toml."""
    try:
        about = metadata.metadata(DISTRIBUTION)
        return about.get("Requires-Python", ""), metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        import tomllib

        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return project["requires-python"], project["dependencies"]


def _python():
    from packaging.specifiers import SpecifierSet

    version = ".".join(map(str, sys.version_info[:3]))
    wanted, _ = _requirements()
    if version not in SpecifierSet(wanted):
        return [
            Finding(
                "problem",
                f"{version}, and the course needs {wanted}",
                "Install a newer Python and make a new environment.",
            )
        ]
    if sys.maxsize < 2**32:
        return [Finding("problem", f"{version}, 32 bit: TensorFlow needs 64", "Install the 64-bit Python.")]
    return [Finding("good", f"{version} in {sys.prefix}")]


def _packages():
    from packaging.requirements import Requirement

    found, missing = [], []
    for text in _requirements()[1]:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            missing.append(
                Finding("problem", f"{requirement.name} is not installed", f'pip install "{wanted}"')
            )
            continue
        if requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name} {version}")
        else:
            text = f"{requirement.name} is {version}, and the course needs {requirement.specifier}"
            missing.append(Finding("problem", text, f'pip install --upgrade "{wanted}"'))
    large = [each for each in found if each.split()[0] in ("keras", "tensorflow", "jupyterlab")]
    summary = f"{len(found)} as they should be" + (f", among them {', '.join(large)}" if large else "")
    return [Finding("good", summary), *missing]


def _memory():
    import psutil

    memory, cores = psutil.virtual_memory(), os.cpu_count() or 1
    text = f"{memory.total / GIB:.0f} GiB, {memory.available / GIB:.1f} GiB of it free; {cores} CPU cores"
    if memory.total < 3 * GIB:
        return [Finding("problem", text, "The labs need about 4 GiB: take a larger computer.")]
    if memory.available < 2 * GIB:
        return [Finding("note", text, "Close other programs and notebooks before you train a model.")]
    return [Finding("good", text)]


def _folder(folder, cure):
    """Whether files can be written in `folder`, or where it would be made, and how much room there is."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".course-doctor-"):
            pass
    except OSError as error:
        return [Finding("problem", f"{folder} cannot be written to ({error.strerror or error})", cure)]
    free = shutil.disk_usage(place).free
    text = f"{folder}: can be written to, {free / GIB:.1f} GiB free"
    if free < GIB / 4:
        return [Finding("problem", text, "Free some disk space, at least 1 GiB.")]
    if free < GIB:
        return [Finding("note", text, "Free some disk space, at least 1 GiB.")]
    return [Finding("good", text)]


def _data_folder():
    from course.data import cache

    return _folder(cache.folder(), cache.CURE)


def _data_sets():
    from course.data import available

    findings = []
    for entry in available():
        if entry.state.startswith("needs the package"):
            package = entry.state.rsplit(" ", 1)[1]
            findings.append(Finding("problem", f"{entry.name}: {entry.state}", f"pip install {package}"))
        else:
            findings.append(Finding("good", f"{entry.name}: {entry.state} ({entry.about})"))
    return findings


def _devices(seconds=120):
    """What Keras says, in a process of its own that may crash."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    }
    environment[LOG_LEVEL] = "3"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "course.machine.devices"],
            env=environment,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        cure = "Run it again: the first import after an installation is slow. If it stays so, look at the disk and the virus scanner."
        return [Finding("problem", f"importing Keras took more than {seconds} s", cure)]
    if done.returncode:
        return [_import_failure(done)]
    found = json.loads(done.stdout.decode().splitlines()[-1])
    head = Finding("good", f"Keras {found['keras']} on {found['backend']}")
    return [head, *_accelerators(found), _preset(found)]


def _import_failure(done):
    last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1][:300]
    cure = "pip install --upgrade --force-reinstall keras tensorflow"
    if done.returncode in (-4, 132, 0xC000001D):  # SIGILL, and its name on Windows
        return Finding(
            "problem",
            "TensorFlow crashes on this processor",
            "It needs AVX instructions: take another computer.",
        )
    if done.returncode < 0:
        return Finding("problem", f"Python crashes while importing Keras (signal {-done.returncode})", cure)
    return Finding("problem", f"Keras cannot be imported: {last}", cure)


def _accelerators(found):
    devices = [f"{device['kind']} {device['name']}" for device in found["accelerators"]]
    if devices:
        return [Finding("good", "; ".join(devices + _graphics_cards()))]
    cards = _graphics_cards()
    if cards:
        cure = f'pip install "{DISTRIBUTION}[gpu]"   (Linux, or WSL2 on Windows)'
        return [
            Finding("note", f"there is a graphics card ({'; '.join(cards)}), but Keras cannot use it", cure)
        ]
    return [Finding("good", "no GPU: the labs are made to run on the CPU")]


def _graphics_cards():
    """Name and memory of NVIDIA cards, if their driver is there to ask."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    try:
        query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        done = subprocess.run(query, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def _preset(found):
    from course.errors import CourseError
    from course.machine.presets import forced_preset

    try:
        forced = forced_preset()
    except CourseError as error:
        return Finding(
            "problem", str(error).partition(";")[0], "Set COURSE_PRESET to laptop or gpu, or unset it."
        )
    preset = forced or ("gpu" if found["accelerators"] else "laptop")
    why = "forced by COURSE_PRESET" if forced else "from the devices found"
    if preset == "gpu" and found["policy"] != "float32":
        precision = f"mixed precision on ({found['policy']})"
    else:
        precision = "mixed precision off (float32)" + (
            "" if found["accelerators"] else ", as it does not pay on a CPU"
        )
    return Finding("good", f"preset {preset}, {why}; {precision}")
