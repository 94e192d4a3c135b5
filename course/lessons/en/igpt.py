# %% [markdown] lab=5 title="iGPT" minutes=150 seconds=600 builds="a palette, an image GPT with both objectives, sampling and completion, probes, the five-mask vote"
# # Lab 5: iGPT
#
# A language model reads words and guesses the next one. Now write down a picture pixel by pixel, row by row, as if the
# colours were words, and let the same model guess the next *pixel*. No convolution, no patches, nothing that knows of up
# and down. That is iGPT, of Chen et al. (2020), *Generative Pretraining from Pixels*.
#
# It learns to draw. And while it learns to draw, it learns to see: a simple classifier on top of its inner vectors
# recognises what is in the picture.
#
# **When you are done, you can**
#
# * turn pictures into sequences of colours and back, and train a model on them without a single label;
# * write both objectives, the autoregressive one and BERT's, and say what each can do and cannot;
# * draw new pictures and complete half ones, pixel by pixel, with temperature and top-k;
# * measure what a model has learned by a probe, layer by layer, and test a claim of a paper at your own scale.
#
# **What carries over.** Your attention and your causal mask from Lab 1, and from Lab 4 the shape of the block. In Lab 6, the
# masked autoencoder hides parts of pictures too, and does it with patches.
#
# **Time.** About two and a half hours: two hours for twelve exercises, the rest for experiments and three questions. Two
# experiments train a model for a minute or two each; if you do not want to wait, small trained weights come with the course.
#
# **How it works.** As in Lab 1: replace `raise NotImplementedError()` with your code, run the cell, and then the check
# below it. `course.hint("quantize")` gives a hint, and another one when you call it again.

# %%
import course  # first, so that TensorFlow starts without a page of messages
import math
import time

import keras
import numpy as np
from course import plots
from course.models.composite import Composite
from keras import ops

# %% [markdown]
# The next cell brings your own attention from Lab 1. Where something is missing or fails its checks, you get the course's.

# %%
MultiHeadAttention, scaled_dot_product_attention, causal_mask = course.carry(
    "MultiHeadAttention", "scaled_dot_product_attention", "causal_mask"
)

# %% [markdown]
# ## 5.1 A palette
#
# Words come from a vocabulary. Colours do not: three numbers from 0 to 255 make 16.7 million of them, far too many to have
# a score each. So the paper looks for the 512 colours that stand for all others best. That is k-means: each colour of the
# palette is the mean of the pixels it stands for. One pixel is then one number instead of three, and the sequence is
# three times shorter. Such a number is a **token** as in Labs 2 and 3, an entry of a vocabulary, and becomes a vector only
# when the model looks it up. (The patches of Lab 4 were vectors from the beginning.)
#
# Colours are scaled so that they run from -1 to 1. Here is the search; scikit-learn does the work.

# %% given="make_palette"

# %% [markdown]
# ### From colours to numbers
#
# **Goal.** For each pixel, the number of the nearest colour of the palette. Nearest means: the squared distance
# $\sum_c (x_c - p_c)^2$, summed over the channels, is smallest.
#
# **Shapes.** Images `(batch, height, width, channels)` and a palette `(num_colours, channels)` become integers
# `(batch, height, width)`. On the way you may want all distances at once, `(batch, height, width, num_colours)`.
#
# **Example.** With grey pixels and the palette -1, 0, 1:
#
# ```
# pixel    -0.9  -0.2   0.4   0.6
# number      0     1     1     2
# ```

# %% exercise="quantize" points=2 minutes=10 difficulty=2 forbidden="vq,KDTree,cKDTree,KMeans,NearestNeighbors,pairwise_distances_argmin"
# hint: Give the images one more axis, just before the channels, and subtract: `images[..., None, :] - palette` has a difference for each pixel, colour and channel.
# hint: Square, sum over the last axis, and look for the smallest along what is then the last axis: `ops.argmin`. Cast the result to "int32".

# %% [markdown]
# ### And back
#
# **Goal.** The picture that the numbers stand for, as bytes: $127.5 \cdot (c + 1)$, rounded, so that -1 becomes 0 and 1
# becomes 255.
#
# **Example.** With the palette -1, 0.2, 1, the numbers `0 1 2` become `0 153 255`.

# %% exercise="dequantize" points=1 minutes=5 difficulty=1
# hint: `ops.take(palette, tokens, axis=0)` looks up a whole colour for each number.
# hint: A cast to "uint8" cuts off what stands behind the point. So `ops.round` first.

# %% experiment="palette" minutes=1
from course.experiments import igpt as experiment
from course.experiments import measuring, training

images, labels = experiment.small_images("mnist5k", course.choose(laptop="train", gpu="train", smoke="train[:1000]"), 8, margin=2)
test_images, test_labels = experiment.small_images("mnist5k", course.choose(laptop="test", gpu="test", smoke="test[:200]"), 8, margin=2)
palette = make_palette(images, 6)
digits = measuring.in_parts(lambda part: quantize(part, palette), images)  # (4000, 8, 8), numbers from 0 to 5
test_digits = measuring.in_parts(lambda part: quantize(part, palette), test_images)
print("the palette:", *(f"{grey:.2f}" for grey in palette[:, 0]))
print(digits[0])
fig = experiment.picture_rows([digits[start : start + 12] for start in (0, 12)], dequantize, palette)
plots.show(fig, alt="Two rows of handwritten digits, each of 8 by 8 pixels in 6 greys. Most can still be read.")

