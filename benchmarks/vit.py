"""Lab 4: step time of the reference against KerasHub's ViT of equal size, and accuracies over three seeds.

    python benchmarks/vit.py                     all of it: about 25 minutes on two quiet cores
    python benchmarks/vit.py --only step         one part: step, learning, labels, teacher or guessing
    python benchmarks/vit.py --quick             one seed and a few steps: shows that it runs, measures nothing

For the step time both models have the same shape and loss, are compiled alike and take turns, round by round, so that
whatever else the computer does hits both. KerasHub is needed for that part only:  pip install keras-hub
"""

import argparse
import time

import keras
import numpy as np
from keras import ops

from course.experiments import training
from course.experiments import vit as experiment
from course.experiments.loading import scaled
from course.experiments.measuring import accuracy, in_parts
from solutions import vit as reference
from solutions.vit import DistilledVisionTransformer, MaskedPatchPrediction, VisionTransformer

PARTS = ("step", "learning", "labels", "teacher", "guessing")
BATCH, STEPS = 64, 20


def vit(image_size, patch_size, seed, kind=VisionTransformer):
    """The lab's model: four layers, 64 wide, four heads."""
    keras.utils.set_random_seed(seed)
    return kind((image_size, image_size), patch_size, 4, 4, 64, 128, num_classes=10)


def cnn(image_size, seed):
    keras.utils.set_random_seed(seed)
    return experiment.small_cnn((image_size, image_size, 1))


def images_of(name):
    """Training images and labels, test images and labels."""
    return *scaled(name), *scaled(name, "test")


def report(name, values, seconds=None):
    values = 100 * np.array(values)
    spread = f"   {values.mean():5.1f} %   ({', '.join(f'{value:.1f}' for value in values)})"
    print(f"{name:44}{spread}" + (f"   {np.mean(seconds):.0f} s each" if seconds else ""), flush=True)


# --- step time --------------------------------------------------------------------------------------------


def hub_model():
    """KerasHub's ViT of the same size, with a head on the class token."""
    import keras_hub

    backbone = keras_hub.models.ViTBackbone((32, 32, 3), 4, 4, 4, 128, 512)
    return keras.Model(backbone.inputs, keras.layers.Dense(10)(backbone.output[:, 0]))


def step(seeds, scale):
    rounds = max(2, round(5 * scale))
    rng = np.random.default_rng(1)
    images = rng.random((BATCH * STEPS, 32, 32, 3)).astype("float32")
    labels = rng.integers(0, 10, BATCH * STEPS)
    models = {"ours": VisionTransformer((32, 32), 4, 4, 4, 128, 512, 10), "KerasHub": hub_model()}
    times = {name: [] for name in models}
    for round_number in range(rounds + 1):
        for name, model in models.items():
            if not round_number:
                loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=False)
            start = time.perf_counter()
            model.fit(images, labels, batch_size=BATCH, verbose=0)
            if round_number:  # the first round traces the graph
                times[name].append((time.perf_counter() - start) / STEPS)
    for name, model in models.items():
        best, middle = 1000 * min(times[name]), 1000 * np.median(times[name])
        print(
            f"{name:9} {model.count_params():,} weights   {best:.1f} ms a step (best of {rounds}), median {middle:.1f} ms"
        )
    print(f"ours / KerasHub: {min(times['ours']) / min(times['KerasHub']):.2f}", flush=True)


# --- accuracies -------------------------------------------------------------------------------------------


def learning(seeds, scale):
    for name, size, patch_size, steps in (("digits", 8, 2, 500), ("mnist5k", 28, 4, 600)):
        images, labels, test_images, test_labels = images_of(name)
        for kind in ("ViT", "CNN"):
            right, took = [], []
            for seed in seeds:
                model = vit(size, patch_size, seed) if kind == "ViT" else cnn(size, seed)
                run = experiment.fit(model, images, labels, max(2, int(scale * steps)), rate=2e-3, seed=seed)
                took.append(run.seconds)
                right.append(accuracy(model, test_images, test_labels))
            report(f"{name}, {kind}, {steps} steps", right, took)


