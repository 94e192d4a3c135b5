# %% [markdown] lab=1 title="Attention" minutes=90 seconds=180 builds="softmax, scaled dot-product attention, masks, self-attention, multi-head attention"
# # Lab 1: Attention
#
# A word rarely means much alone. To understand *it* in "the cat sat on the mat because it was tired", you look back at
# *the cat*. Attention is that look back, as arithmetic: every position in a sequence asks a question, every position
# offers an answer, and each question takes a weighted mix of the answers.
#
# In this lab you build attention from nothing but small tensor operations, up to the multi-head attention of Vaswani et
# al. (2017), *Attention Is All You Need*.
#
# **When you are done, you can**
#
# * work through attention by hand, with pencil and paper;
# * write it: softmax, scaled dot-product attention, masks, one head, many heads;
# * say why the scores are divided by $\sqrt{d_k}$, what a head is for, and what attention costs, and show it with
#   something you measured.
#
# **What carries over.** Everything. The Transformer of Lab 2 is your `MultiHeadAttention` with a few plain layers around
# it. Its decoder needs your causal mask, BERT your padding mask, and the image models of the later labs use both the
# layer and the picture of its weights.
#
# **Time.** About 90 minutes: an hour for eight exercises, the rest for experiments and three questions.
#
# **How it works.** Replace `raise NotImplementedError()` in an exercise with your code and run the cell. The cell
# below it checks your answer and names the likely mistake. Stuck? `course.hint("softmax")` gives a hint, and another one
# when you call it again. An experiment uses what you built above it, so finish those exercises first; and if one exercise
# will not come, `course.step_over("softmax")` lets you go on with the course's. `course.status()` shows how far you are.

# %%
import course  # first, so that TensorFlow starts without a page of messages
import math

import keras
import numpy as np
from course import plots
from keras import ops

# %% [markdown]
# ## 1.1 Attention by hand
#
# Attention works with three kinds of vectors.
#
# * A **query** says what a position is looking for.
# * A **key** says what a position has to offer.
# * A **value** is what that position hands over when it is asked.
#
# Think of the three words *cat*, *sat* and *mat*, and of keys with four numbers that stand for: thing, alive, action,
# place. (Here we make them up. A network learns its own, and they seldom have names.) Our query looks for a living
# thing:
#
# | | thing | alive | action | place | value |
# |---|---|---|---|---|---|
# | **query** | 2 | 2 | 0 | 0 | |
# | cat | 1 | 1 | 0 | 0 | (10, 0) |
# | sat | 0 | 0 | 1 | 0 | (0, 10) |
# | mat | 1 | 0 | 0 | 1 | (5, 5) |
#
# **Step 1, scores.** How well does each key match the query? Take the dot product of the two. *Cat* gets
# $2 \cdot 1 + 2 \cdot 1 = 4$, *sat* gets $0$, *mat* gets $2$.
#
# **Step 2, scale.** Divide by the square root of the number of entries in a key, here $\sqrt{4} = 2$. That leaves 2, 0
# and 1.
#
# **Step 3, weights.** Turn scores into positive weights that sum to 1, with a softmax: $e^2 = 7.39$, $e^0 = 1$,
# $e^1 = 2.72$, together $11.11$. The weights are $7.39 / 11.11 = 0.67$, $0.09$ and $0.24$.
#
# **Step 4, mix.** Add up the values, each times its weight:
# $0.67 \cdot (10, 0) + 0.09 \cdot (0, 10) + 0.24 \cdot (5, 5) = (7.9, 2.1)$.
#
# The output is mostly what *cat* had to say, with a little of the others. That is all there is to attention. Run the
# next cell to see the same numbers as a picture.
#
# > Many walk-throughs go from the dot product straight to the softmax and forget step 2. It is easy to miss: with small
# > vectors little changes. Section 1.3 shows what it is for.

# %% experiment="by_hand" minutes=1
from course.experiments import attention as experiment

fig = experiment.draw_walk_through(
    query=[2, 2, 0, 0],
    keys=[[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]],
    values=[[10, 0], [0, 10], [5, 5]],
    scores=[2, 0, 1],
    weights=[0.67, 0.09, 0.24],
    output=[7.9, 2.1],
    words=["cat", "sat", "mat"],
)
plots.show(
    fig,
    alt="Attention from left to right. The query (2, 2, 0, 0) meets the keys of cat, sat and mat, which gives the scores "
    "2, 0 and 1, the weights 0.67, 0.09 and 0.24, and the output (7.9, 2.1), to which cat's value adds the most.",
)

# %% [markdown]
# ## 1.2 From scores to weights: softmax
#
# **Goal.** Turn any row of scores into weights: all positive, summing to 1, the larger the score the larger the weight.
#
# $$\operatorname{softmax}(s)_i = \frac{e^{s_i}}{\sum_j e^{s_j}}$$
#
# **Shapes.** What comes out has the shape of what went in. The weights sum to 1 along one axis, which is called `axis`.
#
# **Example.** $\operatorname{softmax}(2, 0, 1) = (0.67, 0.09, 0.24)$, as you saw above.
#
# **A trap.** $e^{1000}$ is too large for a computer's number. It becomes `inf`, and `inf / inf` is `nan`, "not a
# number". Yet $(1002, 1000, 1001)$ should give the very same weights, $(0.67, 0.09, 0.24)$, for only differences
# between scores matter:
#
# $$\frac{e^{s_i - c}}{\sum_j e^{s_j - c}} = \frac{e^{s_i} \, e^{-c}}{\sum_j e^{s_j} \, e^{-c}} = \frac{e^{s_i}}{\sum_j e^{s_j}}$$
#
# So you are free to choose $c$. Choose it such that no exponential can overflow.
#
# Build it from `ops.exp` and friends. (Not from NumPy's `np.exp`: only `ops` works inside a model that is being trained.)
# Keras has a ready-made softmax, and this exercise is about what is inside it.

