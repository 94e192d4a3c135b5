"""Laptop or gpu: chosen from the devices, forced by COURSE_PRESET; and what follows from it."""

import os

import keras
import pytest

from course.errors import CourseError
from course.machine import devices, presets
from course.machine.devices import Accelerator, mixed_precision_policy
from course.machine.quiet import quiet

T4, A100, P100 = (
    Accelerator("GPU", name, cap) for name, cap in (("T4", (7, 5)), ("A100", (8, 0)), ("P100", (6, 0)))
)
TPU = Accelerator("TPU", "v4")


@pytest.fixture
def computer(monkeypatch):
    """Choose the accelerators of this computer."""
    monkeypatch.delenv("COURSE_PRESET", raising=False)
    policy = keras.config.dtype_policy()
    yield lambda *found: monkeypatch.setattr(presets, "_accelerators", lambda: found)
    keras.config.set_dtype_policy(policy)


def test_from_the_devices(computer):
    computer()
    assert presets.preset() == "laptop" and presets.choose(laptop=2, gpu=12) == 2
    computer(T4)
    assert presets.preset() == "gpu" and presets.choose(laptop=2, gpu=12) == 12


@pytest.mark.parametrize(
    ("value", "expected"), [("gpu", "gpu"), (" GPU ", "gpu"), ("laptop", "laptop"), ("", "gpu")]
)
def test_forced(computer, monkeypatch, value, expected):
    computer(T4)
    monkeypatch.setenv("COURSE_PRESET", value)
    assert presets.preset() == expected


def test_a_preset_that_does_not_exist(computer, monkeypatch):
    monkeypatch.setenv("COURSE_PRESET", "huge")
    with pytest.raises(CourseError, match="COURSE_PRESET is 'huge'; set it to laptop or gpu, or unset it"):
        presets.preset()


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        ((), "float32"),
        ((P100,), "float32"),
        ((Accelerator("GPU", "unknown"),), "float32"),
        ((T4,), "mixed_float16"),
        ((A100,), "mixed_bfloat16"),
        ((TPU,), "mixed_bfloat16"),
        ((A100, T4), "mixed_float16"),
        ((A100, P100), "float32"),
    ],
)
def test_the_policy_that_pays(found, policy):
    assert mixed_precision_policy(found) == policy


def test_mixed_precision_on_a_gpu_only(computer, monkeypatch):
    computer()
    assert presets.use_preset() == "laptop" and keras.config.dtype_policy().name == "float32"
    monkeypatch.setenv("COURSE_PRESET", "gpu")  # a smoke test without a GPU
    assert presets.use_preset() == "gpu" and keras.config.dtype_policy().name == "float32"
    computer(A100)
    assert presets.use_preset() == "gpu" and keras.config.dtype_policy().name == "mixed_bfloat16"


def test_compilation(computer, monkeypatch):
    computer()
    assert presets.jit_compile() is False
    computer(T4)
    assert presets.jit_compile() == "auto"
    computer()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert presets.jit_compile() == "auto"


def test_the_devices_of_this_computer_are_found_quietly(capfd):
    assert isinstance(devices.accelerators(), tuple)
    assert capfd.readouterr().err == ""


def test_errors_for_people_come_without_a_traceback():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda kind, error, trace: shown.extend(trace)
    shell.run_cell("from course.errors import CourseError\nraise CourseError('do this')", store_history=False)
    assert shown == ["do this"]


def test_quiet_is_over_when_it_is_over(capfd):
    with quiet():
        os.write(2, b"red text")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