def labels(seeds, scale):
    images, labels, test_images, test_labels = images_of("mnist5k")
    for name, model, steps in (("ViT", vit(28, 7, 1), 300), ("CNN", cnn(28, 1), 900)):  # about the same time
        fitted = False
        for count in (100, 400, 1600):
            right = []
            for seed in seeds:
                fresh = vit(28, 7, seed) if name == "ViT" else cnn(28, seed)
                fresh(images[:1])
                rows = training.few(labels, count, seed)
                given = (images[rows], labels[rows], max(2, int(steps * scale)))
                model(images[:1])
                if fitted:
                    training.again(model, fresh.get_weights(), training.batches(*given, seed=seed))
                else:
                    model.set_weights(fresh.get_weights())
                    experiment.fit(model, *given, rate=2e-3, seed=seed)
                    fitted = True
                right.append(accuracy(model, test_images, test_labels))
            report(f"mnist5k, {name}, {count} labels, {steps} steps", right)


def teacher(seeds, scale):
    images, labels, test_images, test_labels = images_of("mnist5k")
    results = {}
    for seed in seeds:
        rows, rng = training.few(labels, 500, seed), np.random.default_rng(seed)
        copies = np.concatenate([experiment.shifted(images[rows], rng, most=1) for _ in range(9)])
        copy_labels = np.tile(labels[rows], 9)
        expert = cnn(28, seed)
        experiment.fit(expert, copies, copy_labels, max(2, int(500 * scale)), rate=4e-3, seed=seed)
        results.setdefault("teacher, a CNN", []).append(accuracy(expert, test_images, test_labels))
        opinions = in_parts(expert, copies)
        nobody = 20.0 * np.eye(10, dtype="float32")[copy_labels]
        for name, kind, loss, told in (
            ("no teacher, one token", VisionTransformer, reference.hard_distillation_loss, nobody),
            ("hard, one token", VisionTransformer, reference.hard_distillation_loss, opinions),
            ("no teacher, two tokens", DistilledVisionTransformer, reference.hard_distillation_loss, nobody),
            ("hard, two tokens", DistilledVisionTransformer, reference.hard_distillation_loss, opinions),
            ("soft, two tokens", DistilledVisionTransformer, reference.soft_distillation_loss, opinions),
        ):
            model = vit(28, 7, seed, kind)
            both = (
                model.both if kind is DistilledVisionTransformer else lambda x, model=model: 2 * (model(x),)
            )
            targets = np.concatenate([copy_labels[:, None].astype("float32"), told], axis=1)
            student, steps = experiment.Student(model, both), max(2, int(350 * scale))
            distilling = experiment.distilling(loss)
            experiment.fit(student, copies, targets, steps, loss=distilling, rate=2e-3, seed=seed)
            results.setdefault(name, []).append(accuracy(model, test_images, test_labels))
    for name, values in results.items():
        report(f"mnist5k, 500 labels, {name}", values)


def guessing(seeds, scale):
    images, labels, test_images, test_labels = images_of("mnist5k")
    small, test_small = (
        ops.convert_to_numpy(ops.image.resize(each, (16, 16), data_format="channels_last"))
        for each in (images, test_images)
    )
    results = {}
    for seed in seeds:
        rows, trunk = training.few(labels, 200, seed), vit(16, 4, seed)
        trunk(small[:1])
        start, steps = trunk.get_weights(), max(2, int(150 * scale))
        experiment.fit(trunk, small[rows], labels[rows], steps, rate=1e-3, seed=seed)
        results.setdefault("nothing", []).append(accuracy(trunk, test_small, test_labels))
        for target in reference.TARGETS:
            trunk.set_weights(start)
            game = MaskedPatchPrediction(trunk, 4, 1, target, seed=seed)
            experiment.fit(game, small, None, max(2, int(400 * scale)), loss=None, rate=2e-3, seed=seed)
            data = training.batches(small[rows], labels[rows], steps, seed=seed)
            training.again(trunk, trunk.get_weights(), data)
            results.setdefault(target, []).append(accuracy(trunk, test_small, test_labels))
    for name, values in results.items():
        report(f"mnist5k, 200 labels after guessing {name}", values)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, help="one part (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds (default: 3)")
    parser.add_argument("--quick", action="store_true", help="one seed and a hundredth of the steps")
    arguments = parser.parse_args()
    seeds = range(1, 2 if arguments.quick else arguments.seeds + 1)
    for name in [arguments.only] if arguments.only else PARTS:
        print(f"--- {name}", flush=True)
        try:
            globals()[name](seeds, 0.01 if arguments.quick else 1.0)
        except ModuleNotFoundError as error:
            print(
                f"{error.name} is not installed, so this part is left out: pip install {error.name.replace('_', '-')}"
            )


if __name__ == "__main__":
    main()