# %% [markdown]
# **What to see.** The data are 5,000 digits of MNIST, shrunk to 8 by 8 pixels and 6 greys. That is coarse, but you can still read
# most of them, and a model learns them in a minute. The paper's pictures are 32 by 32 pixels in 512 colours.
#
# ## 5.2 Two ways to ask
#
# A picture is now a sequence of numbers. The paper asks about it in two ways.

# %% experiment="idea" minutes=1
fig = experiment.draw_idea(digits[0][1:5, 2:6], dequantize, palette)
plots.show(
    fig,
    alt="A picture of 4 by 4 pixels, laid out as a sequence twice. Autoregressive: from the pixels before it, guess the next "
    "one. BERT: three pixels are hidden, and are to be guessed from all the others.",
)

# %% [markdown]
# * **Autoregressive**, as in GPT: guess each pixel from all pixels before it. $-\log p(x_1) - \log p(x_2 \mid x_1) -
#   \log p(x_3 \mid x_1, x_2) - \ldots$ Such a model can draw: guess, write the guess down, go on.
# * **BERT**: hide some pixels and guess them from all the others, before and after. Such a model sees more, and cannot
#   simply draw.
#
# Everything else is the same for both.
#
# ### A picture as a sequence
#
# **Goal.** Put the rows one after the other. For the autoregressive model, do it *one step late*: in front comes a learned
# vector, `start`, and the last pixel drops out. Then place $i$ holds pixel $i - 1$, and is asked for pixel $i$.
#
# **Shapes.** The pixels are embedded already: `(batch, height, width, hidden_dim)` becomes
# `(batch, height * width, hidden_dim)`, with and without `start`. As in Lab 4, write -1 for the batch in `ops.reshape`, and
# `ops.shape(pixels)[0]` where you need its size: in training it is not known beforehand.
#
# **Example.** A picture of two rows, `a b c` and `d e f`:
#
# ```
# place                 0      1   2   3   4   5
# without start         a      b   c   d   e   f
# with start            start  a   b   c   d   e
# is asked for          a      b   c   d   e   f
# ```

# %% exercise="image_to_sequence" points=2 minutes=8 difficulty=1
# hint: `ops.reshape(pixels, (-1, height * width, hidden_dim))` keeps the reading order: rows one after the other.
# hint: `start` has no batch axis. `ops.zeros_like(sequence[:, :1]) + start` has one, and a place.
# hint: Concatenate that with all places but the last, `sequence[:, :-1]`, along axis 1.

# %% [markdown]
# ## 5.3 The norm
#
# The paper speaks of layer normalization. The authors' code does something simpler: it subtracts no mean and adds nothing
# afterwards. Today this is known as RMS normalization.
#
# **Goal.** For each position: divide by the root of the mean square, and stretch each channel by a learned factor.
#
# $$\operatorname{norm}(x) = \frac{x}{\sqrt{\frac{1}{d} \sum_c x_c^2 + \epsilon}} \cdot g$$
#
# **Example.** $x = (3, 4)$ has the mean square $12.5$, so with $g = 1$ it becomes $(0.85, 1.13)$. Layer normalization would
# give $(-1, 1)$, and would give the same for $(30, 31)$.

# %% exercise="RMSNorm" points=2 minutes=8 difficulty=1 forbidden="rms_normalization,RMSNormalization,layer_normalization,LayerNormalization,UnitNormalization,GroupNormalization,l2_normalize"
# hint: `self.scale` and `self.epsilon` are there already. You need the mean of the squares along the last axis.
# hint: Keep that axis, `keepdims=True`, so that the shapes fit. Add epsilon before you take the root; `ops.rsqrt(x)` is one over the root.

# %% [markdown]
# ## 5.4 The block
#
# The activation of the authors' code is a quick stand-in for a GELU:

# %% given="quick_gelu"

# %% [markdown]
# **Goal.** ViT's block of Lab 4 with other parts: normalize, look around, add; normalize, think, add.
#
# $$y = x + \operatorname{attention}(\operatorname{norm}_1(x)), \qquad z = y + W_2\, \operatorname{quick\_gelu}(W_1 \operatorname{norm}_2(y))$$
#
# $\operatorname{norm}_1$ is the sub-layer `attention_normalization`, $\operatorname{norm}_2$ is `feed_forward_normalization`; $W_1$ and $W_2$ are
# `intermediate_dense` and `output_dense`. There is no dropout.
#
# **Two details** that decide the number of weights. There are *no biases* anywhere: not in the attention, not in the dense
# layers. And the middle is four times as wide as the block.

# %% exercise="PixelBlock" points=4 minutes=15 difficulty=2
# hint: Five sub-layers, under the names that the docstring gives. `MultiHeadAttention(num_heads, hidden_dim, use_bias=False)`, and `use_bias=False` in both dense layers, too.
# hint: Your attention returns `(output, weights)`: take the first. It reads `self.attention_normalization(inputs)`, and its output is added to `inputs`, not to the normalized ones.
# hint: The second half reads what the first gave: x + output_dense(quick_gelu(intermediate_dense(feed_forward_normalization(x)))).

# %% [markdown]
# ### What changed since ViT
#
# The norm is an `RMSNorm`, the biases are gone, and the GELU is the quick one. The mask is back: who guesses the next pixel must not
# see it.

