"""Blind spots of Lab 6."""

import numpy as np
from keras import ops

from blind_spots import blind_spot
from solutions import mae


@blind_spot("restore_order", "the mask token is never learned")
def fixed_mask_token(visible, mask_token, restore):
    missing = restore.shape[1] - visible.shape[1]
    fixed = ops.stop_gradient(ops.convert_to_tensor(mask_token))
    filled = ops.broadcast_to(fixed, (ops.shape(visible)[0], missing, visible.shape[-1]))
    return ops.take_along_axis(ops.concatenate([visible, filled], axis=1), restore[..., None], axis=1)


@blind_spot("MAEDecoder", "nothing reaches the encoder")
class DetachedDecoder(mae.MAEDecoder):
    def call(self, tokens, restore):
        return super().call(ops.stop_gradient(tokens), restore)


@blind_spot("visual_token_loss", "no gradient gets through")
def token_loss_detached(codes, logits, mask):
    logs = ops.log_softmax(ops.stop_gradient(logits), axis=-1)
    own = ops.take_along_axis(logs, ops.cast(codes, "int32")[..., None], axis=-1)[..., 0]
    hidden = ops.cast(mask, "float32")
    return -ops.sum(own * hidden) / ops.sum(hidden)


@blind_spot("random_masking", "a loop in NumPy: no gradient, no graph")
def masked_in_numpy(patches, noise, mask_ratio):
    values, drawn = ops.convert_to_numpy(patches), ops.convert_to_numpy(noise)
    kept = int(values.shape[1] * (1 - mask_ratio))
    order = drawn.argsort(axis=1)
    restore = order.argsort(axis=1)
    visible = np.stack([row[numbers[:kept]] for row, numbers in zip(values, order, strict=True)])
    parts = visible, restore >= kept, restore.astype("int32")
    return tuple(ops.convert_to_tensor(part) for part in parts)