# %% exercise="softmax" points=2 minutes=8 difficulty=1 forbidden="softmax,log_softmax,logsumexp,Softmax,reduce_logsumexp"
# hint: Subtracting the same number c from every score changes no weight. Which c makes the largest exponent exactly 0?
# hint: Scores in different rows have different largest values. `ops.max` and `ops.sum` take an `axis`; use the one you were given, not always the last.
# hint: With `keepdims=True` the maximum and the sum keep an axis of size 1, so that subtracting and dividing fit the shape of the scores.

# %% [markdown]
# ## 1.3 Why divide by $\sqrt{d_k}$?
#
# Step 2 above divided the scores by $\sqrt{d_k}$, where $d_k$ is the width of a key. Why?
#
# Take a query and a key whose entries are independent random numbers with mean 0 and variance 1. Each product
# $q_i k_i$ then has mean 0 and variance 1 too. The dot product adds up $d_k$ of them, and variances of independent
# numbers add up, so
#
# $$\operatorname{Var}(q \cdot k) = d_k, \qquad \operatorname{Var}\!\left(\frac{q \cdot k}{\sqrt{d_k}}\right) = 1.$$
#
# Wide keys mean large scores, and large scores make a softmax put nearly all weight on one key. Then a small change of
# the scores changes nothing, and there is no gradient to learn from. The paper puts it as a suspicion:
#
# > We suspect that for large values of $d_k$, the dot products grow large in magnitude, pushing the softmax function into
# > regions where it has extremely small gradients. *(Vaswani et al. 2017, section 3.2.1)*
#
# Let us measure it. The next cell draws random queries and keys, and then lets each query choose among 16 keys with
# *your* softmax. How strongly a weight $w_i$ answers to its own score is $w_i (1 - w_i)$; added up over all keys, that is
# $1 - \sum_i w_i^2$. We call that the size of the gradient.

# %% experiment="why_scale" minutes=3
rng = np.random.default_rng(1)
widths = [2, 8, 32, 128, 512]
variances, largest, gradient = {}, {}, {}
for name, scaled in (("without scaling", False), ("with scaling", True)):
    variances[name], largest[name], gradient[name] = [], [], []
    for key_dim in widths:
        query, keys = rng.normal(size=(1000, 1, key_dim)), rng.normal(size=(1000, 16, key_dim))
        scores = np.sum(query * keys, axis=-1) / (math.sqrt(key_dim) if scaled else 1)  # (query, key)
        weights = ops.convert_to_numpy(softmax(ops.convert_to_tensor(scores.astype("float32"))))
        variances[name].append(scores.var())
        largest[name].append(weights.max(axis=-1).mean())
        gradient[name].append(np.mean(1 - np.sum(weights**2, axis=-1)))
    for row in zip(widths, variances[name], largest[name], gradient[name]):
        print("{:15}  d_k {:3}   variance {:6.1f}   largest weight {:.2f}   gradient {:.2f}".format(name, *row))

fig, (left, middle, right) = plots.figure(columns=3)
plots.curves(left, variances, widths, "Variance of the scores", "$d_k$", log="xy")
plots.curves(middle, largest, widths, "Largest of 16 weights", "$d_k$", log="x")
plots.curves(right, gradient, widths, "Size of the gradient", "$d_k$", log="x")
middle.set_ylim(0, 1)
right.set_ylim(0, 1)
plots.show(
    fig,
    alt="Three plots over the key width, from 2 to 512. Without scaling the variance of the scores grows to "
    f"{variances['without scaling'][-1]:.0f}, the largest weight rises to {largest['without scaling'][-1]:.2f} and the gradient falls to "
    f"{gradient['without scaling'][-1]:.2f}. With scaling all three stay level.",
)

# %% [markdown]
# **What to see.** Without scaling, the variance is $d_k$ itself, up to chance. At the right end one key takes nearly all the
# weight, whichever it happens to be, and little gradient is left. With scaling all three curves lie flat: the width
# of the keys no longer matters.

# %% [markdown] question="learn_the_scale" points=2 minutes=5
# **Question 1.** A friend says: "The layers that make queries and keys are learned. If large scores were bad, training
# would simply make those layers' weights smaller, so dividing by $\sqrt{d_k}$ gains nothing." What is right about this,
# and what is not? Use what you measured above.

# %% [markdown]
# ## 1.4 Scaled dot-product attention
#
# **Goal.** Do the four steps for all queries at once.
#
# $$\operatorname{Attention}(Q, K, V) = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V$$
#
# **Shapes.** Each row of $Q$, $K$ and $V$ is one vector. The dots stand for any axes in front, such as the batch.
#
# | | shape |
# |---|---|
# | query | `(..., query_length, key_dim)` |
# | key | `(..., key_length, key_dim)` |
# | value | `(..., key_length, value_dim)` |
# | scores, weights | `(..., query_length, key_length)` |
# | output | `(..., query_length, value_dim)` |
#
# There are as many values as keys. The number of queries is free, and so is the width of a value.
#
# **Masks.** Sometimes a query must not look at a key. A mask says which it may look at, and in this course it always
# means the same: **`True` = may attend**. A forbidden score is replaced by `FORBIDDEN`, a hugely negative number, *before*
# the softmax. Its weight becomes 0, and the others still sum to 1. Setting weights to 0 *after* the softmax would not do:
# they would no longer sum to 1.
#
# Why not minus infinity? If a query may attend to nothing at all, a row of $-\infty$ makes `nan`, and a single `nan`
# spreads through the whole network. A row of `FORBIDDEN` makes equal weights: useless, but harmless.
#
# **Example.** The keys and values of section 1.1, with two queries: the old $(2, 2, 0, 0)$, and $(0, 0, 2, 0)$, which looks
# for an action.
#
# | query | scaled scores | weights | output |
# |---|---|---|---|
# | (2, 2, 0, 0) | 2, 0, 1 | 0.67, 0.09, 0.24 | (7.9, 2.1) |
# | (0, 0, 2, 0) | 0, 1, 0 | 0.21, 0.58, 0.21 | (3.2, 6.8) |
# | (2, 2, 0, 0), *mat* masked | 2, 0, forbidden | 0.88, 0.12, 0 | (8.8, 1.2) |
#
# Return both the output and the weights: the weights are what we will look at in pictures. Use your own `softmax`, and
# operations on whole tensors rather than Python loops. The models of the experiments do not know their batch size
# beforehand, so a loop over the batch would stop them.