# %% experiment="changed" minutes=1
course.changed(PixelBlock, since="ViTBlock")

# %% [markdown]
# ## 5.5 The model
#
# **Goal.** Two methods of the model.
#
# * `embed`: look up the pixels' embeddings; where `mask` is `True`, set them to 0; make a sequence of them, with
#   `self.start` if there is one (it is `None` for BERT's objective); add the positions.
# * `layer_outputs`: embed, then all blocks, one after the other. Return what each of them gave, the embedded sequence first.
#   For the autoregressive objective the blocks get a causal mask, for BERT's none.
#
# **Four traps.**
#
# *Two masks.* `mask` says which pixels are hidden: `True` = hidden. The blocks' `attention_mask` says who may look where:
# `True` = may attend. The first is used up in `embed`, and only the causal mask goes on to the blocks.
#
# *Hidden is not black.* A hidden pixel's *embedding* is 0. That is not colour 0, whose embedding is like any other. There is
# no special [MASK] vector either.
#
# *The place stays.* Positions are added after the hiding. Otherwise the model would know that something is missing and not
# where.
#
# *Shift and mask belong together.* Place $i$ may see itself, for it holds pixel $i - 1$. Forget the shift, and the answer stands
# in the input.

# %% exercise="ImageGPT" points=4 minutes=20 difficulty=3
# hint: `embed`: `ops.where(mask[..., None], 0.0, pixels)` hides; the new axis stands for `hidden_dim`. Leave it out if `mask` is `None`.
# hint: `image_to_sequence(pixels, self.start)` does the right thing for both objectives. `self.positions` is (length, hidden_dim) and broadcasts.
# hint: `layer_outputs`: begin a list with `self.embed(images, mask)`; then for each block append `block(outputs[-1], attention_mask=...)`. `causal_mask` wants the length, `self.height * self.width`.

# %% [markdown] question="late" points=2 minutes=5
# **Question 1.** Suppose `embed` forgot `start` and did not shift, and everything else stayed, the causal mask too. What would the
# training loss do? What would drawing look like, and why? And what would happen if the shift stayed and the causal mask were
# missing?

# %% [markdown]
# ## 5.6 Guess the next pixel
#
# **Goal.** The loss of the autoregressive objective: how surprised the model is by each pixel, on average, in nats.
#
# $$\text{loss} = -\frac{1}{n} \sum_i \log p(x_i \mid x_1 \ldots x_{i-1})$$
#
# **Shapes.** `logits[b, y, x]` are the scores of all colours for the pixel `images[b, y, x]`. The model has done the shift
# already, so they fit as they are.
#
# **Example.** A model that knows nothing gives all 6 greys the same probability. Its loss is $\log 6 = 1.79$ nats, and with
# the output matrix all zero, as in the paper's code, training begins exactly there.

# %% exercise="autoregressive_loss" points=2 minutes=6 difficulty=1
# hint: `ops.log_softmax(logits, axis=-1)` gives the log-probabilities of all colours. You need the one of the pixel's own colour.
# hint: `ops.take_along_axis(..., images[..., None], axis=-1)` picks it, or multiply with `ops.one_hot`. Or ask Keras for the cross-entropy of each pixel, `from_logits=True`. Then the mean.

# %% [markdown]
# ### It learns
#
# Four blocks of width 48 are 117,000 weights; the paper's smallest model has 76 million. How good is a loss of 0.8? For
# comparison, three models without a network: one table of shares for all pixels, one for each place, one for each colour
# of the left neighbour.
#
# Set `train_yourself` to `False` if you want to load trained weights instead of waiting.

# %% experiment="autoregressive" minutes=3
train_yourself = True
steps = course.choose(laptop=500, gpu=5_000, smoke=6)
sizes = {"height": 8, "width": 8, "num_layers": course.choose(laptop=4, gpu=4, smoke=2), "num_heads": 4, "hidden_dim": 48}


def new_model(objective, seed=1, num_colours=6, **sizes):
    """A model that was called once, so it has its weights."""
    keras.utils.set_random_seed(seed)
    model = ImageGPT(num_colours, objective=objective, **sizes)
    model(np.zeros((1, sizes["height"], sizes["width"]), "int32"))
    return model


without_network = experiment.baselines(digits, test_digits, 6)
for name, nats in without_network.items():
    print(f"{nats:.3f} nats   {name}")

untrained = new_model("autoregressive", **sizes)
reader = new_model("autoregressive", **sizes)
if train_yourself:
    run = experiment.pretrain(reader, digits, steps, autoregressive_loss)
    print(f"{run.seconds:.0f} s of training")
    fig, axis = plots.figure(height=3)
    levels = {f"table: {name}": [nats] * len(run.steps) for name, nats in without_network.items()}
    plots.curves(axis, {"iGPT": run.losses} | levels, run.steps, "Loss while training", "steps", "nats a pixel")
    axis.set_ylim(top=1.9)  # room for the names
    plots.show(fig, alt=f"The loss falls from {run.losses[0]:.2f} to {run.losses[-1]:.2f} nats, below all three tables.")
else:
    print(course.checkpoint(reader, "igpt_digits_ar")["about"])
reader_nats = float(autoregressive_loss(test_digits, measuring.in_parts(reader, test_digits)))
print(f"{reader_nats:.3f} nats   iGPT, on new digits")

