"""Lab 6: what a few labels, and each choice of MAE, are worth after short trainings by the lab's own layers, over seeds.

    python benchmarks/mae_labels.py                      all of it: about 40 minutes on two quiet cores
    python benchmarks/mae_labels.py --only targets       one part: speed, targets, labels, ratio, masks, encoder, decoder or crops
    python benchmarks/mae_labels.py --steps 600          shorter pre-training (default: 1,000 steps of 32 digits)
    python benchmarks/mae_labels.py --quick              one seed and a few steps: shows that it runs, measures nothing

Each setting pre-trains on 4,000 digits without labels and is then judged twice: fine-tuned with 200 labels (100 steps), and
by a linear probe with the same 200 labels. A setting that two parts share is trained once.
"""

import argparse
import time

import keras
import numpy as np

import course
from autograder.authoring.checkpoints import mae as maker
from course.experiments import mae as experiment
from course.experiments.few_labels import FewLabels
from course.experiments.measuring import in_parts
from course.experiments.training import copy_weights, few
from solutions import mae as reference
from solutions.vit import patch_targets, patchify

PARTS = ("speed", "targets", "labels", "ratio", "masks", "encoder", "decoder", "crops")
ENCODER = maker.DIGITS
TUNE_STEPS = 100


class Bench:
    """Digits, seeds, and what was measured already."""

    def __init__(self, seeds, steps, tune_steps):
        self.images, self.labels, self.held_out, self.held_out_labels = experiment.digits()
        self.seeds, self.steps, self.tune_steps = seeds, steps, tune_steps
        self.done, self.tokenizers = {}, {}
        given = (self.images, self.labels, self.held_out, self.held_out_labels, tune_steps)
        self.judge = FewLabels(self.classifier, *given)

    def targets(self, kind, seed):
        """A function of images, and how many numbers it asks for each patch."""
        low, high = self.images.min(), self.images.max()
        if kind == "pixels":
            return (lambda images: patchify(images, 4)), 16
        if kind == "normalized pixels":
            return (lambda images: reference.normalize_patches(patchify(images, 4))), 16
        if kind in ("mean colour", "small colours"):
            count = 8 if kind == "mean colour" else 16 * 8
            return (lambda images: patch_targets((images - low) / (high - low), 4, kind)), count
        if seed not in self.tokenizers:
            keras.utils.set_random_seed(seed)
            self.tokenizers[seed] = reference.VisualTokenizer(4, 1)
            experiment.train_tokenizer(self.tokenizers[seed], self.images, self.tune_steps * 4)
        return self.tokenizers[seed].tokens, 64

    def pretrained(
        self,
        seed,
        target="pixels",
        kind=reference.MAEEncoder,
        depth=1,
        width=64,
        ratio=0.75,
        noise="random",
        crops=False,
    ):
        """`(encoder, error, seconds)`; without `target`, an encoder that has seen nothing. Depth 0 is one dense layer."""
        keras.utils.set_random_seed(seed)
        encoder = kind(**ENCODER, mask_ratio=ratio)
        if target is None:
            encoder(self.images[:1])
            return encoder, np.nan, 0.0
        if target == "checkpoint":
            model = maker.autoencoder(maker.DIGITS, 1)
            model((self.images[:1], np.random.rand(1, 36)))
            return model.encoder, course.checkpoint(model, "mae_digits")["error"], 0.0
        targets, outputs = self.targets(target, seed)
        if depth:
            decoder = reference.MAEDecoder(encoder.grid, outputs, depth, 4, width, 2 * width)
        else:
            decoder = reference.LinearDecoder(outputs)
        model = reference.MaskedAutoencoder(encoder, decoder, targets)
        hides = {
            "random": experiment.random_noise,
            "grid": experiment.grid_noise,
            "block": experiment.block_noise(reference.block_mask, ratio),
        }[noise]
        augment = (lambda images, rng: experiment.cropped(images, rng, mirror=False)) if crops else None
        run = experiment.pretrain(
            model, self.images, self.steps, noise=hides, augment=augment, batch_size=32, seed=seed
        )
        guess, mask = experiment.guesses(model, self.held_out)
        error = np.nan
        if target == "pixels":
            error = float(reference.masked_mse(guess, patchify(self.held_out, 4), mask))
        return encoder, error, run.seconds

    def classifier(self):
        model = reference.MAEClassifier(reference.MAEEncoder(**ENCODER), 10)
        model(self.images[:1])
        return model

    def measured(self, seed, labels=200, factor=1, **setting):
        """`(fine-tuned, probed, error, seconds)`."""
        key = (seed, tuple(sorted(setting.items(), key=str)))
        if key not in self.done:
            self.done[key] = self.pretrained(seed, **setting)
        encoder, error, seconds = self.done[key]
        rows = few(self.labels, labels, seed)
        model = self.classifier()
        copy_weights(encoder, model.encoder)
        probed = self.judge.probed(lambda images: in_parts(model.features, images), rows)
        return self.judge.tuned(encoder, rows, factor, seed=seed), probed, error, seconds

    def row(self, name, **setting):
        found = np.array([self.measured(seed, **setting) for seed in self.seeds])
        tuned, probed, error, seconds = found.T
        each = ", ".join(f"{value:.1f}" for value in 100 * tuned)
        print(
            f"{name:34} fine-tuned {100 * tuned.mean():5.1f} % ({each})   probe {100 * probed.mean():5.1f} %"
            f"   error {error.mean():.4f}   {seconds.mean():.0f} s each",
            flush=True,
        )


