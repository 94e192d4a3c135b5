"""Lab 6's study: what each choice of MAE is worth on small digits, against steps and against seconds.

    python benchmarks/mae.py                      all settings and three seeds: about two hours of one quiet core
    python benchmarks/mae.py --seeds 1            one seed
    python benchmarks/mae.py --only "75 %"        one setting; may be repeated
    python benchmarks/mae.py --seed 2             one seed, while another process makes the others
    python benchmarks/mae.py --upto 2000          shorter curves (default: 4,000 steps of 64 digits)
    python benchmarks/mae.py --pace               what a step of each setting takes, in turns
    python benchmarks/mae.py --quick              a few steps into a file of its own: shows that it runs

Each setting pre-trains on 4,000 digits without labels, at a constant rate, so that one curve serves every length. Along
it a linear probe on the frozen encoder is fitted to 200 and to 1,000 labels (the mean of three draws of them) and judged
by 1,000 new digits. What is found goes to `course/results/mae.json` after every point. Where it was stopped, it goes on:
weights lie in the course's cache. Seconds are processor seconds of the training alone, on one thread. A computer that others
use as well is slower at times, and one setting would pay for it; so the labs take what `--pace` measured, all settings in turns.
"""

import argparse
import datetime
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")  # one thread: seconds that compare

import fast_mae
import jax
import jax.numpy as jnp
import keras
import numpy as np
from fast_mae import Setting

from course.data import cache
from course.experiments import mae as experiment
from course.experiments.measuring import Probe
from course.experiments.training import few
from course.models.checkpoints import named_weights
from solutions import mae as reference
from solutions.vit import patch_targets, patchify

SETTINGS = {  # what carries the claims comes first
    "75 %": Setting(),
    "50 %": Setting(ratio=0.5),
    "mask tokens": Setting(mask_tokens=True),
    "grid": Setting(noise="grid"),
    "blocks": Setting(noise="block"),
    "25 %": Setting(ratio=0.25),
    "BEiT": Setting(ratio=0.4, noise="block", mask_tokens=True, depth=0, target="words"),
    "decoder of 4": Setting(depth=4),
    "normalized pixels": Setting(target="normalized"),
    "visual words": Setting(target="words"),
    "90 %": Setting(ratio=0.9),
    "decoder of 2": Setting(depth=2),
    "ViT": Setting(ratio=0.5, mask_tokens=True, depth=0, target="colours"),
}
POINTS = (250, 500, 1_000, 1_500, 2_000, 3_000, 4_000)  # steps after which a probe is fitted
CHUNK = 50  # steps in one call
BATCH = 64
SIZES = fast_mae.Sizes()
GRID = (6, 6)
RESULTS = Path(__file__).resolve().parent.parent / "course" / "results" / "mae.json"


class Study:
    """The digits as patches, what is to be guessed, and noise."""

    def __init__(self):
        self.images, self.labels, self.held_out, self.held_out_labels = experiment.digits()
        self.patches = np.asarray(patchify(tensor(self.images), 4))
        self.test_patches = np.asarray(patchify(tensor(self.held_out), 4))
        self.pools = {}

    def targets(self, kind):
        """`(targets, outputs)`: what is guessed of every patch of every image, and how many numbers that takes."""
        if kind == "pixels":
            return self.patches, 16
        if kind == "normalized":
            return np.asarray(reference.normalize_patches(self.patches)), 16
        if kind == "colours":
            low, high = self.images.min(), self.images.max()
            scaled = tensor((self.images - low) / (high - low))
            return np.asarray(patch_targets(scaled, 4, "mean colour")).reshape(len(self.images), -1), 8
        keras.utils.set_random_seed(1)
        tokenizer = reference.VisualTokenizer(4, 1)
        experiment.train_tokenizer(tokenizer, self.images, 400)
        return np.asarray(tokenizer.tokens(self.images)), 64

    def orders(self, setting, rng, count):
        """Patches sorted by noise, `(count, patches)`; blocks come out of a pool, since each takes a while to draw."""
        if setting.noise == "block":
            if setting.ratio not in self.pools:
                hide = experiment.block_noise(reference.block_mask, setting.ratio)
                self.pools[setting.ratio] = hide(np.random.default_rng(0), 10_000, GRID) >= 1
            blocks = self.pools[setting.ratio][rng.integers(0, 10_000, count)]
            noise = rng.random(blocks.shape, dtype="float32") + blocks
        else:
            noise = {"random": experiment.random_noise, "grid": experiment.grid_noise}[setting.noise](
                rng, count, GRID
            )
        return noise.argsort(axis=-1).astype("int32")

    def model(self, setting, outputs, seed):
        """`(weights, positions)` of a fresh model, as the reference's layers begin."""
        keras.utils.set_random_seed(seed)
        kind = reference.FullLengthEncoder if setting.mask_tokens else reference.MAEEncoder
        encoder = kind(
            (24, 24), 4, SIZES.layers, SIZES.heads, SIZES.width, SIZES.middle, mask_ratio=setting.ratio
        )
        decoder = reference.LinearDecoder(outputs)
        if setting.depth:
            decoder_sizes = (SIZES.heads, SIZES.decoder_width, SIZES.decoder_middle)
            decoder = reference.MAEDecoder(encoder.grid, outputs, setting.depth, *decoder_sizes)
        made = reference.MaskedAutoencoder(encoder, decoder, lambda images: patchify(images, 4))
        made((self.images[:1], np.random.rand(1, 36).astype("float32")))
        found = {name: np.asarray(variable) for name, variable in named_weights(made).items()}
        found = {name: value for name, value in found.items() if not name.endswith("positions")}
        if setting.depth and setting.mask_tokens:
            del found["decoder.mask_token"]  # nothing is missing where it would stand
        places = [
            np.asarray(reference.sin_cos_positions(GRID, width))
            for width in (SIZES.width, SIZES.decoder_width)
        ]
        return found, tuple(map(jnp.asarray, places))

    def measured(self, weights, positions, seed):
        """What probes make of an encoder: `{"probe_200": ..., "probe_1000": ..., "neighbours_200": ...}`."""
        encoder = {name: value for name, value in weights.items() if name.startswith("encoder.")}
        read = jax.jit(lambda some: fast_mae.features(encoder, some, positions[0], SIZES))
        drawn = {
            count: [few(self.labels, count, 10 * seed + draw) for draw in range(3)] for count in (200, 1_000)
        }
        rows = np.unique(np.concatenate([each for several in drawn.values() for each in several]))
        known = np.zeros((len(self.images), SIZES.width), "float32")
        known[rows] = in_parts(read, self.patches[rows])
        new = in_parts(read, self.test_patches)
        found = {}
        for count, several in drawn.items():
            right = [
                Probe(known[some], self.labels[some]).accuracy(new, self.held_out_labels) for some in several
            ]
            found[f"probe_{count}"] = round(float(np.mean(right)), 4)
        right = [
            np.mean(self.labels[some][nearest(new, known[some])] == self.held_out_labels)
            for some in drawn[200]
        ]
        return found | {"neighbours_200": round(float(np.mean(right)), 4)}


