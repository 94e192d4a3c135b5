"""Two sizes for every experiment: `laptop` (two CPU cores, minutes) and `gpu` (one GPU).

    steps = course.choose(laptop=300, gpu=5_000, smoke=2)

The preset follows from the devices found. The environment variable COURSE_PRESET, set before the notebook's kernel
starts, forces one. A third, `smoke`, is never found, only forced: it runs a whole lab in a minute, to show that every
cell works, and learns nothing.
"""

import functools
import os

from course.errors import CourseError

PRESETS = ("laptop", "gpu", "smoke")


def preset():
    """The preset in force: `"laptop"`, `"gpu"` or `"smoke"`.

    Raises:
        CourseError: if COURSE_PRESET is set to anything else.
    """
    return forced_preset() or ("gpu" if _accelerators() else "laptop")


def forced_preset():
    """The preset that COURSE_PRESET asks for, or `None`; raises as `preset` does. Needs no Keras."""
    forced = os.environ.get("COURSE_PRESET", "").strip().lower()
    if forced and forced not in PRESETS:
        raise CourseError(
            f"COURSE_PRESET is {forced!r}; set it to laptop or gpu, or unset it to have it chosen for you."
        )
    return forced or None


def choose(*, laptop, gpu, smoke=None):
    """The value for the preset in force: `choose(laptop=2, gpu=12)` is 2 on a laptop, and in a smoke test as well."""
    return {"laptop": laptop, "gpu": gpu, "smoke": laptop if smoke is None else smoke}[preset()]


def jit_compile():
    """What to give `model.compile(jit_compile=...)`.

    `False` for TensorFlow on a CPU, where XLA gains little on these models and makes gather-heavy ones slower; else
    `"auto"`, which leaves it to Keras. (JAX without compilation would be no speed at all.)
    """
    import keras

    on_cpu = not _accelerators()
    return False if on_cpu and keras.backend.backend() == "tensorflow" else "auto"


def use_preset():
    """Make Keras ready for the preset in force, and return its name.

    On `gpu` this switches mixed precision on, if the GPU gains by it; on `laptop` it changes nothing. Call it before
    the first layer is built.
    """
    name = preset()
    if name == "gpu":
        import keras

        from course.machine.devices import mixed_precision_policy

        # Forced on a computer without a GPU (a smoke test), the policy stays float32.
        keras.config.set_dtype_policy(mixed_precision_policy(_accelerators()))
    return name


@functools.cache
def _accelerators():
    from course.machine.devices import accelerators

    return accelerators()
