"""Blind spots of Lab 4."""

import keras
from keras import ops

from blind_spots import blind_spot
from solutions import vit
from solutions.vit import cross_entropy


@blind_spot("ViTBlock", "drops whole pictures")
class DropsPictures(vit.ViTBlock):
    def __init__(self, num_heads, hidden_dim, intermediate_dim, dropout=0.0, **kwargs):
        super().__init__(num_heads, hidden_dim, intermediate_dim, dropout, **kwargs)
        self.dropout = keras.layers.Dropout(dropout, noise_shape=(None, None, 1), name="dropout")


@blind_spot("ViTBlock", "a third dropout, after the GELU")
class DropsThrice(vit.ViTBlock):
    def call(self, inputs):
        x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])
        wide = self.dropout(self.intermediate_dense(self.mlp_normalization(x)))
        return x + self.dropout(self.output_dense(wide))


@blind_spot("ViTBlock", "one normalization under two names")
class SharesNormalization(vit.ViTBlock):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mlp_normalization = self.attention_normalization


@blind_spot("ViTEmbedding", "the class token is never learned")
class FixedToken(vit.ViTEmbedding):
    def place(self, patches):
        fixed = ops.stop_gradient(ops.convert_to_tensor(self.tokens))
        first = ops.broadcast_to(fixed, (ops.shape(patches)[0], *self.tokens.shape))
        return ops.concatenate([first, patches], axis=1) + self.positions


@blind_spot("VisionTransformer", "drops when it is asked, too")
class AlwaysDrops(vit.VisionTransformer):
    def encode(self, images):
        return self.encoder(self.dropout(self.embedding(images), training=True))


@blind_spot("soft_distillation_loss", "the student is detached")
def student_detached(labels, own, taught, teacher, temperature=3.0, teacher_share=0.5):
    wanted = ops.log_softmax(teacher / temperature, axis=-1)
    guess = ops.stop_gradient(ops.log_softmax(taught / temperature, axis=-1))
    divergence = ops.mean(ops.sum(ops.exp(wanted) * (wanted - guess), axis=-1))
    return (1 - teacher_share) * cross_entropy(labels, own) + teacher_share * temperature**2 * divergence


@blind_spot("patchify", "the batch has to be known")
def with_a_known_batch(images, patch_size):
    batch, height, width, channels = images.shape
    rows, columns = height // patch_size, width // patch_size
    grid = ops.reshape(images, (batch, rows, patch_size, columns, patch_size, channels))
    return ops.reshape(ops.transpose(grid, (0, 1, 3, 2, 4, 5)), (batch, rows * columns, -1))


@blind_spot("attention_rollout", "empties the caller's list")
def empties_the_list(attentions):
    identity = rollout = ops.eye(attentions[0].shape[-1])
    while attentions:
        rollout = ops.matmul(0.5 * ops.mean(attentions.pop(0), axis=1) + 0.5 * identity, rollout)
    return rollout