# %% [markdown]
# **What to see.** 500 steps, a minute or two on two cores, bring the model to about 0.75 nats on new digits. The best table, by place,
# needs 0.99: it knows where ink usually is. The model also looks at what has been drawn so far. (The weights that come with
# the course had three times as many steps, and reach 0.68.)
#
# How does that compare with the paper? Not at all, number by number: among 512 colours and 1,024 places a blind guess costs
# $\log 512 = 6.24$ nats. The authors' models reach 2.090 (S), 2.061 (M) and 2.047 (L): larger models guess better, by little.
#
# ## 5.7 Draw
#
# The model gives probabilities for the next pixel. To draw, pick a colour by chance, write it down, feed it back in, go on.
#
# **Goal.** Pick one colour for each row of a batch. Two dials change the probabilities first.
#
# * **Temperature**: divide the logits by it. Below 1, likely colours become likelier; near 0, only the likeliest is left.
# * **Top-k**: only the $k$ likeliest colours stay; all others get probability 0.
#
# Chance is a number from 0 to 1, given as `noise`, so that the same noise draws the same picture. Lay the probabilities side
# by side, colour 0 first, and see where the noise falls.
#
# **Example.** Four colours:
#
# ```
# colour           0            1                          2      3
# probability     .2           .5                         .05    .25
#               0----.2----------------------------.7------.75------------1
# noise .21                ^ colour 1
# noise .74                                              ^ colour 2
# ```

# %% exercise="next_pixel" points=3 minutes=14 difficulty=3
# hint: `ops.cumsum` of the softmax gives each colour's right end. How many of those ends has the noise passed? That many is the colour's number.
# hint: For top-k, `ops.top_k(logits, top_k)` gives the largest logits in falling order; the last is the least that may stay. Set what is smaller to a score far below all others before the softmax.
# hint: `passed = ends <= noise[:, None]`, and the sum of it along the last axis, cast to "int32". Because of rounding, compare with `noise[:, None] * ends[:, -1:]`.

# %% [markdown]
# As in Lab 2, whoever draws should not need to know the model. It gets a function `step(tokens, state)`, which takes the
# pixels just written, or `None` at the very beginning, and gives logits for the next pixels and a new state. Here are two
# such steps: one runs the whole model for every pixel, the other keeps the keys and values of earlier places.

# %% given="recomputing_step, cached_step"

# %% [markdown]
# **Goal.** Go through all places. Where a pixel is known, take it; elsewhere, draw it. Either way, the model reads it in the
# next step.
#
# **Shapes.** `known` is `(batch, known_length)`, `noise` is `(batch, length)`, and so is the result. With a `known_length` of
# 0 everything is drawn.
#
# **A trap.** Let the model draw a whole picture, then paste the known half over it, and the two halves have nothing to do
# with each other: the model never read what you pasted.

# %% exercise="complete" points=3 minutes=12 difficulty=2
# hint: One loop over `noise.shape[1]` places. Before the first pixel there is nothing to read: the first `step` gets `None`.
# hint: In each round: `logits, state = step(latest, state)`, then `latest` is `known[:, place]` or `next_pixel(logits, noise[:, place], temperature, top_k)`.
# hint: Append `latest` to a list in each round, and `ops.stack(written, axis=1)` at the end.

# %% experiment="drawing" minutes=1
def draw(model, known, count, temperature=1.0, top_k=None, seed=1, make_step=cached_step):
    """Pictures `(count, height, width)` that begin with the known pixels, `(count, known_length)`."""
    noise = np.random.default_rng(seed).random((count, model.height * model.width), dtype="float32")
    pixels = complete(*make_step(model, count), known, ops.convert_to_tensor(noise), temperature, top_k)
    return ops.convert_to_numpy(pixels).reshape(count, model.height, model.width)


nothing = np.zeros((12, 0), "int32")
rows = {"untrained": draw(untrained, nothing, 12)}
for heat in course.choose(laptop=(0.5, 1.0, 1.5), gpu=(0.5, 1.0, 1.5), smoke=(1.0,)):
    rows[f"temperature {heat}"] = draw(reader, nothing, 12, heat)
fig = experiment.picture_rows(list(rows.values()), dequantize, palette, list(rows))
plots.show(fig, alt="Rows of drawn pictures. The untrained model draws noise. At temperature 1 most pictures look like digits, at 0.5 they are simpler and fainter, at 1.5 frayed.")

# %% [markdown]
# **What to see.** The untrained model throws dice. At temperature 1 many drawings are digits, some are digit-like signs
# that nobody uses, and a few fall apart. At 0.5 the model plays safe: fewer surprises, fainter lines, for black is always the safest
# guess. At 1.5 it takes risks at every pixel, and one bad pixel leads to the next.
#
# ### Half a picture
#
# Now hide the lower half of digits the model has never seen, and let it go on.

# %% experiment="completion" minutes=1
chosen = [int(np.flatnonzero(test_labels == digit)[0]) for digit in (0, 2, 3, 4, 5, 6, 7, 8, 9)]
whole = test_digits[chosen]
half = whole.reshape(len(chosen), -1)[:, :32]  # the upper four rows
hidden = np.where(np.arange(8)[:, None] < 4, whole, -1)
drawn = draw(reader, np.tile(half, (3, 1)), 3 * len(chosen), 0.9)  # three times, with other noise
fig = experiment.picture_rows([hidden, *np.split(drawn, 3), whole], dequantize, palette, ["given", "drawn", "again", "again", "the truth"])
plots.show(fig, alt="The upper halves of nine digits, three ways in which the model completes each, and the true digits. Most completions are digits, not always the true one.")

