"""`course doctor`: every problem is found, comes with its cure, and never with a traceback."""

import errno
import json
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from course import cli
from course.doctor import doctor
from course.doctor.doctor import Finding

HEALTHY = {"keras": "3.15.0", "backend": "tensorflow", "accelerators": [], "policy": "float32"}
A100 = {"kind": "GPU", "name": "NVIDIA A100", "capability": [8, 0]}


@pytest.fixture
def child(monkeypatch):
    """Choose what the process that imports Keras answers."""

    def answer(found=HEALTHY, code=0, stderr=""):
        done = SimpleNamespace(returncode=code, stdout=json.dumps(found).encode(), stderr=stderr.encode())
        monkeypatch.setattr(doctor.subprocess, "run", lambda *arguments, **options: done)

    monkeypatch.delenv("COURSE_PRESET", raising=False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    return answer


def texts(findings):
    return "\n".join(f"{finding.state}: {finding.text} -> {finding.cure}" for finding in findings)


# as a whole


def run():
    return CliRunner(env={"COLUMNS": "160", "NO_COLOR": "1"}).invoke(cli.app, ["doctor"])


def test_a_healthy_computer(child, monkeypatch, tmp_path):
    child()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = run()
    assert result.exit_code == 0, result.output
    titles = ("Python", "Packages", "Memory", "This folder", "Data folder", "Data sets", "Keras and devices")
    assert [line for line in result.output.splitlines() if line in titles] == list(titles)
    assert "✗" not in result.output and "Ready." in result.output
    assert "✓ mnist5k: prepared on first use" in result.output


def test_problems_set_the_exit_status_and_notes_do_not(monkeypatch):
    def examined(*findings):
        monkeypatch.setattr(doctor, "examine", lambda: iter([("Something", lambda: list(findings))]))
        return run()

    assert examined(Finding("note", "odd", "look at it")).exit_code == 0
    result = examined(Finding("problem", "bad", "mend it"), Finding("problem", "worse", "mend it too"))
    assert result.exit_code == 1
    assert "✗ bad" in result.output and "→ mend it" in result.output
    assert "2 problems to solve before you start" in result.output
    assert "1 problem to solve" in examined(Finding("problem", "bad", "mend it")).output


def test_a_check_that_fails_itself_is_a_note():
    def broken():
        raise RuntimeError("out of order")

    assert texts(doctor._guarded(broken)) == "note: could not be looked at (RuntimeError: out of order) -> "


def test_in_earnest_and_in_time():
    """The real thing, Keras import and all. Ten seconds are promised; the limit leaves room for a busy machine."""
    command = [sys.executable, "-m", "course.cli", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on tensorflow" in done.stdout and "preset" in done.stdout
    assert done.stderr == ""


# Python and packages


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor, "_requirements", lambda: (">=3.11", []))
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4, "final", 0))
    assert "problem: 3.10.4, and the course needs >=3.11 -> Install a newer Python" in texts(doctor._python())


def test_a_32_bit_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "maxsize", 2**31 - 1)
    assert "32 bit: TensorFlow needs 64 -> Install the 64-bit Python" in texts(doctor._python())


def test_packages_against_their_ranges(monkeypatch):
    wanted = [
        "rich",
        "typer>=99",
        "no-such-package>=1.2",
        'nbgrader>=99; extra == "instructor"',
        "keras>=3.10",
    ]
    monkeypatch.setattr(doctor, "_requirements", lambda: ("", wanted))
    found = texts(doctor._packages())
    assert f"good: 2 as they should be, among them keras {metadata.version('keras')}" in found
    typer = f"problem: typer is {metadata.version('typer')}, and the course needs >=99 -> "
    assert typer + 'pip install --upgrade "typer>=99"' in found
    assert 'problem: no-such-package is not installed -> pip install "no-such-package>=1.2"' in found
    assert "nbgrader" not in found


def test_a_checkout_that_was_never_installed(monkeypatch):
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-distribution")
    python, requirements = doctor._requirements()
    assert python.startswith(">=3.") and any(each.startswith("keras") for each in requirements)


# memory, folders, data


