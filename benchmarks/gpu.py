"""What a GPU makes of the course, as one table for benchmarks/README.md. Needs no network.

    python benchmarks/gpu.py                  at most eight minutes on a GPU
    python benchmarks/gpu.py --toy            the same lines at toy sizes, on any computer: shows that they run
    python benchmarks/gpu.py --only vit       one of the published models or labs; may be repeated

First the published sizes, in the type that pays on this GPU: the course's reference with and without XLA, and KerasHub's
layers of equal size where it has them. Then the step of each lab's GPU path, through the course's own loop, on data that
comes with the course, and how long the whole path would take at that pace. What there is no time for is said.

`of peak` compares with the fastest large matrix product on the same device in the same type, measured at the start. A
step counts as 6 operations for each weight of a matrix and token, plus attention's 12 x width x length for each token
and layer; forward, backward, nothing recomputed. KerasHub is needed for its own lines only.
"""

import argparse
import time
from dataclasses import dataclass

import gpu_cases
import keras
import numpy as np
from keras import ops

from course.experiments import training
from course.machine.devices import accelerators, mixed_precision_policy

ROW = "| {:30} | {:>11} | {:>9} | {:>5} | {:>9} | {:>8} | {:>7} | {:>7} | {:24} |"
HEAD = ("what", "weights", "batch", "XLA", "ms a step", "TFLOP/s", "of peak", "GiB", "note")


@dataclass(frozen=True)
class Pace:
    """Seconds a step, and the most memory of the device that was taken meanwhile (GiB, `None` where it is not told)."""

    seconds: float
    memory: float | None


def memory_peak():
    """The most GiB of the first GPU in use since `forget_memory`, or `None` without one that tells."""
    if keras.backend.backend() != "tensorflow" or not accelerators():
        return None
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30


def forget_memory():
    """Frees what earlier models hold, and counts anew."""
    keras.backend.clear_session(free_memory=True)
    if memory_peak() is not None:
        import tensorflow as tf

        tf.config.experimental.reset_memory_stats("GPU:0")


def paced(step, seconds, steps):
    """The pace of `step()`, which trains one step and waits for it; its first call makes the graph and is not counted."""
    step()
    step()
    took, began = [], time.perf_counter()
    while len(took) < steps and (not took or time.perf_counter() - began < seconds):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    return Pace(float(np.median(took)), memory_peak())


def peak(size, dtype):
    """Operations a second of the fastest of ten products of two square matrices."""
    matrix = ops.cast(np.random.default_rng(1).random((size, size), dtype="float32"), dtype)
    best = np.inf
    for _ in range(10):
        start = time.perf_counter()
        product = ops.matmul(matrix, ops.matmul(matrix, matrix))
        ops.convert_to_numpy(product[:1, :1])  # waits
        best = min(best, (time.perf_counter() - start) / 2)
    return 2 * size**3 / best


class Report:
    """Prints the table line by line, and knows how much time is left."""

    def __init__(self, minutes, fastest):
        self.ends, self.fastest, self.left_out = time.perf_counter() + 60 * minutes, fastest, []

    def begin(self):
        print(ROW.format(*HEAD))
        print("|" + "---|" * len(HEAD), flush=True)

    def line(self, name, model, batch, xla, pace, operations, note=""):
        share = operations / pace.seconds if operations else None
        print(
            ROW.format(
                name,
                f"{model.count_params():,}",
                batch,
                {True: "on", False: "off", None: "loop"}[xla],
                f"{1000 * pace.seconds:.1f}",
                f"{share / 1e12:.2f}" if share else "",
                f"{share / self.fastest:.0%}" if share else "",
                "not told" if pace.memory is None else f"{pace.memory:.1f}",
                note,
            ),
            flush=True,
        )

    def has_time(self, name):
        if time.perf_counter() < self.ends:
            return True
        self.left_out.append(name)
        return False


def published(case, report, seconds):
    """A published model: XLA on and off, then KerasHub's."""
    for owner, make in (("course", case.make), ("KerasHub", case.make_hub)):
        if make is None:
            continue
        for xla in (True, False):
            name = f"{case.name}, {owner}"
            if not report.has_time(f"{name}, XLA {'on' if xla else 'off'}"):
                continue
            forget_memory()
            keras.utils.set_random_seed(1)
            try:
                model = make()
            except ModuleNotFoundError:
                print(f"{name}: KerasHub is not installed (pip install keras-hub)")
                break
            batch = keras.tree.map_structure(ops.convert_to_tensor, case.batch())
            model(batch[0])
            model.compile(keras.optimizers.AdamW(1e-4), case.loss, jit_compile=xla)
            pace = paced(lambda model=model, batch=batch: model.train_on_batch(*batch), seconds, 30)
            report.line(name, model, case.size, xla, pace, case.operations(model), case.note)


def lab(case, report, seconds):
    """A lab's GPU path: its model, sizes and batch in the course's loop."""
    if not report.has_time(case.name):
        return
    forget_memory()
    keras.utils.set_random_seed(1)
    model, batch = case.make(), case.batch()
    model(batch[0])
    # As `training.fit` does on a GPU.
    model.compile(keras.optimizers.AdamW(1e-4), case.loss, jit_compile="auto" if accelerators() else False)
    few = training.Batches(case.turn, lambda number: batch)

    def turn():
        training.further(model, few)

    pace = paced(turn, seconds, 10)
    pace = Pace(pace.seconds / case.turn, pace.memory)
    report.line(case.name, model, case.size, None, pace, case.operations(model), case.estimate(pace.seconds))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true", help="small sizes and few steps, for any computer")
    parser.add_argument(
        "--only",
        choices=gpu_cases.NAMES,
        action="append",
        help="one model or lab (default: all); may be repeated",
    )
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="no line begins after as many (default: 8)"
    )
    arguments = parser.parse_args()
    found = accelerators()
    if not found and not arguments.toy:
        parser.exit(
            1,
            "There is no GPU that Keras can use here, so the published sizes would take hours. "
            "Add --toy to see that every line runs.\n",
        )
    policy = mixed_precision_policy(found) if found else "mixed_bfloat16"
    keras.config.set_dtype_policy(policy)
    dtype = keras.config.dtype_policy().compute_dtype
    fastest = peak(1024 if arguments.toy else 8192, dtype)
    print(
        f"{', '.join(device.name for device in found) or 'no GPU: toy sizes on the CPU'}; Keras {keras.__version__} on "
        f"{keras.backend.backend()}, {policy}; one large matrix product reaches {fastest / 1e12:.2f} TFLOP/s in {dtype}\n"
    )
    report = Report(arguments.minutes, fastest)
    report.begin()
    seconds = 0.5 if arguments.toy else 5.0
    for name in arguments.only or gpu_cases.NAMES:
        for case in gpu_cases.cases(name, arguments.toy):
            (published if isinstance(case, gpu_cases.Published) else lab)(case, report, seconds)
    for name in report.left_out:
        print(f"left out, time was up: {name}")


if __name__ == "__main__":
    main()