# %% [markdown]
# **What to see.** Most completions are digits, and not always the true ones: from the upper half alone, a 3 may well become
# an 8, and a 4 a 9. The model cannot know. It knows what is possible, and how likely.
#
# ### Turn the dials yourself
#
# Which digit, how many of its eight rows are given, and how hot the model is: six drawings for each setting.

# %% experiment="your_drawing" minutes=2
from course import widgets


def go_on(digit, rows_given, temperature, model=reader):
    whole = test_digits[np.flatnonzero(test_labels == digit)[0]]
    known = np.tile(whole.reshape(1, -1)[:, : rows_given * model.width], (6, 1))
    drawn = draw(model, known, 6, temperature, seed=digit)
    given = np.where(np.arange(model.height)[:, None] < rows_given, whole, -1)
    fig = experiment.picture_rows([np.stack([given, *drawn, whole])], dequantize, palette)
    return fig, f"A {digit} of which {rows_given} rows are given, six ways to go on at temperature {temperature:g}, and the truth at the right."


widgets.explore(go_on, digit=(0, 9, 1, 3), rows_given=(0, 7, 1, 4), temperature=(0.2, 2.0, 0.1, 0.9))

# %% [markdown]
# ### What the cache saves
#
# Both steps draw the same pictures.

# %% experiment="cache" minutes=1
took, drawn, number = {}, {}, course.choose(laptop=64, gpu=64, smoke=4)
for name, make_step in (("recomputing", recomputing_step), ("cached", cached_step)):
    start = time.perf_counter()
    drawn[name] = draw(reader, np.zeros((number, 0), "int32"), number, make_step=make_step)
    took[name] = time.perf_counter() - start
    print(f"{number} pictures, {name}: {took[name]:.2f} s")
print(f"the same pixels: {np.mean(drawn['cached'] == drawn['recomputing']):.1%}")
print(f"with the cache {took['recomputing'] / took['cached']:.1f} times faster")

# %% [markdown]
# **What to see.** With 64 places, ours was between two and four times faster with the cache. The longer the sequence, the more it saves, and
# the paper's have 1,024 places.
#
# ## 5.8 Guess what is hidden
#
# Now BERT's objective. Each pixel is hidden with a probability of 15 %, *each for itself*: one picture may lose five pixels,
# another fifteen. The rest of BERT's recipe, the 80/10/10 of Lab 3, is not used here.
#
# **Goal.** A mask from noise: `True`, for hidden, where the noise is below the probability.
#
# **Example.** Noise `.03 .50 .14 .90` and a probability of 0.15: hidden are the first and the third.

# %% exercise="bert_mask" points=1 minutes=3 difficulty=1
# hint: One comparison. The result is boolean, with the shape of the noise.
# hint: `noise < probability`: noise between 0 and 1 is below 0.15 in 15 of 100 cases.

# %% [markdown]
# **Goal.** The loss counts hidden pixels only: what is visible is no riddle. Take the mean over all hidden pixels of the batch,
# not one mean for each picture. If nothing is hidden, the loss is 0.
#
# **Example.** Four pixels with losses `1 2 3 4`, the first and third hidden: $(1 + 3) / 2 = 2$.

# %% exercise="bert_loss" points=2 minutes=8 difficulty=2
# hint: The losses of the single pixels are as in `autoregressive_loss`, before the mean. Cast the mask to numbers, 1 for hidden.
# hint: The sum of losses times mask, divided by the sum of the mask. `ops.maximum(count, 1.0)` keeps you from dividing by 0.

# %% experiment="bert" minutes=3
guesser = new_model("bert", **sizes)
if train_yourself:
    run = experiment.pretrain(guesser, digits, steps, bert_loss, bert_mask)
    print(f"{run.seconds:.0f} s of training")
else:
    print(course.checkpoint(guesser, "igpt_digits_bert")["about"])


def some_mask(images, seed):
    return ops.convert_to_numpy(bert_mask(np.random.default_rng(seed).random(images.shape, dtype="float32")))


mask = some_mask(test_digits, 0)
logits = measuring.in_parts(guesser, (test_digits, mask))
guesser_nats = float(bert_loss(test_digits, logits, mask))
print(f"{guesser_nats:.3f} nats a hidden pixel; the table by place {without_network['by place']:.3f}")
guessed = np.where(mask, logits.argmax(axis=-1), test_digits)
fig = experiment.picture_rows(
    [np.where(mask, -1, test_digits)[chosen], guessed[chosen], test_digits[chosen]], dequantize, palette, ["given", "guessed", "the truth"]
)
plots.show(fig, alt="Nine digits with about a seventh of their pixels hidden, the most likely colours in their place, and the true digits: nearly the same.")