# %% given="FORBIDDEN"

# %% exercise="scaled_dot_product_attention" points=4 minutes=10 difficulty=2 forbidden="dot_product_attention,MultiHeadAttention,Attention,AdditiveAttention,GroupQueryAttention"
# hint: The scores have the shape (..., query_length, key_length). Which product of query and key has it, and which two axes of the key must change places first?
# hint: There may be any number of axes in front, so count axes from the end: -1 and -2. The width to take the root of is that of the key.
# hint: Five steps: `ops.matmul`, divide, `ops.where(mask, ..., ...)` if there is a mask, your softmax over the keys, `ops.matmul` with the values.

# %% [markdown]
# ## 1.5 Two masks
#
# A mask is a tensor of booleans that fits the weights: `(batch, heads, query, key)`. An axis of size 1, or a missing axis in
# front, is stretched to fit (it *broadcasts*).
#
# ### The causal mask
#
# **Goal.** A model that writes must not read what it has not written yet. Query $i$ may attend to key $j$ if
#
# $$j \le i.$$
#
# **Shape.** `(length, length)`: queries down, keys across. A position may see itself, or the first one would see nothing.
#
# **Example.** `causal_mask(3)`, with `T` for `True`:
#
# ```
#          key 0  key 1  key 2
# query 0    T      F      F
# query 1    T      T      F
# query 2    T      T      T
# ```

# %% exercise="causal_mask" points=2 minutes=4 difficulty=1
# hint: Each entry needs only two numbers: which row it is in and which column. `ops.arange(length)` gives you all row or column numbers at once.
# hint: Compare a column of query numbers, shape (length, 1), with a row of key numbers, shape (1, length). A triangle of ones works too, if you turn it into booleans.

# %% [markdown]
# ### The padding mask
#
# **Goal.** Sentences have different lengths, and a batch is a rectangle, so the short ones are filled up at the end. Nobody
# should attend to the filling. Sequence $b$ with length $n_b$ has real keys at
#
# $$j < n_b.$$
#
# **Shapes.** Lengths `(batch,)` in, `(batch, 1, 1, max_length)` out. The two axes of size 1 say: the same for every head
# and for every query.
#
# **Example.** `padding_mask([3, 1], 4)` has the shape `(2, 1, 1, 4)` and holds
#
# ```
# sequence 0    T  T  T  F
# sequence 1    T  F  F  F
# ```

# %% exercise="padding_mask" points=2 minutes=5 difficulty=1
# hint: Key number j of a sequence is real while j is less than the length of that sequence. First make a (batch, max_length) tensor of booleans.
# hint: `lengths` may be a list: `ops.convert_to_tensor(lengths, dtype="int32")` makes it a tensor of the same integers as `ops.arange`. Comparing (1, max_length) with (batch, 1) gives (batch, max_length).
# hint: Axes of size 1 come from indexing with `None`, or from `ops.expand_dims` or `ops.reshape`. The batch must stay the first axis and the keys the last.

# %% [markdown]
# Where both rules hold, a query may attend only where both masks say `True`: `ops.logical_and` joins them, and
# broadcasting does the rest.

# %% experiment="masks" minutes=1
length = 6
causal = causal_mask(length)
padding = padding_mask([4], length)
both = ops.logical_and(causal, padding)
print("shapes:", tuple(causal.shape), tuple(padding.shape), tuple(both.shape))

fig, axes = plots.figure(columns=3, height=3.4)
everyone = ops.broadcast_to(padding, both.shape)
for axis, mask, title in zip(axes, (causal, everyone[0, 0], both[0, 0]), ("causal", "padding, length 4", "both")):
    plots.heat_map(axis, mask, range(length), range(length), title, "key", "query")
plots.show(
    fig,
    alt="Three masks of 6 queries by 6 keys; blue means may attend. Causal: the lower triangle. Padding: the first four "
    "columns. Both: the lower triangle without its last two columns.",
)

# %% [markdown]
# **What to see.** Each row is a query, each column a key. The causal mask shows each query one key more than the query before.
# The padding mask hides the same two keys from all. Queries 4 and 5 are padding themselves: what they find is never used.
#
# ### Words of your own
#
# Now move something. Each word below becomes a vector that counts its letters and its pairs of letters, and your attention
# compares them. Nothing is learned here: words look at each other because they are *spelled* alike, and each of them most at
# itself. Write a sentence of your own, press Enter, and choose a mask.

# %% experiment="own_words" minutes=2
from course import widgets


def look(sentence, mask):
    words, vectors = experiment.words_as_vectors(sentence)
    allowed = causal_mask(len(words)) if mask == "causal" else None
    _, weights = scaled_dot_product_attention(*3 * [ops.convert_to_tensor(vectors)], allowed)  # (word, word)
    weights = ops.convert_to_numpy(weights)
    fig, axis = plots.figure(width=6.4, height=4.8)
    plots.heat_map(axis, weights, words, words, f"mask: {mask}", "is looked at", "looks")
    axis.tick_params(axis="x", rotation=45)
    return fig, experiment.who_looks_where(words, weights)


widgets.explore(look, sentence="the cat sat on the mat because it was tired", mask=["none", "causal"])