def speed(bench):
    """Steps of an encoder with and without mask tokens, in turns, and the same decoder behind both."""
    steps, times, models = max(8, bench.steps // 20), {}, {}
    images = np.random.default_rng(1).normal(size=(640, 32, 32, 1)).astype("float32")
    for name, kind in (
        ("visible patches only", reference.MAEEncoder),
        ("with mask tokens", reference.FullLengthEncoder),
    ):
        encoder = kind((32, 32), 4, 4, 4, 64, 128)
        decoder = reference.MAEDecoder(encoder.grid, 16, 1, 4, 64, 128)
        models[name] = reference.MaskedAutoencoder(encoder, decoder, lambda images: patchify(images, 4))
        experiment.pretrain(models[name], images, steps)
    for turn in range(3):
        for name, model in models.items():
            batches = experiment.hidden_batches(images, steps, 64, model.encoder.grid, seed=turn)
            start = time.perf_counter()
            model.fit(batches, shuffle=False, verbose=0)
            times.setdefault(name, []).append(1000 * (time.perf_counter() - start) / steps)
    for name, found in times.items():
        print(f"{name:34} {min(found):.0f} ms a step (best of 3)")
    both = [min(found) for found in times.values()]
    print(f"{'ratio':34} {both[1] / both[0]:.2f}", flush=True)


def targets(bench):
    bench.row("nothing", target=None)
    for target in ("pixels", "normalized pixels", "visual tokens", "mean colour"):
        bench.row(target, target=target)
    whole = {"kind": reference.FullLengthEncoder, "depth": 0}
    bench.row("BEiT's way: tokens, blocks of 40 %", target="visual tokens", ratio=0.4, noise="block", **whole)
    bench.row("ViT's way: mean colour, 50 %", target="mean colour", ratio=0.5, **whole)


def labels(bench):
    """With the weights that come with the course, which had 3,000 steps; each seed draws other labels."""
    for count in (50, 100, 200):
        for name, setting in (
            ("scratch", {"target": None}),
            ("scratch, four times the steps", {"target": None, "factor": 4}),
            ("pre-trained", {"target": "checkpoint"}),
        ):
            bench.row(f"{count} labels, {name}", labels=count, **setting)
        found = [
            bench.judge.probed(lambda images: images.reshape(len(images), -1), few(bench.labels, count, seed))
            for seed in bench.seeds
        ]
        print(f"{count} labels, probe of raw pixels: {100 * np.mean(found):.1f} %", flush=True)


def ratio(bench):
    for share in (0.25, 0.5, 0.75, 0.9):
        bench.row(f"{share:.0%} hidden", target="pixels", ratio=share)


def masks(bench):
    for noise, share in (("random", 0.75), ("block", 0.5), ("block", 0.75), ("grid", 0.75)):
        bench.row(f"{noise}, {share:.0%}", target="pixels", noise=noise, ratio=share)


def encoder(bench):
    bench.row("visible patches only", target="pixels")
    bench.row("with mask tokens", target="pixels", kind=reference.FullLengthEncoder)


def decoder(bench):
    for depth in (1, 2, 4):
        bench.row(f"decoder of {depth}", target="pixels", depth=depth)


def crops(bench):
    bench.row("as they are", target="pixels")
    bench.row("random crops", target="pixels", crops=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="one part (default: all); may be repeated"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds (default: 3)")
    parser.add_argument("--steps", type=int, default=1_000, help="steps of pre-training (default: 1000)")
    parser.add_argument("--quick", action="store_true", help="one seed and a few steps")
    arguments = parser.parse_args()
    seeds = range(1, 2 if arguments.quick else arguments.seeds + 1)
    bench = Bench(seeds, 8 if arguments.quick else arguments.steps, 8 if arguments.quick else TUNE_STEPS)
    start = time.perf_counter()
    mean = experiment.mean_image_error(bench.images, bench.held_out)
    print(f"error of the mean image: {mean:.4f}", flush=True)
    for name in arguments.only or PARTS:
        print(f"--- {name}   ({time.perf_counter() - start:.0f} s so far)", flush=True)
        globals()[name](bench)


if __name__ == "__main__":
    main()