# %% [markdown]
# **What to see.** About 0.84 nats a hidden pixel in our run, again better than the table by place (0.99). The model sees both sides
# of each gap, which should make guessing easier; but only 15 of 100 pixels teach it something in each step, so it
# learns more slowly. With three times as many steps it reaches 0.70.
#
# ## 5.9 What has it learned? A probe for every layer
#
# Nobody has told the models which digit is which. Do they know? The paper's test is a **linear probe**: freeze the model,
# average the vectors of all places of one layer, and train a plain linear classifier on them. If a linear classifier can
# read the class off, it is there.

# %% given="layer_features"

# %% experiment="probe" minutes=1
count = course.choose(laptop=2_000, gpu=4_000, smoke=200)
models = {"autoregressive": reader, "BERT": guesser, "untrained": untrained}
probed = {}
for name, model in models.items():
    train_features, test_features = (measuring.in_parts(lambda part: layer_features(model, part), part) for part in (digits[:count], test_digits))
    probed[name] = [measuring.Probe(mine, labels[:count]).accuracy(theirs, test_labels) for mine, theirs in zip(train_features, test_features)]
    print(f"{name:15}", "  ".join(f"{accuracy:.3f}" for accuracy in probed[name]), "  embedding first, then layer by layer")
pixels = measuring.Probe(images[:count].reshape(count, -1), labels[:count]).accuracy(test_images.reshape(len(test_images), -1), test_labels)
print(f"{'raw pixels':15} {pixels:.3f}")
fig, axis = plots.figure(height=3.2)
plots.curves(axis, probed | {"raw pixels": [pixels] * len(probed["BERT"])}, range(len(probed["BERT"])), "How well a linear probe names the digit", "layer", "accuracy")
axis.set_xticks(range(len(probed["BERT"])))
plots.show(fig, alt="Accuracy of linear probes by layer: " + "; ".join(f"{name} at best {max(values):.2f}" for name, values in probed.items()) + f"; raw pixels {pixels:.2f}.")

# %% [markdown]
# **What to see.** Layer 0 is the embedded sequence, layer 1 what the first block made of it, and so on. Here are the accuracies we
# measured with 2,000 labels, beside the paper's claims:
#
# | claim | in the paper | here |
# |---|---|---|
# | autoregressive features are better for a probe | by more than 1 point on CIFAR-10, about 6 on ImageNet | yes: .81 to .83 against .64 to .67; untrained .54 to .56 |
# | the best layer is in the middle | yes: on CIFAR-10 the last layer costs 2.4 points | no: with four layers, all are alike within two or three hundredths |
#
# And one thing the paper's numbers do not let you guess: the raw pixels beat us, at .89. These digits are tiny, centred and upright, so
# each pixel has a meaning of its own, and averaging over all places throws the places away. On photographs raw pixels are
# next to useless, and the paper's probe reaches 96.3 % on CIFAR-10 with its large model.

# %% [markdown] question="objectives" points=2 minutes=6
# **Question 2.** In the paper, and probably in your run, the probes of the autoregressive model beat those of BERT's model, by more
# than a point on CIFAR-10 and by about six on ImageNet. But after *fine-tuning* both are equally good (99.0 against 98.6 %, and
# 66.3 against 66.5 %). What does that say about what the BERT model has learned? Think of what it sees in training and in the
# probe, and of how many of its answers count in each picture.

# %% [markdown]
# ## 5.10 Five masks, not five tokens
#
# BERT's model has only ever seen pictures with holes. A whole picture is something new to it. So the paper also hides
# pixels when it *tests*: at random, 15 %, as in training. But a mask can hide just what mattered. Therefore each test picture
# gets **five independent masks**, each masked copy is classified, and the five answers vote.
#
# A popular summary says that "five tokens" of the test data are masked. That is something else: of 1,024 pixels of the
# paper's pictures a mask hides about 154, and there are five such masks.
#
# **Goal.** Count the votes. Ties are broken at random: of the classes with the most votes, the one with the largest noise
# wins.
#
# **Shapes.** Predictions `(votes, batch)` and noise `(batch, num_classes)` become classes `(batch,)`.
#
# **Example.** Votes `7 1 7 1 4`: classes 1 and 7 have two each. Noise of .3 for class 1 and .8 for class 7: class 7 wins.

# %% exercise="vote" points=2 minutes=8 difficulty=2
# hint: There are `noise.shape[-1]` classes. `ops.one_hot(predictions, num_classes)` turns each vote into a row of zeros with a single 1. Sum over the axis of the votes.
# hint: The noise is below 1, less than one vote. Add it to the counts: it can decide between equals and nothing else. Then `ops.argmax`.

# %% experiment="vote" minutes=1
layer = 2


def masked_features(pictures, seed):
    return measuring.in_parts(lambda part: layer_features(guesser, *part)[layer], (pictures, some_mask(pictures, seed)))


probe = measuring.Probe(masked_features(digits[:count], 100), labels[:count])  # a probe that is used to holes
predictions = np.stack([probe.predict(masked_features(test_digits, seed)) for seed in range(10)])
single = np.mean(predictions == test_labels, axis=1)
luck = np.random.default_rng(1).random((2, len(test_labels), 10)).astype("float32")
voted = [np.mean(ops.convert_to_numpy(vote(five, noise)) == test_labels) for five, noise in zip((predictions[:5], predictions[5:]), luck)]
unmasked = probe.accuracy(measuring.in_parts(lambda part: layer_features(guesser, part)[layer], test_digits), test_labels)
print(f"one mask    {single.mean():.3f}   (from {single.min():.3f} to {single.max():.3f} in ten tries)")
print(f"five masks  {np.mean(voted):.3f}   ({voted[0]:.3f} and {voted[1]:.3f})")
print(f"no mask     {unmasked:.3f}")