# %% [markdown]
# **What to see.** *Cat*, *sat* and *mat* find each other, and the two *the* share their weight. With the causal mask the first
# word has nobody but itself. Try a word twice, a word that shares no letter with the others, or another language.

# %% [markdown]
# ## 1.6 A layer that attends to itself
#
# So far queries, keys and values fell from the sky. In **self-attention** all three come from the same sequence, each
# through a dense layer of its own, and those three layers are what is learned.
#
# Three words that stay with us. What stands at one position of a sequence is a **token**; in this lab each token is a vector.
# How many numbers a vector has is its **width**, and each of them is a **channel**.
#
# **Goal.** A Keras layer with one head of self-attention. For inputs $X$:
#
# $$Q = X W_Q + b_Q, \qquad K = X W_K + b_K, \qquad V = X W_V + b_V, \qquad \text{output} = \operatorname{Attention}(Q, K, V)$$
#
# **Shapes.** Inputs `(batch, length, width)`; queries, keys and values `(batch, length, key_dim)`; output
# `(batch, length, key_dim)`; weights `(batch, 1, length, length)`. The 1 is the axis of heads, of which there is one for
# now. With it, your padding mask fits as it is.
#
# **Example.** Two tokens, $(1, 10)$ and $(0, 20)$, and `key_dim` 1. Let `query_dense` and `key_dense` pick the first number
# of a token and `value_dense` the second, with no biases:
#
# | | query | key | value | scores | weights | output |
# |---|---|---|---|---|---|---|
# | token 0 | 1 | 1 | 10 | 1, 0 | 0.73, 0.27 | 12.7 |
# | token 1 | 0 | 0 | 20 | 0, 0 | 0.5, 0.5 | 15 |
#
# Make the three dense layers in `__init__` and name them as the docstring says. The checks set their weights by these
# names, so it does not matter in which order you make them.
#
# In a layer the mask is called `attention_mask`, because Keras fills in an argument called `mask` by itself.

# %% exercise="SelfAttention" points=3 minutes=10 difficulty=2 forbidden="dot_product_attention,MultiHeadAttention,Attention,AdditiveAttention,GroupQueryAttention"
# hint: In `__init__`, make three `keras.layers.Dense` layers and keep each as an attribute of `self`. In `call`, apply all three to the same inputs.
# hint: Your `scaled_dot_product_attention` takes any axes in front. Give queries, keys and values an axis of size 1 behind the batch, and the weights (and the mask) get their axis of heads by themselves.
# hint: `tensor[:, None]` adds the axis and `tensor[:, 0]` takes it away again. The output loses it, the weights keep it.

# %% [markdown]
# ### Experiment: a layer that remembers
#
# Time to watch it learn. The task is **associative recall**: read some pairs of a letter and a digit, then answer a
# question about one of them.
#
# ```
# C 3    K 7    A 1    X 7    ...    K ?      ->  7
# ```
#
# One pair is *one* token: a letter (one of 26) and a digit, as two one-hot vectors side by side. The question is a token as
# well, with `?` in place of the digit. There are 8 pairs, drawn anew for every sequence, so there is nothing to learn by
# heart. The network must learn *how to look up*.
#
# **One layer is enough here, because letter and digit travel together.** The query of the last token can ask for "my
# letter", the keys can offer "my letter", the values can hand over "my digit", and one look finds the digit. If the letters
# and digits were separate tokens, a digit would first have to find out which letter stands before it. Question 2 comes
# back to that.
#
# The model below is your `SelfAttention` and one dense layer that reads the digit off the last position.

# %% experiment="recall" minutes=4
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789?"


def recall_sequences(rng, count, pairs=8):
    """Tokens `(count, pairs + 1, 37)`, the last one the question, and the right digits `(count,)`."""
    row = np.arange(count)
    letters = np.argsort(rng.random((count, 26)), axis=1)[:, :pairs]  # no letter twice
    digits = rng.integers(10, size=(count, pairs))
    asked = rng.integers(pairs, size=count)
    answers = digits[row, asked]
    letters = np.column_stack([letters, letters[row, asked]])
    digits = np.column_stack([digits, np.full(count, DIGITS.index("?"))])
    return np.concatenate([np.eye(26)[letters], np.eye(11)[digits]], axis=-1).astype("float32"), answers