def tensor(images):
    """Images as whatever Keras computes with."""
    return keras.ops.convert_to_tensor(images)


def in_parts(function, patches, size=250):
    """The last part is filled up, so that one compiled function serves all."""
    whole = np.concatenate([patches, patches[: -len(patches) % size]])
    parts = [np.asarray(function(whole[at : at + size])) for at in range(0, len(whole), size)]
    return np.concatenate(parts)[: len(patches)]


def nearest(new, known):
    """Row of the known feature with the largest cosine, for each new one."""
    middle = known.mean(axis=0)
    new, known = new - middle, known - middle
    return np.argmax((new @ known.T) / np.linalg.norm(known, axis=-1), axis=-1)


# --- what is kept -----------------------------------------------------------------------------------------


def load(path):
    """The results so far."""
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {
        "about": "Masked autoencoders of 4,000 MNIST digits at 24 x 24, patches of 4; see benchmarks/mae.py.",
        "machine": {
            "processor": f"one thread of a {platform.machine()} server core that was shared with other work",
            "seconds": "processor seconds of training, on one thread; making the program is not counted",
        },
        "recipe": {
            "batch": BATCH,
            "rate": 2e-3,
            "warmup_steps": 300,
            "betas": [0.9, 0.95],
            "weight_decay": 0.05,
            "clipping": 1.0,
            "average": 0.998,
            "encoder": {
                "layers": SIZES.layers,
                "heads": SIZES.heads,
                "width": SIZES.width,
                "middle": SIZES.middle,
            },
            "decoder": {"width": SIZES.decoder_width, "middle": SIZES.decoder_middle},
        },
        "settings": {},
        "runs": {},
    }


def write(path, results):
    """Replace the file in one go, so that who stops the study loses nothing; what another process wrote there stays."""
    for name, runs in (load(path)["runs"] if path.exists() else {}).items():
        for seed, points in runs.items():
            if len(points) > len(results["runs"].setdefault(name, {}).get(seed, [])):
                results["runs"][name][seed] = points
                results["settings"].setdefault(name, SETTINGS[name]._asdict())
    packages = ("jax", "keras", "numpy", "scikit-learn")
    results["versions"] = {"python": platform.python_version()} | {name: version(name) for name in packages}
    results["date"] = datetime.date.today().isoformat()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def kept(folder, name, seed):
    """Where the state of a run lies."""
    return folder / f"{name.replace(' %', '').replace(' ', '_')}-{seed}.npz"


def save_state(path, state, seconds):
    parts = {f"{place}/{name}": value for place, part in enumerate(state[:4]) for name, value in part.items()}
    beside = path.with_suffix(".part.npz")
    np.savez(beside, steps=np.asarray(state[4]), seconds=seconds, **parts)
    beside.replace(path)


def load_state(path):
    with np.load(path, allow_pickle=False) as found:
        parts = tuple(
            {
                name.partition("/")[2]: jnp.asarray(found[name])
                for name in found.files
                if name.startswith(f"{place}/")
            }
            for place in range(4)
        )
        return (*parts, jnp.asarray(found["steps"])), float(found["seconds"])