# Five hidden pixels instead of five masks.
five_pixels = np.random.default_rng(2).random((len(test_digits), 64)).argsort(axis=-1).reshape(test_digits.shape) < 5
features = measuring.in_parts(lambda part: layer_features(guesser, *part)[layer], (test_digits, five_pixels))
print(f"“5 tokens”  {probe.accuracy(features, test_labels):.3f}   one mask of five pixels")

# %% [markdown]
# **What to see.** In our run one mask gives an accuracy of .57, five masks .61 to .62. So the claim holds here, and clearly: the vote wins
# back what a single mask loses. Five hidden *pixels* give .58: a mask that hides less, and no vote. The whole picture gives only .57, although it
# hides nothing: the probe and the model know pictures with holes, and a whole one is strange to them. That is the other half of the
# paper's reason for masking at test time.
#
# The paper saw no effect on CIFAR-10 and almost one point on ImageNet. Ours is larger because our small model is
# unsure so often.

# %% [markdown] question="votes" points=2 minutes=6
# **Question 3.** Why do five votes gain over one mask? What would have to be true of the five predictions for the vote to gain nothing?
# In the paper the vote gains almost a point on ImageNet and nothing on CIFAR-10, where the model is right 98.6 times of 100
# after fine-tuning. Explain that with your reason.

# %% [markdown]
# ## 5.11 Few labels
#
# What is all this good for? Suppose only 200 digits have labels, and 4,000 have none. The paper's way: pre-train on all,
# then **fine-tune** on the labelled ones, with a joint loss: name the class, and go on guessing pixels.

# %% given="FineTuned, joint_loss"

# %% experiment="few_labels" minutes=2
from course.results import chart

labelled = course.choose(laptop=200, gpu=200, smoke=32)
few_steps = course.choose(laptop=120, gpu=400, smoke=8)


def fine_tuned(model, use_pixels=True, seed=1):
    """Accuracy on the test digits after training on `labelled` digits."""
    keras.utils.set_random_seed(seed)
    classifier = FineTuned(model, 10)

    def class_loss(classes, class_logits):
        return joint_loss(classes, class_logits, 0.0)

    losses = [class_loss, autoregressive_loss]
    rng = np.random.default_rng(seed)
    rows = rng.integers(labelled, size=few_steps * 32)
    shown = training.in_order(digits[rows], (labels[rows], digits[rows]), 32)
    training.fit(classifier, keras.optimizers.Adam(1e-3), losses, shown, loss_weights=[1.0, 1.0 if use_pixels else 0.0])
    class_logits = measuring.in_parts(lambda part: classifier(part)[0], test_digits)
    return float(np.mean(class_logits.argmax(axis=-1) == test_labels))


right = {"from scratch": fine_tuned(new_model("autoregressive", seed=2, **sizes))}
alone, copy = (new_model("autoregressive", **sizes) for _ in range(2))
for other in (alone, copy):
    training.copy_weights(reader, other)
right["pre-trained, the class alone"] = fine_tuned(alone, use_pixels=False)
right["pre-trained, the joint loss"] = fine_tuned(copy)
line = measuring.Probe(digits[:labelled].reshape(labelled, -1), labels[:labelled])
right["raw pixels, a straight line"] = line.accuracy(test_digits.reshape(len(test_digits), -1), test_labels)
chart.compare(right, ("pre-trained, the joint loss", "from scratch"), len(test_labels), title=f"{labelled} labels")

# %% [markdown]
# **What to see.** From scratch, 120 steps on 200 digits give an accuracy of about .26. Pre-trained, the same steps give about twice that (.49 to .55 in our
# runs, by your own `reader`; .56 to .60 with the weights that come with the course): the model had seen 4,000 digits before anybody told it a name.
#
# Now the last row, which is the honest one: with the same 200 labels, a straight line through the **raw pixels** is right for about .81, and a probe of
# the shipped model's frozen second layer for .735. Digits of 8 by 8 are that easy. So pre-training helps *this network*, and this network is
# not what you would take for the job. In the paper, on photographs, no line through pixels comes near.
#
# The paper found that the joint loss helps when fine-tuning. With the shipped weights it does: .597 against .563 after 120 steps, .698 against .657 after
# 400. With a `reader` of few steps it does not show.
#
# ## 5.12 In colour
#
# Nothing in the model is about greys. Here are emoji, 12 by 12 pixels in 16 colours: 144 places. Training takes some minutes on
# a laptop, so this experiment loads weights by default. (All emoji are designed by
# [OpenMoji](https://openmoji.org), the open-source emoji and icon project. Licence: CC BY-SA 4.0. What you see here are
# shrunk and completed versions of them.)

# %% experiment="colour" minutes=1
train_emoji_yourself = False  # True takes a few minutes
emoji_sizes = {"height": 12, "width": 12, "num_layers": 3, "num_heads": 4, "hidden_dim": 64}
emoji_images, _ = experiment.small_images("openmoji", "train", 12)
test_emoji_images, _ = experiment.small_images("openmoji", "test", 12)
painter = new_model("autoregressive", num_colours=16, **emoji_sizes)
if train_emoji_yourself:
    colours = make_palette(emoji_images, 16)
