"""Installs the course from this folder, without network. Started by install.sh or install.bat.

    python install.py [FOLDER]      FOLDER is where the course goes; transformer-labs in your home if left out

Uses nothing but Python itself. May be started again: finished labs of yours are never written over.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"


def main(arguments):
    pack = json.loads((HERE / "pack.json").read_text(encoding="utf-8"))
    here = ".".join(map(str, sys.version_info[:2]))
    if here != pack["python"]:
        stop(
            f"This folder was packed for Python {pack['python']}, and this is {here}. Start it with the other one."
        )
    if sys.platform != pack["system"]:
        stop(
            f"This folder was packed for {pack['for']}, and this is another system. Ask for the right folder."
        )
    target = Path(arguments[0] if arguments else Path.home() / "transformer-labs").expanduser().resolve()
    if target == HERE or target in HERE.parents:
        stop(f"{target} is where the packed folder lies. Name another folder.")
    free = shutil.disk_usage(nearest(target)).free
    if free < pack["needs"]:
        stop(
            f"{target} needs {pack['needs'] / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free. Name another folder."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        install(pack, target)
    except OSError as error:
        stop(f"{error.filename or target}: {error.strerror or error}. Name another folder.")


def install(pack, target):
    environment = target / "env"
    python = environment / ("Scripts/python.exe" if WINDOWS else "bin/python")
    if not python.exists():
        run(
            "Making an environment",
            [sys.executable, "-m", "venv", environment],
            "On Debian and Ubuntu, install python3-venv.",
        )
    wheels = [
        python,
        "-m",
        "pip",
        "install",
        "--no-index",
        "-f",
        HERE / "wheels",
        "--no-warn-script-location",
    ]
    run(
        "Installing (one to five minutes)",
        [*wheels, *pack["install"]],
        "Is the packed folder complete? Copy it again.",
    )
    if not (target / "labs").exists():
        shutil.copytree(HERE / "labs", target / "labs")
    elif not all((target / "labs" / lab.name).exists() for lab in (HERE / "labs").iterdir()):
        for lab in (HERE / "labs").iterdir():
            if not (target / "labs" / lab.name).exists():
                shutil.copytree(lab, target / "labs" / lab.name)
    if (HERE / "data").is_dir():
        code = "from course.data import cache; print(cache.folder())"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            shutil.copytree(HERE / "data", done.stdout.strip(), dirs_exist_ok=True)
    start = target / ("start.bat" if WINDOWS else "start.sh")
    course = environment / ("Scripts/course.exe" if WINDOWS else "bin/course")
    lines = (
        ["@echo off", f'cd /d "{target}"', f'"{course}" lab %*']
        if WINDOWS
        else ["#!/bin/sh", f'cd "{target}" && exec "{course}" lab "$@"']
    )
    start.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not WINDOWS:
        start.chmod(0o755)
    print("Looking whether everything works ...", flush=True)
    doctor = subprocess.run([course, "doctor"], cwd=target, check=False)
    print(f"\nStart the labs with  {start}")
    sys.exit(doctor.returncode)


def run(what, command, cure):
    """Run a command, with the seconds it takes; stop with a sentence if it fails."""
    started = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if line.startswith("Processing") and sys.stdout.isatty():
            print(f"\r{what} ... {time.monotonic() - started:.0f} s", end="", flush=True)
    if process.wait():
        print()
        wrong = [line for line in said if line.startswith("ERROR")] or said[-1:]
        stop(f"{what} failed: {' '.join(wrong)[:500]}\n{cure}")
    print(f"\r{what} ... done in {time.monotonic() - started:.0f} s", flush=True)


def nearest(folder):
    while not folder.exists():
        folder = folder.parent
    return folder


def stop(sentence):
    print(sentence, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