def learn_recall(read, rounds, steps=20, seed=1):
    """Train a model that answers from `read(tokens)`; accuracy on new sequences after every round of steps."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    tokens = keras.Input((None, 37))
    model = keras.Model(tokens, keras.layers.Dense(10)(read(tokens)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"], jit_compile=False)
    test = recall_sequences(rng, 1000)
    accuracy = []
    for _ in range(rounds):
        model.fit(*recall_sequences(rng, 64 * steps), batch_size=64, verbose=0)
        accuracy.append(model.evaluate(*test, batch_size=500, verbose=0)[1])
    return model, accuracy


attention = SelfAttention(32)
model, attention_accuracy = learn_recall(lambda tokens: attention(tokens)[0][:, -1], rounds=16)

# One sequence, eight times, with a question about each of its pairs.
story = np.repeat(recall_sequences(np.random.default_rng(2), 1)[0], 8, axis=0)
story[:, -1, :26] = story[0, :8, :26]
letters = [LETTERS[place] for place in story[0, :8, :26].argmax(axis=-1)]
digits = [DIGITS[place] for place in story[0, :8, 26:].argmax(axis=-1)]
said = ops.convert_to_numpy(model(story)).argmax(axis=-1)
weights = ops.convert_to_numpy(attention(story)[1])[:, 0, -1]  # (question, token)
longer = model.evaluate(*recall_sequences(np.random.default_rng(3), 1000, pairs=20), verbose=0)[1]
print(f"accuracy on new sequences: {attention_accuracy[-1]:.3f}")
print(f"on sequences of 20 pairs, longer than any in training: {longer:.3f}")
print(f"weight on the right pair, on average: {np.mean(np.diag(weights)):.2f}")

fig, (left, right) = plots.figure(columns=2, height=4.2)
steps = 20 * np.arange(1, 17)
plots.curves(left, {"attention": attention_accuracy}, steps, "Learning", "training steps", "accuracy on new sequences")
left.axhline(0.1, color="#555555", linestyle=":")
left.text(steps[-1], 0.12, "guessing", ha="right", color="#555555")
left.set_ylim(0, 1.05)
columns = [f"{letter}\n{digit}" for letter, digit in zip(letters, digits)] + [" \n?"]
rows = [f"{letter}? → {DIGITS[digit]}" for letter, digit in zip(letters, said)]
plots.heat_map(
    right, weights, rows, columns, "Where the question looks", "token", "question → answer", [(i, i) for i in range(8)]
)
plots.show(
    fig,
    alt=f"Left: accuracy on new sequences reaches {attention_accuracy[-1]:.2f} within {steps[-1]} steps. Right: the attention "
    f"weights of eight questions over nine tokens; on average {np.mean(np.diag(weights)):.2f} lies on the framed cell, the asked pair.",
)

# %% [markdown]
# **What to see.** Nobody told the layer what queries, keys and values are for. It found out, from right and wrong
# answers alone, that letters make good keys and digits good values. Frames mark the pair that was asked for. The
# question itself has the same letter as the right pair, and yet gets next to no weight: the layer learned that `?` is no
# answer.
#
# It also answers longer sequences than it was trained on. Looking up does not depend on how many tokens there are, or
# on where they stand: self-attention knows no order. That is handy here and a problem for language, and Lab 2 mends it.

# %% [markdown] question="pairs_apart" points=2 minutes=5
# **Question 2.** Suppose that letters and digits were separate tokens: `C 3 K 7 A 1 X 7 K`, and the answer is to be read
# at the last position, the second `K`. Why can a single layer of self-attention not solve this? Describe what two layers
# could do: what must the first one bring where, and what must tokens know about themselves that ours do not?

# %% [markdown]
# ## 1.7 Many heads
#
# One head has one set of weights for each position: one look. Often you want to look at several things at once, and a
# single head can only blend them. The paper:
#
# > Multi-head attention allows the model to jointly attend to information from different representation subspaces at
# > different positions. With a single attention head, averaging inhibits this. *(section 3.2.2)*
#
# The trick costs nothing: make queries, keys and values as before, then cut their width into `num_heads` slices. Each
# head attends with its own slice, and the results are put side by side again.
#
# ### Splitting
#
# **Goal.** Give each of $h$ heads its slice of the width, $d_\text{head} = d / h$. Head $i$ owns the channels
#
# $$i \, d_\text{head}, \ \ldots, \ (i + 1) \, d_\text{head} - 1.$$
#
# **Shapes.** `(batch, length, num_heads * head_dim)` in, `(batch, num_heads, length, head_dim)` out. The heads stand in
# front of the length because your attention treats all axes in front alike: each head then attends on its own.
#
# **Example.** One sequence of two positions, four channels, two heads:
#
# ```
# position 0:  1 2 3 4       head 0:  1 2      head 1:  3 4
# position 1:  5 6 7 8                5 6               7 8
# ```
#
# **A trap.** A single `reshape` to `(batch, num_heads, length, head_dim)` has the right shape and the wrong content:
# `reshape` never moves numbers past each other. Here head 0 would get `1 2` and `3 4`, all of position 0.
#
# **And a habit for all labs.** While a model trains, Keras does not say how large the batch is: `inputs.shape[0]` is `None`. Leave
# that axis to `reshape` by writing -1, or ask `ops.shape(inputs)`.

# %% exercise="split_heads" points=2 minutes=5 difficulty=2
# hint: It takes two steps: one cuts the last axis in two without moving anything, the other changes the order of axes.
# hint: First (batch, length, num_heads, head_dim). The number of the head is the slower of the two new axes, since head 0 owns the first channels.
# hint: `ops.reshape`, then `ops.transpose` with the order of the four axes. `ops.shape(inputs)` works where the batch size is not known yet.

# %% [markdown]
# ### Merging
#
# **Goal.** The way back, for every input:
#
# $$\texttt{merge\_heads}(\texttt{split\_heads}(x, h)) = x$$
#
# **Shapes.** `(batch, num_heads, length, head_dim)` in, `(batch, length, num_heads * head_dim)` out.
#
# **Example.** Head 0 with `1 2` and `5 6`, head 1 with `3 4` and `7 8`, become `1 2 3 4` at position 0 and `5 6 7 8` at
# position 1.

# %% exercise="merge_heads" points=1 minutes=3 difficulty=1
# hint: Undo the two steps of `split_heads`, last step first.
# hint: Bring head and channel next to each other with `ops.transpose`, and only then join them with `ops.reshape`.

# %% [markdown]
# ### Multi-head attention
#
# **Goal.** The layer that every later lab stands on.
#
# $$\text{head}_i = \operatorname{Attention}(Q_i, K_i, V_i), \qquad
# \text{output} = \operatorname{Concat}(\text{head}_1, \ldots, \text{head}_h) \, W_O + b_O$$
#
# $Q_i$, $K_i$ and $V_i$ are head $i$'s slices of what `query_dense`, `key_dense` and `value_dense` make. The last layer,
# `output_dense`, lets the heads mix what they found.
#
# **Self and cross.** With `query` alone, a sequence attends to itself. With a `key` too, one sequence attends to another,
# as a translator looks at the source: *cross-attention*. A missing `key` is the `query`, a missing `value` is the `key`.
#
# **Shapes.**
#
# | | shape |
# |---|---|
# | query, key, value | `(batch, query_length or key_length, any width)` |
# | after the dense layers | `(batch, length, hidden_dim)` |
# | after the split | `(batch, num_heads, length, head_dim)` |
# | weights | `(batch, num_heads, query_length, key_length)` |
# | output | `(batch, query_length, hidden_dim)` |
#
# **Example.** Width 2, two heads, so `head_dim` is 1 and the scores are divided by $\sqrt{1}$. Let all four dense layers pass
# on their input unchanged. The tokens are $(1, 0)$ and $(0, 2)$: head 0 sees 1 and 0, head 1 sees 0 and 2.
#
# | | head 0: scores, weights, output | head 1: scores, weights, output | together |
# |---|---|---|---|
# | token 0 | (1, 0), (0.73, 0.27), 0.73 | (0, 0), (0.5, 0.5), 1 | (0.73, 1) |
# | token 1 | (0, 0), (0.5, 0.5), 0.5 | (0, 4), (0.02, 0.98), 1.96 | (0.5, 1.96) |
#
# Two details. What is divided by is the root of a *head's* width, and your attention function takes care of that. And
# the number of heads does not change the number of parameters: the slices are narrower, but there are more of them.

# %% exercise="MultiHeadAttention" points=4 minutes=12 difficulty=3 forbidden="dot_product_attention,MultiHeadAttention,Attention,AdditiveAttention,GroupQueryAttention"
# hint: First settle what `key` and `value` are when they were left out: a missing key is the query, and a missing value is the key, not the query.
# hint: Each of query, key and value goes through its own dense layer and is then split. The output goes the other way: merged first, then through `output_dense`.
# hint: Four dense layers of width `hidden_dim`, all with `use_bias=self.use_bias`. Between them stand only functions you have: `split_heads` three times, `scaled_dot_product_attention` with the mask, `merge_heads`.

# %% [markdown]
# ### What changed since one head
#
# The arithmetic of attention is the same. Around it came two cuts and a dense layer: split into heads before, merge after,
# and mix what the heads found. And keys and values may now come from another sequence than the queries. The next cell puts your two
# classes side by side, without comments and docstrings. Every lab has such a cell: watch how few lines it takes from one
# famous model to the next.

# %% experiment="changed" minutes=1
course.changed(MultiHeadAttention, since=SelfAttention)

# %% [markdown]
# ### Experiment: heads that look in different directions
#
# Is averaging really a problem? Here is a task that wants two looks at once. Eight digits stand in a ring. Every
# position must name both neighbours: which digit stands before it, and which one after it. A token holds its digit and its
# position, both one-hot.
#
# We train the same layer with one head and with two. Width and number of parameters are equal.

# %% experiment="heads" minutes=3
def neighbours(rng, count, length=8):
    """Tokens `(count, length, 10 + length)`; the digits before and after each, `(count, length, 2)`."""
    digits = rng.integers(10, size=(count, length))
    places = np.broadcast_to(np.eye(length), (count, length, length))
    tokens = np.concatenate([np.eye(10)[digits], places], axis=-1).astype("float32")
    return tokens, np.stack([np.roll(digits, 1, axis=1), np.roll(digits, -1, axis=1)], axis=-1)


layers = {}
for num_heads in (1, 2):
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    layers[num_heads] = MultiHeadAttention(num_heads, 32)
    tokens = keras.Input((8, 18))
    answers = keras.layers.Dense(20)(layers[num_heads](tokens)[0])
    model = keras.Model(tokens, keras.layers.Reshape((8, 2, 10))(answers))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    model.fit(*neighbours(rng, 64 * 300), batch_size=64, verbose=0)
    tokens, right = neighbours(rng, 500)
    both = np.all(ops.convert_to_numpy(model(tokens)).argmax(axis=-1) == right, axis=-1)
    print(f"{num_heads} head(s), {model.count_params()} parameters: both neighbours right {both.mean():.2f}")

maps = [weights.mean(axis=0) for n in (1, 2) for weights in [ops.convert_to_numpy(layers[n](tokens)[1])]]
fig, axes = plots.figure(columns=3, height=3.7)
panels = (("the only head", maps[0][0]), ("head 0 of 2", maps[1][0]), ("head 1 of 2", maps[1][1]))
looks = []
for axis, (title, weights) in zip(axes, panels):
    plots.heat_map(axis, weights, range(8), range(8), title, "position looked at", "position")
    before, after = (np.mean(weights[np.arange(8), (np.arange(8) + step) % 8]) for step in (-1, 1))
    looks.append(f"{title} puts {before:.2f} of its weight on the position before and {after:.2f} on the one after")
print("\n".join(looks))
plots.show(fig, alt=f"Average attention weights of 8 positions over 8 positions: {'; '.join(looks)}.")

# %% [markdown]
# **What to see.** The single head does what it can: half its weight on each neighbour. It then holds a blend of two
# digits and cannot tell which was which. With two heads, one looks back and one looks ahead, and both answers come out.
# Nobody assigned these roles: they are what training found.
#
# Heads of large models are seldom this tidy.

# %% [markdown]
# ## 1.8 Attention against an LSTM
#
# Before 2017 the usual tool for sequences was the recurrent network, such as the LSTM. It reads one position after the
# other and keeps what it needs in a state. Table 1 of the paper compares the two, for $n$ positions of width $d$:
#
# | | work in one layer | steps one after the other | longest path between two positions |
# |---|---|---|---|
# | self-attention | $O(n^2 \cdot d)$ | $O(1)$ | $O(1)$ |
# | recurrent | $O(n \cdot d^2)$ | $O(n)$ | $O(n)$ |
#
# Let us look at these columns from right to left.
#
# ### Paths
#
# How far does news travel? In an LSTM, news from position 1 passes through every state on its way to position $n$. In
# attention every position is one step from every other. The cell below measures what arrives: it replaces one input,
# near or far, and looks at how much the *last* output changes. Both layers are fresh from their initialisation.

# %% experiment="reach" minutes=2
from course.experiments import attention as experiment

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
length, width = 200, 64
distances = [1, 2, 5, 10, 20, 50, 100, 199]
inputs = rng.normal(size=(20, length, width)).astype("float32")  # 20 sequences
lstm, attention = keras.layers.LSTM(width), MultiHeadAttention(4, width)
change = {"LSTM": [], "attention": []}
for name, last_output in (("LSTM", lstm), ("attention", lambda x: attention(x)[0][:, -1])):
    before = ops.convert_to_numpy(last_output(inputs))
    for distance in distances:
        changed = inputs.copy()
        changed[:, -1 - distance] = rng.normal(size=(20, width))
        after = ops.convert_to_numpy(last_output(changed))
        change[name].append(np.linalg.norm(after - before) / np.linalg.norm(before))
    print(f"{name:9}", "  ".join(f"{d}: {c:.0e}" for d, c in zip(distances, change[name])))

fig, (left, right) = plots.figure(columns=2, height=3.6)
experiment.draw_paths(left)
floor = 1e-8  # below this there is nothing but rounding
shown = {name: np.maximum(shares, floor) for name, shares in change.items()}
plots.curves(right, shown, distances, "What is left of a change", "distance in positions", "change of last output", "xy")
plots.show(
    fig,
    alt="Left: from position 1 to position 8 it is seven steps through an LSTM and one step by attention. Right: replacing an "
    f"input 199 positions back changes the last output of attention by a share of {change['attention'][-1]:.0e}, about as "
    "much as a near one; for the LSTM the change fades to rounding noise within a hundred positions.",
)

# %% [markdown]
# **What to see.** In the LSTM a near input counts for more than in attention, and a far one is lost in rounding. In
# attention all distances are alike. Training can teach an LSTM to hold on to things for longer, but the gradient that has
# to teach it fades along the same path.
#
# Now the recall task again, for an LSTM with more parameters than the attention model, and as many training steps. It has
# a harder job: it must keep all eight pairs in its state *before* it hears the question. Attention can go back and
# look.

# %% experiment="recall_lstm" minutes=1
lstm = keras.layers.LSTM(64)
lstm_model, lstm_accuracy = learn_recall(lstm, rounds=16)
tokens, answers = recall_sequences(np.random.default_rng(4), 1000)
counts = tokens[:, :-1, 26:].sum(axis=1)  # (sequence, digit)
commonest = np.mean(counts.argmax(axis=-1) == answers)
print(f"LSTM: {lstm_accuracy[-1]:.2f} after {steps[-1]} steps, with {lstm.count_params()} parameters in the layer")
print(f"always naming the commonest digit of the sequence: {commonest:.2f}")

fig, axis = plots.figure()
curves = {"attention": attention_accuracy, "LSTM": lstm_accuracy}
plots.curves(axis, curves, steps, "Associative recall", "training steps", "accuracy on new sequences")
axis.axhline(commonest, color="#555555", linestyle=":")
axis.text(steps[-1], commonest + 0.02, "naming the commonest digit", ha="right", color="#555555")
axis.set_ylim(0, 1.05)
plots.show(
    fig,
    alt=f"After {steps[-1]} training steps attention answers {attention_accuracy[-1]:.2f} of the questions rightly, "
    f"the LSTM {lstm_accuracy[-1]:.2f}; always naming the commonest digit would give {commonest:.2f}.",
)

# %% [markdown]
# **What to see.** In this time the LSTM learns to name a digit that came often, and little more. It has not begun to match
# letters. It can: in our hands an LSTM of width 128 passed 0.95, after about 3,000 steps. The point is how much harder it
# is.
#
# ### Time: one after the other, or all at once
#
# An LSTM cannot start on position 5 before it has finished position 4, however many processors there are. Attention is a
# few large matrix products, in which all positions go at once. But those products grow with $n^2$. Which of the two
# wins? The next cell measures one training step of each (forward and backward), for two widths $d$. Take the
# numbers for what they are: the time on *your* machine, the fastest of four.

# %% experiment="time" minutes=2
import time


def milliseconds(function, repeats=4):
    """The fastest of several runs; noise only ever makes a run slower."""
    function()  # the first run is slow: Keras prepares
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def step_time(read, length, width, batch=4):
    inputs = keras.Input((length, width))
    model = keras.Model(inputs, keras.layers.Dense(1)(read(inputs)))
    model.compile("sgd", "mse", jit_compile=False)
    data = np.random.default_rng(1).normal(size=(batch, length, width)).astype("float32")
    return milliseconds(lambda: model.train_on_batch(data, data[..., :1]))


lengths = [32, 64, 128, 256, 512, 1024]
ratios = []
fig, axes = plots.figure(columns=2, height=3.4)
for axis, width in zip(axes, (64, 256)):
    spent = {"LSTM": [], "attention": []}
    for length in lengths:
        lstm, attention = keras.layers.LSTM(width, return_sequences=True), MultiHeadAttention(4, width)
        spent["LSTM"].append(step_time(lstm, length, width))
        spent["attention"].append(step_time(lambda inputs: attention(inputs)[0], length, width))
    for name, values in spent.items():
        print(f"width {width:3}  {name:9}", "  ".join(f"{n}: {t:.0f} ms" for n, t in zip(lengths, values)))
    ratios += [spent["LSTM"][0] / spent["attention"][0], spent["LSTM"][-1] / spent["attention"][-1]]
    plots.curves(axis, spent, lengths, f"Width {width}", "sequence length", "ms for one training step", "xy")
plots.show(
    fig,
    alt="Time of a training step over the sequence length, on logarithmic axes. At width 64 the LSTM takes {:.1f} times as "
    "long as attention at length 32 and {:.1f} times as long at length 1024; at width 256 it is {:.1f} and {:.1f} "
    "times.".format(*ratios),
)

# %% [markdown]
# **What to see.** Twice the length is twice as many steps for the LSTM, and its time grows about in proportion. Attention
# starts below it and bends upwards: at the long end, $n^2$ takes over. On two CPU cores we saw the lines meet or cross
# for the narrow layers at the longest sequences, and for the wide ones a wide gap that closes towards the end. That fits the table above: attention does
# less work as long as $n$ is smaller than $d$. The paper adds that this is mostly so for the sentences of translation.
#
# A laptop has few processors, so it shows only a part of what "all at once" is worth. A machine with thousands of
# arithmetic units can use them for attention and cannot for an LSTM. We did not measure that here.
#
# ### What it costs
#
# The weights are $n \times n$ numbers for every head. Twice the length, four times the memory, and sooner or later four times
# the time. The next cell times your `scaled_dot_product_attention` and counts the memory of the weights of *one* sequence
# and *one* layer with 8 heads, in 32-bit numbers.

# %% experiment="cost" minutes=1
rng = np.random.default_rng(1)
lengths = [128, 256, 512, 1024, 2048]
times = []
for length in lengths:
    tensor = ops.convert_to_tensor(rng.normal(size=(1, 4, length, 16)).astype("float32"))
    times.append(milliseconds(lambda: ops.convert_to_numpy(scaled_dot_product_attention(tensor, tensor, tensor)[0])))
for length in (*lengths, 8192, 32768):
    measured = f"{times[lengths.index(length)]:7.1f} ms" if length in lengths else "not timed"
    print(f"length {length:6}   weights of 8 heads {8 * length**2 * 4 / 2**20:9.1f} MiB   time with 4 heads {measured}")
print(f"time at {lengths[-1]} over time at {lengths[-2]}: {times[-1] / times[-2]:.1f}")

fig, (left, right) = plots.figure(columns=2)
memory = {"weights of 8 heads": [8 * n**2 * 4 / 2**20 for n in lengths]}
plots.curves(left, {"measured": times}, lengths, "Time", "sequence length", "ms, forward only, 4 heads", "xy")
plots.curves(right, memory, lengths, "Memory of the weights", "sequence length", "MiB", "xy")
plots.show(
    fig,
    alt=f"Time and memory of attention over the sequence length, on logarithmic axes. Time grows from "
    f"{times[0]:.0f} ms at length {lengths[0]} to {times[-1]:.0f} ms at {lengths[-1]}; memory fourfold with every doubling.",
)

# %% [markdown]
# **What to see.** With each doubling of the length the weights take four times the memory. The time grows more slowly at
# first, and about as fast at the end. At length 32,768 the weights of one layer alone would fill 32 GiB. This is why long
# texts are dear, and why FlashAttention (below) never stores the weights.

# %% [markdown] question="long_stream" points=2 minutes=5
# **Question 3.** A small device reads a sensor once a second, for months, and must say after each reading whether
# something is wrong. Would you use self-attention over everything read so far, an LSTM, or something in between? Give
# reasons with all three columns of the table above, and with at least one of your own measurements.

# %% [markdown]
# ## What you built
#
# You wrote a stable softmax, scaled dot-product attention, two masks, a self-attention layer, and multi-head attention for
# one sequence or two. There is no piece of attention left that you have not written yourself. With
# `MultiHeadAttention(8, 512, use_bias=False)` you have an attention layer of the paper's *base* model, in its published
# size: four matrices of 512 by 512, which makes 1,048,576 weights.
#
# **The paper's claims, and ours.**
#
# | claim (Vaswani et al. 2017) | in the paper | in this lab |
# |---|---|---|
# | unscaled dot products grow with $d_k$ and starve the gradient (3.2.1) | a suspicion, with a short calculation | measured: the variance is $d_k$, the gradient shrinks; with scaling neither happens |
# | a single head averages where several could tell apart (3.2.2) | 1 head 24.9 BLEU, 4 heads 25.5, 8 heads (the base model) 25.8, 16 heads 25.8, 32 heads 25.4 (Table 3) | a task made for it, which one head cannot do and two can |
# | any two positions are one step apart (Table 1) | counted | measured: a change far back arrives undiminished |
# | the work grows with $n^2 \cdot d$ instead of $n \cdot d^2$ (Table 1) | counted | measured: attention is ahead on short sequences and loses its lead on long ones |
#
# BLEU scores translations, here from English to German on the development set newstest2013; higher is better. Notice how
# small the differences between the heads are, and that 32 narrow heads are worse than 8. Our toy says *that* several
# heads can do what one cannot. It does not say how many you need. Our times come from a laptop's processor and small
# layers: trust the shapes of the curves more than their heights.
#
# **Next.** In Lab 2, attention gets a sense of order, plain layers around it, and a translation task. You can bring your own
# `MultiHeadAttention` along.
#
# **Read on.**
#
# * Vaswani et al. 2017, [Attention Is All You Need](https://arxiv.org/abs/1706.03762), sections 3.2 and 4: this lab, in four
#   pages.
# * Bahdanau et al. 2014, [Neural Machine Translation by Jointly Learning to Align and Translate](https://arxiv.org/abs/1409.0473):
#   where attention came from, beside a recurrent network.
# * Olsson et al. 2022, [In-context Learning and Induction Heads](https://arxiv.org/abs/2209.11895): Question 2, found inside real
#   language models.
# * Michel et al. 2019, [Are Sixteen Heads Really Better than One?](https://arxiv.org/abs/1905.10650): what happens when
#   heads are removed from a trained model.
# * Dao et al. 2022, [FlashAttention](https://arxiv.org/abs/2205.14135): exact attention without ever storing the
#   $n \times n$ weights.

# %% [markdown]
# ## Check yourself
#
# A few questions for yourself: unfold the option that you think is right. Nothing of it is counted, and nothing is kept.

# %% experiment="quiz" minutes=3
course.quiz("attention")

# %% [markdown]
# And this is how far you are, in this lab and in all of them.

# %% experiment="status" minutes=1
course.status("attention")
