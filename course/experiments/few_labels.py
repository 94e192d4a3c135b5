"""Lab 6's judge: how much a few labels make of an encoder."""

import keras

from course.experiments import mae, measuring, training


class FewLabels:
    """Judges encoders by a few labels: fine-tunes one classifier again and again, without the seconds of a new graph.

    Args:
        classifier: makes one; called without arguments.
        images, labels: all training images.
        held_out, held_out_labels: what is judged by.
        steps: of fine-tuning.
        rate: highest learning rate.
    """

    def __init__(self, classifier, images, labels, held_out, held_out_labels, steps, rate=1e-3):
        self.make, self.data, self.held_out = classifier, (images, labels), (held_out, held_out_labels)
        self.steps, self.rate, self.made = steps, rate, {}

    def tuned(self, encoder, rows, factor=1, shares=None, seed=1):
        """Accuracy after fine-tuning.

        Args:
            encoder: what to begin with; `None` for a fresh one.
            rows: which training images have labels.
            factor: how many times the steps.
            shares: `shares(model)` gives what `fine_tune` wants as `shares`.
            seed: of the fresh weights and the order of the images.
        """
        keras.utils.set_random_seed(seed)
        fresh = self.make()
        if encoder is not None:
            training.copy_weights(encoder, fresh.encoder)
        images, labels = (each[rows] for each in self.data)
        key = (factor, shares)
        if key in self.made:
            model = self.made[key]
            data = training.batches(images, labels, factor * self.steps, batch_size=32, seed=seed)
            training.again(model, fresh.get_weights(), data)
        else:
            model = self.made[key] = fresh
            given = shares(model) if shares else ()
            mae.fine_tune(model, images, labels, factor * self.steps, shares=given, rate=self.rate, seed=seed)
        return measuring.accuracy(model, *self.held_out)

    def probed(self, features, rows):
        """Accuracy of a linear probe on what the function `features` makes of images.

        The probe sees features of mean 0 and variance 1: the norm that MAE puts before its linear classifier, batch
        normalization without learned factors.
        """
        probe = measuring.Probe(features(self.data[0][rows]), self.data[1][rows])
        return probe.accuracy(features(self.held_out[0]), self.held_out[1])