@pytest.mark.parametrize(
    ("total", "free", "state", "cure"),
    [(16, 8, "good", ""), (8, 1, "note", "Close other programs"), (2, 1, "problem", "larger computer")],
)
def test_memory(monkeypatch, total, free, state, cure):
    import psutil

    memory = SimpleNamespace(total=total * doctor.GIB, available=free * doctor.GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    [finding] = doctor._memory()
    assert finding.state == state and cure in finding.cure and f"{total} GiB" in finding.text


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    def refuse(**options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "NamedTemporaryFile", refuse)
    [finding] = doctor._folder(tmp_path, "go home")
    assert finding == Finding("problem", f"{tmp_path} cannot be written to (Permission denied)", "go home")


def test_a_data_folder_that_is_a_file(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    [finding] = doctor._data_folder()
    assert finding.state == "problem" and "Set COURSE_DATA to a folder you may write to" in finding.cure


def test_looking_leaves_nothing_behind(tmp_path):
    assert doctor._folder(tmp_path / "not" / "yet", "")[0].state == "good"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "state"), [(5, "good"), (0.5, "note"), (0.1, "problem")])
def test_disk_space(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: SimpleNamespace(free=free * doctor.GIB))
    [finding] = doctor._folder(tmp_path, "")
    assert finding.state == state and (state == "good" or "Free some disk space" in finding.cure)


def test_a_data_set_whose_package_is_missing(monkeypatch):
    from course import data

    entry = SimpleNamespace(name="digits", about="1,797 digits", state="needs the package scikit-learn")
    monkeypatch.setattr(data, "available", lambda: [entry])
    assert (
        texts(doctor._data_sets())
        == "problem: digits: needs the package scikit-learn -> pip install scikit-learn"
    )


# Keras and devices


def test_a_laptop(child):
    child()
    found = texts(doctor._devices())
    assert (
        "good: Keras 3.15.0 on tensorflow" in found and "no GPU: the labs are made to run on the CPU" in found
    )
    assert (
        "preset laptop, from the devices found; mixed precision off (float32), as it does not pay on a CPU"
        in found
    )


def test_a_gpu(child):
    child(HEALTHY | {"accelerators": [A100], "policy": "mixed_bfloat16"})
    found = texts(doctor._devices())
    assert "GPU NVIDIA A100" in found
    assert "preset gpu, from the devices found; mixed precision on (mixed_bfloat16)" in found


def test_a_gpu_that_keras_cannot_use(monkeypatch):
    monkeypatch.setattr(doctor, "_graphics_cards", lambda: ["Tesla T4, 15360 MiB"])
    found = texts(doctor._accelerators(HEALTHY))
    assert "note: there is a graphics card (Tesla T4, 15360 MiB), but Keras cannot use it" in found
    assert 'pip install "transformer-labs[gpu]"' in found


def test_the_driver_is_asked(monkeypatch):
    done = SimpleNamespace(returncode=0, stdout="Tesla T4, 15360 MiB\n")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *arguments, **options: done)
    assert doctor._graphics_cards() == ["Tesla T4, 15360 MiB"]
    done.returncode = 9  # a driver that does not answer
    assert doctor._graphics_cards() == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("gpu", "good: preset gpu, forced by COURSE_PRESET; mixed precision off (float32)"),
        ("laptop", "good: preset laptop, forced by COURSE_PRESET"),
        ("huge", "problem: COURSE_PRESET is 'huge' -> Set COURSE_PRESET to laptop or gpu, or unset it."),
    ],
)
def test_a_forced_preset(child, monkeypatch, value, expected):
    child()
    monkeypatch.setenv("COURSE_PRESET", value)
    assert expected in texts(doctor._devices())


@pytest.mark.parametrize(
    ("code", "stderr", "expected"),
    [
        (
            1,
            "Traceback ...\nImportError: DLL load failed",
            "Keras cannot be imported: ImportError: DLL load failed -> pip install",
        ),
        (1, "", "Keras cannot be imported: no message -> pip install"),
        (-4, "", "TensorFlow crashes on this processor -> It needs AVX instructions"),
        (-11, "", "Python crashes while importing Keras (signal 11) -> pip install"),
    ],
)
def test_a_keras_that_cannot_be_imported(child, code, stderr, expected):
    child(code=code, stderr=stderr)
    [finding] = doctor._devices()
    assert finding.state == "problem" and expected in texts([finding])


def test_an_import_that_does_not_end(monkeypatch):
    def late(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(doctor.subprocess, "run", late)
    assert "importing Keras took more than 7 s -> Run it again" in texts(doctor._devices(seconds=7))
