"""What this computer computes on, whichever backend Keras uses.

`python -m course.machine.devices` prints it as JSON: `course doctor` asks in a process of its own, because a broken
TensorFlow can end the process that imports it.
"""

import json
from dataclasses import asdict, dataclass

from course.machine.quiet import quiet


@dataclass(frozen=True)
class Accelerator:
    """A GPU or TPU.

    Attributes:
        kind: "GPU" or "TPU".
        name: what the maker calls it.
        capability: CUDA compute capability such as `(8, 0)`, or `None` if it has none or it is not known.
    """

    kind: str
    name: str
    capability: tuple[int, int] | None = None


def accelerators():
    """GPUs and TPUs that the Keras backend can use, as a tuple of `Accelerator`; empty on a plain laptop."""
    with quiet():
        import keras

        backend = keras.backend.backend()
        return tuple({"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}.get(backend, tuple)())


def _tensorflow():
    import tensorflow as tf

    for kind in ("GPU", "TPU"):
        for device in tf.config.list_physical_devices(kind):
            details = tf.config.experimental.get_device_details(device) if kind == "GPU" else {}
            yield Accelerator(
                kind, details.get("device_name", device.name), details.get("compute_capability")
            )


def _jax():
    import jax

    for device in jax.devices():
        if device.platform != "cpu":
            capability = str(getattr(device, "compute_capability", "")).split(".")
            known = len(capability) == 2 and all(part.isdigit() for part in capability)
            kind = "TPU" if device.platform == "tpu" else "GPU"
            yield Accelerator(kind, device.device_kind, tuple(map(int, capability)) if known else None)


def _torch():
    import torch

    for index in range(torch.cuda.device_count()):
        yield Accelerator("GPU", torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index))


def mixed_precision_policy(found):
    """The Keras dtype policy that pays on these accelerators.

    Args:
        found: what `accelerators` returned.

    Returns:
        `"mixed_bfloat16"` on TPUs and on GPUs since compute capability 8.0 (no loss scaling needed),
        `"mixed_float16"` on those since 7.0, which have matrix units for that type only, else `"float32"`.
    """
    if found and all(device.kind == "TPU" or (device.capability or (0, 0)) >= (8, 0) for device in found):
        return "mixed_bfloat16"
    if found and all(device.kind == "GPU" and (device.capability or (0, 0)) >= (7, 0) for device in found):
        return "mixed_float16"
    return "float32"


def _main():
    found = accelerators()
    import keras

    answer = {
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "accelerators": [asdict(device) for device in found],
        "policy": mixed_precision_policy(found),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
