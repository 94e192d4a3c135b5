"""The checkpoints of Lab 6: masked autoencoders of digits and of emoji."""

import keras

from autograder.authoring.checkpoints.make import maker
from course.experiments import mae as experiment
from solutions.mae import MAEDecoder, MAEEncoder, MaskedAutoencoder, masked_mse, patchify

# As in the lab: encoder, then decoder; the width of the decoder's guess follows from patch and channels.
DIGITS = {
    "image_size": (24, 24),
    "patch_size": 4,
    "num_layers": 3,
    "num_heads": 4,
    "hidden_dim": 64,
    "intermediate_dim": 128,
}
EMOJI = DIGITS | {"image_size": (32, 32), "num_layers": 4}
DECODER = {"num_layers": 1, "num_heads": 4, "hidden_dim": 64, "intermediate_dim": 128}


def autoencoder(sizes, channels, seed=1):
    """A model that guesses pixels."""
    keras.utils.set_random_seed(seed)
    encoder, patch_size = MAEEncoder(**sizes), sizes["patch_size"]
    decoder = MAEDecoder(encoder.grid, patch_size**2 * channels, **DECODER)
    return MaskedAutoencoder(encoder, decoder, lambda images: patchify(images, patch_size))


def error(model, images, patch_size):
    """Squared error on hidden patches of held-out images."""
    guess, mask = experiment.guesses(model, images)
    return float(masked_mse(guess, patchify(images, patch_size), mask))


def made(about, sizes, images, held_out, steps, augment=None):
    model = autoencoder(sizes, images.shape[-1])
    experiment.pretrain(model, images, steps, augment=augment, name=about, batch_size=32)
    reached = error(model, held_out, sizes["patch_size"])
    nobody = experiment.mean_image_error(images, held_out)
    facts = {"about": f"{about}, three quarters hidden, {steps:,} steps of 32"}
    return model, facts | {"error": round(reached, 4), "mean_image": round(nobody, 4)}


@maker("mae_digits")
def digits(steps=3_000):
    images, held_out = experiment.digits()[::2]
    return made("4,000 MNIST digits at 24x24", DIGITS, images, held_out, steps)


@maker("mae_emoji")
def emoji(steps=2_500):
    images, held_out = experiment.emoji()
    about = "1,316 emoji of OpenMoji (CC BY-SA 4.0) and their mirror images at 32x32"
    return made(about, EMOJI, images, held_out, steps, experiment.mirrored)