else:
    facts = course.checkpoint(painter, "igpt_emoji_ar")
    colours = facts["palette"]
    print(facts["about"])
emoji, test_emoji = (measuring.in_parts(lambda part: quantize(part, colours), part) for part in (emoji_images, test_emoji_images))
if train_emoji_yourself:
    mirrored = np.concatenate([emoji, emoji[:, :, ::-1]])  # more pictures, so that it learns fewer by heart
    experiment.pretrain(painter, mirrored, course.choose(laptop=700, gpu=1_500), autoregressive_loss)
emoji_tables = experiment.baselines(emoji, test_emoji, 16)
painter_nats = float(autoregressive_loss(test_emoji, measuring.in_parts(painter, test_emoji)))
print(f"{painter_nats:.3f} nats a pixel on new emoji; tables: " + ", ".join(f"{name} {nats:.3f}" for name, nats in emoji_tables.items()))

shown = [3, 20, 31, 40, 52, 60, 71, 83, 96, 105, 118, 127]
whole = test_emoji[[place % len(test_emoji) for place in shown]]
hidden = np.where(np.arange(12)[:, None] < 6, whole, -1)
drawn = draw(painter, np.tile(whole.reshape(12, -1)[:, :72], (2, 1)), 24, 0.8)
fig = experiment.picture_rows([hidden, *np.split(drawn, 2), whole], dequantize, colours, ["given", "drawn", "again", "the truth"])
plots.show(fig, alt="Upper halves of twelve emoji the model has never seen, two completions of each, and the true emoji. Many completions close the shape and keep its colours; hardly one is the true emoji.")

# %% [markdown]
# **What to see.** On new emoji the model reaches 0.74 nats; the tables need 1.26 and more, of 2.77 for a blind guess among 16 colours.
# Many completions close a circle, mirror a frame or go on with a colour. Hardly one knows what it is drawing: with 1,316
# emoji to learn from, each unlike the next, that is no wonder. The paper's models learned from ImageNet.
#
# ## 5.13 The real thing
#
# On a GPU the same code reads CIFAR-10 at 32 by 32 pixels in 512 colours, as the paper does. On a laptop the next cell does
# nothing but say so.

# %% experiment="cifar" minutes=1
if course.preset() == "gpu":
    course.use_preset()
    photos, _ = experiment.small_images("tfds:cifar10", "train", 32)
    many_colours = make_palette(photos[:1000], 512)
    tokens = measuring.in_parts(lambda part: quantize(part, many_colours), photos, size=16)
    photographer = new_model("autoregressive", num_colours=512, height=32, width=32, num_layers=8, num_heads=8, hidden_dim=256)
    experiment.pretrain(photographer, tokens, 50_000, autoregressive_loss, rate=1e-3, lines=50)
    held_out, _ = experiment.small_images("tfds:cifar10", "test", 32)
    held_out = measuring.in_parts(lambda part: quantize(part, many_colours), held_out[:1000], size=16)
    print(f"{float(autoregressive_loss(held_out, measuring.in_parts(photographer, held_out, size=32))):.3f} nats a pixel")
else:
    print("This experiment wants a GPU: it runs when COURSE_PRESET is gpu.")

# %% [markdown]
# ## What you built
#
# A palette, a sequence model of pixels with both objectives, a way to draw with it, and probes that tell what it has learned.
# With `num_layers=24, num_heads=8, hidden_dim=512` and 512 colours, `ImageGPT` is the paper's iGPT-S: 76,571,648 weights,
# exactly as many as in the authors' code.
#
# **The paper's claims, and ours.**
#
# | claim (Chen et al. 2020) | in the paper | in this lab |
# |---|---|---|
# | predicting pixels, without labels, gives features that tell classes apart | linear probe 96.3 % on CIFAR-10 (L, autoregressive) | yes: far above the untrained model, but below raw pixels, on tiny digits |
# | autoregressive probes beat BERT's | by more than 1 point (CIFAR-10), about 6 (ImageNet) | yes, by some 15 points |
# | the middle layers are best | the last costs 2.4 points on CIFAR-10 | not with four layers |
# | five masks vote better than one | 0 (CIFAR-10), almost 1 point (ImageNet) | yes, by about 5 points |
#
# `benchmarks/igpt.py` in the repository measures them again.
#
# **Next.** In Lab 6 the model hides three quarters of a picture, in patches, and does not even look at what is hidden. That is
# far cheaper than a sequence of pixels, and it works better.
#
# **Read on.**
#
# * Chen et al. 2020, [Generative Pretraining from Pixels](https://proceedings.mlr.press/v119/chen20s.html) (ICML 2020): sections 2
#   and 4 are this lab.
# * Radford et al. 2018, *Improving Language Understanding by Generative Pre-Training*: the same idea for text, joint loss included.
# * He et al. 2021, [Masked Autoencoders Are Scalable Vision Learners](https://arxiv.org/abs/2111.06377): Lab 6, where hiding pays.

# %% [markdown]
# ## Check yourself
#
# A few questions for yourself: unfold the option that you think is right. Nothing of it is counted, and nothing is kept.

# %% experiment="quiz" minutes=3
course.quiz("igpt")

# %% [markdown]
# And this is how far you are, in this lab and in all of them.

# %% experiment="status" minutes=1
course.status("igpt")