# --- a run ------------------------------------------------------------------------------------------------


def go_on(study, results, path, folder, name, seed, upto):
    """Train one setting with one seed up to so many steps, from where it was left."""
    setting, runs = SETTINGS[name], results["runs"].setdefault(name, {})
    results["settings"][name] = setting._asdict()
    points = runs.setdefault(str(seed), [])
    done = points[-1]["step"] if points else 0
    if done >= upto:
        return
    targets, outputs = study.targets(setting.target)
    weights, positions = study.model(setting, outputs, seed)
    state, seconds = fast_mae.start(jax.tree.map(jnp.asarray, weights)), 0.0
    if done:
        state, seconds = load_state(kept(folder, name, seed))
    patches, targets = jnp.asarray(study.patches), jnp.asarray(targets)
    run = fast_mae.chunk(setting, SIZES, patches, targets, positions)
    none = np.zeros((CHUNK, BATCH), "int32")
    run(
        state, none, study.orders(setting, np.random.default_rng(0), CHUNK * BATCH).reshape(CHUNK, BATCH, -1)
    )  # makes the program
    for end in [point for point in POINTS if done < point <= upto] or [upto]:
        losses = []
        while done < end:
            rng = np.random.default_rng([seed, done])
            rows = rng.integers(0, len(study.images), (CHUNK, BATCH), dtype="int32")
            orders = study.orders(setting, rng, CHUNK * BATCH).reshape(CHUNK, BATCH, -1)
            before = time.process_time()
            state, loss = run(state, rows, orders)
            losses.append(float(loss))  # waits for it
            seconds += time.process_time() - before
            done += CHUNK
        found = study.measured(state[3], positions, seed)
        points.append({"step": done, "seconds": round(seconds, 2), "loss": round(losses[-1], 4), **found})
        save_state(kept(folder, name, seed), state, seconds)
        write(path, results)
        print(
            f"{name:18} seed {seed}  step {done:5,}  {seconds:6.0f} s  loss {losses[-1]:.3f}  "
            f"probe {found['probe_200']:.1%} / {found['probe_1000']:.1%}",
            flush=True,
        )


def paces(study, names, turns=3):
    """Milliseconds of the processor that a step of each setting takes: the least of several turns."""
    runs = {}
    for name in names:
        setting = SETTINGS[name]
        targets, outputs = study.targets(setting.target)
        weights, positions = study.model(setting, outputs, 0)
        patches, targets = jnp.asarray(study.patches), jnp.asarray(targets)
        rng = np.random.default_rng(0)
        rows = rng.integers(0, len(study.images), (CHUNK, BATCH), dtype="int32")
        orders = study.orders(setting, rng, CHUNK * BATCH).reshape(CHUNK, BATCH, -1)
        begin = fast_mae.start(jax.tree.map(jnp.asarray, weights)), rows, orders
        runs[name] = fast_mae.chunk(setting, SIZES, patches, targets, positions), begin
    found = {name: [] for name in names}
    for turn in range(turns + 1):
        for name, (run, begin) in runs.items():
            before = time.process_time()
            float(run(*begin)[1])
            if turn:  # the first makes the program
                found[name].append(1000 * (time.process_time() - before) / CHUNK)
    return {name: round(min(several), 2) for name, several in found.items()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", choices=SETTINGS, action="append", help="one setting (default: all); may be repeated"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds (default: 3)")
    parser.add_argument("--seed", type=int, action="append", help="this seed alone; may be repeated")
    parser.add_argument("--upto", type=int, default=POINTS[-1], help=f"steps (default: {POINTS[-1]:,})")
    parser.add_argument(
        "--into", type=Path, default=RESULTS, help="where the results go (default: %(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="100 steps, one seed, a file and a folder of its own"
    )
    parser.add_argument("--pace", action="store_true", help="measure what a step takes, and train nothing")
    arguments = parser.parse_args()
    folder, path = cache.folder() / "mae_study", arguments.into
    seeds, upto = arguments.seed or range(arguments.seeds), arguments.upto
    if arguments.quick:
        folder, seeds, upto = cache.folder() / "mae_study_quick", [0], 2 * CHUNK
        path = folder / "mae.json"
        path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder / "programs"))  # a second seed need not wait
    study, results = Study(), load(path)
    if arguments.pace:
        results.setdefault("pace_ms", {}).update(paces(study, arguments.only or list(SETTINGS)))
        write(path, results)
        print(results["pace_ms"])
        return
    halves = sorted({min(2_000, upto), upto})
    # A point of every seed is worth more than the end of one curve.
    work = sorted(
        ((seed, end) for seed in seeds for end in halves),
        key=lambda one: (one[0] + 1.5 * halves.index(one[1]), one[0]),
    )
    for seed, end in work:
        for name in arguments.only or SETTINGS:
            go_on(study, results, path, folder, name, seed, end)


if __name__ == "__main__":
    main()
