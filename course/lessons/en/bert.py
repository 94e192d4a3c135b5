# %% [markdown] lab=3 title="BERT" minutes=180 seconds=720 builds="packing, 15 % masking, sentence pairs, embeddings, the encoder, the tied head, the loss, warm-up and decay, fine-tuning, sentence vectors; GPT and ELMo beside it"
# # Lab 3: BERT, beside GPT and ELMo
#
# Take a text, hide some of its words, and let a model guess them from what stands to the left *and* to the right. Nobody has
# to label anything: any text will do. Do that long enough, and the model has learned something about language that helps
# with nearly every other task. That is BERT, of Devlin et al. (2019).
#
# You build all of it: the way texts are packed and hidden, the model, both of its tasks, and the fine-tuning afterwards. It learns
# from real English that is on your disk already: the documentation inside the Python packages you have installed. A BERT that has
# read your site-packages. At the end, real published weights run through *your* layers.
#
# **When you are done, you can**
#
# * turn text into what BERT reads, with segments, masks and pairs, and say why 15 %, and why 80/10/10;
# * build BERT from your earlier layers, with every detail that decides whether published weights fit;
# * pre-train it, see how long it looks like failure, and fine-tune it with few labels;
# * compare three ways to read, masked (BERT), causal (GPT) and two one-way readers (ELMo), and say honestly where pre-training
#   pays at your scale and where it does not.
#
# **What carries over.** Attention from Lab 1 and the residual connections of Lab 2, which you can bring along. In Lab 4 the
# `[CLS]` comes back for pictures, and in Labs 5 and 6 the hiding does.
#
# **Time.** About three hours: two for eleven exercises, the rest for experiments and three questions. One experiment trains for
# about four minutes; if you do not want to wait, small trained weights come with the course.
#
# **How it works.** As in Lab 1: replace `raise NotImplementedError()` with your code, run the cell, and then the check below it.
# `course.hint("pack")` gives a hint, and another one when you call it again.

# %%
import course  # first, so that TensorFlow starts without a page of messages
import math

import keras
import numpy as np
from course import plots
from course.models.composite import Composite
from keras import ops

# %% [markdown]
# The next cell brings your own layers from Labs 1 and 2. Where something is missing or fails its checks, you get the course's.

# %%
MultiHeadAttention, causal_mask, padding_mask, AddAndNorm = course.carry(
    "MultiHeadAttention", "causal_mask", "padding_mask", "AddAndNorm"
)

# %% [markdown]
# ## The idea in one picture
#
# Here is the idea, beside two that came first. Each row stands for one place in a sentence, and colour says which words the model
# may use there. GPT knows what came before. ELMo reads twice, forwards and backwards. BERT knows everything at once, and
# therefore a word has to be hidden from it. In 3.11 you let all three compete.

# %% experiment="idea" minutes=1
from course.experiments import reading

fig = reading.draw_readers("the cat sat on the mat".split())
plots.show(
    fig,
    alt="Three grids: which words each place may use. ELMo: two triangles, one for each direction. GPT: the lower "
    "triangle. BERT: everything, but one word is hidden from all.",
)

# %% [markdown]
# ## 3.1 Pieces of words
#
# A vocabulary of whole words never ends: there is always one more. So BERT reads **WordPieces**: frequent words stay whole, rare
# ones fall into pieces, and a piece that goes on a word has `##` in front. Letters are pieces too, so hardly anything is unknown.
# The number of a piece in the vocabulary is what the model reads: a token, as in Lab 2.
#
# The first five pieces are special:

# %% given="PAD, UNKNOWN, CLS, SEP, MASK"

# %% experiment="pieces" minutes=2
from course.experiments import bert as experiment
from course.experiments import measuring, reading, training

documents, labels = experiment.read_corpus(course.choose(laptop="train", gpu="train", smoke="train[:2000]"))
test_documents, test_labels = experiment.read_corpus(course.choose(laptop="test", gpu="test", smoke="test[:1000]"))
pieces = experiment.vocabulary()
print(f"{len(documents):,} docstrings, {sum(map(len, documents)):,} sentences, {len(pieces):,} pieces")
for text in (documents[7][0], "The transformer untransforms eigenvalues."):
    print(" ".join(pieces.cut(text)))

# %% [markdown]
# What you read is real: sentences of the docstrings of eight libraries, NumPy, TensorFlow, the standard library and others.
# Tables, code and markup were left out. Numbers in this lab move a little with the versions of your packages, because
# the text does. (The vocabulary comes with the course, since the trained weights know it. `WordPiece.train` made it in three
# seconds: begin with letters, join the most frequent pair of neighbours, and again, until there are 3,000 pieces.)
#
# ## 3.2 Packing
#
# BERT reads one segment, or two at once: a question and a passage, or two sentences. They are put into one row:
#
# ```
# tokens     [CLS]  my   dog  barks  [SEP]  it   is   loud  [SEP]  [PAD]  [PAD]
# segments     0     0    0     0      0     1    1    1      1      0      0
# ```
#
# (A *place* is a position in the row.) `[CLS]` stands for the whole: at its place the model will put what it thinks of the row. `[SEP]` ends each segment, also when
# there is only one.
#
# **Goal.** Two lists of token numbers in, one row of tokens and one of segments out, both exactly `max_length` long.
#
# **Too long?** As long as the row does not fit, the longer segment loses its last token. If both are equally long, the second does.
# So a short question stays whole beside a long passage.
#
# **Example.** First `7 8 9`, second `5 6`, and room for 10: tokens `2 7 8 9 3 5 6 3 0 0`, segments `0 0 0 0 0 1 1 1 0 0`.

# %% exercise="pack" points=3 minutes=12 difficulty=2
# hint: How many tokens may both segments have together? `max_length`, less one `cls` and one `sep` for each segment. Cut copies of the lists first: `list(first)`.
# hint: `while len(first) + len(second) > room:` and in it `.pop()` on the longer of the two. With a single segment there is only one to cut.
# hint: The row is `[cls, *first, sep]`, and `[*second, sep]` if there is a second. The segments are as many zeros and ones. Fill both up with zeros, and make int32 arrays of them.

# %% [markdown]
# ## 3.3 Hide and guess
#
# GPT guesses the next word, so it may only look back. BERT wants to look both ways. But a model that sees the whole text sees the
# answer, too. The way out: hide some tokens, and guess those.
#
# **How many?** 15 % of the tokens. Fewer, and each row teaches little; more, and too little is left to guess from.
#
# **How hidden?** There is no `[MASK]` in real text. A model that has seen holes only would be at a loss later. So of the chosen
# tokens 80 % become `[MASK]`, 10 % become a random token, and 10 % stay as they are. All of them are to be guessed, so the model
# can never be sure that what it reads is true.
#
# **Goal.** Choose the tokens, and change them. Chance comes in as noise, so that the same noise gives the same result.
#
# * In each row exactly `round(share * length)` tokens are chosen, at least one; `length` counts all tokens that are not `PAD`.
#   (`ops.round` wants a float, so cast the length first.)
# * `PAD`, `CLS` and `SEP` are never chosen. Of the others, those with the smallest `choice_noise` are.
# * At a chosen place, `kind_noise` decides: below 0.8 `MASK`, from 0.8 and below 0.9 the token in `random_tokens`, from 0.9 no change.
#
# **Example.** 10 real tokens and a share of 0.15 make two chosen ones; 8 make one:
#
# ```
# tokens          CLS   41   42   43   44   45   46  SEP  PAD
# choice_noise    .05  .70  .31  .90  .12  .55  .60  .02  .01      8 real tokens: 0.15 * 8 = 1.2, one is due
# chosen                                 x                         .01, .02 and .05 belong to special tokens
# ```

# %% exercise="mask_tokens" points=4 minutes=20 difficulty=3
# hint: First two masks: which tokens are real, `tokens != PAD`, and which may be chosen. From the first comes the number for each row, `(batch, 1)`; it needs `keepdims=True`.
# hint: Who are the smallest? `ops.argsort` of `ops.argsort` turns noise into ranks: 0 for the smallest. Give noise of 2.0 to those that may not be chosen. Chosen is whose rank is below the number.
# hint: Then `ops.where` three times: below 0.9 the random token, else the token itself; below 0.8 `MASK`, else that; and all this only where chosen.

# %% experiment="masking" minutes=1
rows = experiment.single_rows([document[0] for document in documents[:2000]], pieces, pack)[0]
rng = np.random.default_rng(1)
noise = rng.random((2, *rows.shape), dtype="float32")
shown, chosen = (ops.convert_to_numpy(each) for each in mask_tokens(rows, *noise, rng.integers(len(pieces), size=rows.shape, dtype="int32")))
real = rows != PAD
print(f"{chosen.sum() / real.sum():.1%} of the real tokens are chosen")
for name, part in (("hidden", shown == MASK), ("kept", shown == rows), ("random", (shown != MASK) & (shown != rows))):
    print(f"{part[chosen].mean():6.1%} {name}")
number = int(np.argmax(chosen.sum(axis=-1)))
print(pieces.decode(rows[number]))
print(pieces.decode(shown[number]))

# %% [markdown]
# **What to see.** The shares are what they should be, up to chance. The last two lines are one text before and after. Where
# `[MASK]` stands, a piece is hidden. A word that makes no sense there is a random one, and a chosen piece that was kept does not
# show at all.

# %% [markdown]
# ## 3.4 Does it follow?
#
# Some tasks are about two sentences: does one answer the other, contradict it, say the same? So BERT has a second task. Half of
# the time the second segment really follows the first; else it comes from somewhere else. Which is it?
#
# **Goal.** A pair of segments, and 1 if the second really follows, else 0.
#
# * If the first noise is below 0.5 *and* the document goes on, the second segment is the next one.
# * Else it is a random one of *another* document. Count the others in their order, without your own: the second noise picks the
#   document, the third the segment in it.
#
# **A trap.** A random segment of the same document might be the very one that follows, with a 0 on it.
#
# **Example.** Three documents, your segment is the first of document 1. Noise `.6 .6 .55`: a random one. The others are documents 0
# and 2, and `int(.6 * 2)` is 1, so document 2. It has four segments, and `int(.55 * 4)` is 2, so its third.
#
# (The authors' code writes the labels the other way round: 0 for a true pair.)

# %% exercise="sentence_pair" points=2 minutes=10 difficulty=2
# hint: Two ways out. The first: `noise[0] < 0.5`, and there is something at `place + 1`.
# hint: There are `len(documents) - 1` others. A number among them that is not below `document` has to be moved up by one, to step over your own.

# %% [markdown]
# ## 3.5 Embeddings
#
# **Goal.** What is it, where is it, which segment is it in? Each answer is a learned vector. Add up the three, normalize, drop.
#
# $$x_i = \operatorname{Dropout}(\operatorname{LN}(E_{\text{token}}[t_i] + E_{\text{segment}}[s_i] + E_{\text{position}}[i]))$$
#
# **Shapes.** Tokens and segments `(batch, length)` become `(batch, length, hidden_dim)`. The positions are the same for all rows:
# 0, 1, 2 and so on, so `(length, hidden_dim)` is enough for them.
#
# **Details that differ from Lab 2.** Positions are learned and not waves. Nothing is multiplied by $\sqrt d$. There is a layer
# normalization right here, over the sum of the three, and its epsilon is $10^{-12}$: practically none. Keras' default of $10^{-3}$ would be as large as
# the variance of the embeddings themselves, which begin with a spread of 0.02. That is what `small()`, below, is for: give it to
# each table as its initializer.

# %% given="small"

# %% exercise="BertEmbedding" points=3 minutes=12 difficulty=1
# hint: Three `keras.layers.Embedding(how many, hidden_dim, small())`: for tokens, positions and segments. They are called with whole numbers.
# hint: `self.position_embedding(ops.arange(tokens.shape[1]))` has no batch axis, and broadcasts.
# hint: Add all three, then `self.normalization`, a `LayerNormalization(epsilon=1e-12)`, and `self.dropout` last.

# %% [markdown]
# ## 3.6 The layer
#
# **Goal.** The encoder layer of Lab 2, from your own parts, with two changes.
#
# * Between the dense layers stands a **GELU**, $x \cdot \Phi(x)$, where $\Phi(x)$ is the share of a normal distribution below $x$: a
#   ReLU with a soft corner. It makes 0.84 of 1, and -0.16 of -1.
# * The epsilon. Your `AddAndNorm` has $10^{-6}$ inside. Set `normalization.epsilon` of both to the argument.
#
# It is post-LN, like the first Transformer: what `AddAndNorm` does if you do not say otherwise.
#
# **Shapes.** `(batch, length, hidden_dim)` in and out, `intermediate_dim` wide between the dense layers.
#
# **Which GELU?** There are two: the exact one, and the authors' $\frac{x}{2}\left(1 + \tanh\left(\sqrt{2/\pi}\,(x + 0.0447\,x^3)\right)\right)$, which was
# quicker in 2018. KerasHub's BERT has the tanh form too, most other code the exact one. They differ by less than 0.001, and your layer can do
# both: `keras.activations.gelu(x, approximate=...)`.
#
# One thing we leave out: BERT also drops attention *weights* in training. Your attention of Lab 1 does not.

# %% exercise="BertLayer" points=3 minutes=12 difficulty=2
# hint: Five sub-layers: one attention, two dense layers, two `AddAndNorm(dropout)`. After that, `residual.normalization.epsilon = epsilon` for both.
# hint: In `call`, two small functions of `x`: one that attends, with `[0]` for the output and with the mask, and one that thinks: `intermediate_dense`, GELU, `output_dense`.
# hint: `self.attention_residual(inputs, sublayer=look)`, and the second residual reads what the first gave.

# %% [markdown]
# ### What changed since the Transformer
#
# GELU for ReLU, the two dense layers written out, and an epsilon. That is all. BERT is the encoder of 2017: what is new is what
# it is trained to do.

# %% experiment="changed" minutes=1
course.changed(BertLayer, since="EncoderLayer")

# %% [markdown]
# ## 3.7 The model
#
# **Goal.** Embed, run through all blocks, and return two things: the **states**, one vector for each place as the last block
# leaves it, and what the **pooler** makes of the first of them. The pooler is a dense layer with a tanh that reads `[CLS]` and
# nothing else.
#
# **Shapes.** Tokens and segments `(batch, length)`; states `(batch, length, hidden_dim)`; pooled `(batch, hidden_dim)`.
#
# **The mask.** All may look at all, except that nobody looks at padding: `True` where a token is not `PAD`, `(batch, 1, 1, length)`.
# Your `padding_mask` of Lab 1 makes it from lengths; a comparison makes it from the tokens.

# %% exercise="Bert" points=4 minutes=15 difficulty=2
# hint: `tokens, segments = inputs`. The mask is `(tokens != PAD)` with two new axes in the middle: for the heads, and for the queries.
# hint: A loop over `self.blocks`: `x = block(x, attention_mask=...)`. At the end `return x, self.pooler_dense(x[:, 0])`.

# %% [markdown]
# ## 3.8 What stood there?
#
# ### The head
#
# (Not a head of attention: a **head** is also the small part on top of a model that makes its answer.)
#
# **Goal.** A score for every token of the vocabulary, at each place that is to be guessed.
#
# $$\text{logits} = \operatorname{LN}(\operatorname{GELU}(h W + b)) \; E^\top + c$$
#
# **Tied weights.** $E$ is no new matrix. It is that of the token embeddings, turned over: a token is likely where the state looks like
# its embedding. That saves 23 million weights in BERT base. Only the bias $c$, one number for each token, is new.
#
# **Shapes.** States `(batch, places, hidden_dim)` and embeddings `(vocabulary_size, hidden_dim)` give `(batch, places,
# vocabulary_size)`.

# %% exercise="MaskedLanguageHead" points=3 minutes=12 difficulty=2
# hint: Two sub-layers: `transform_dense`, as wide as the model, and `normalization` with epsilon=1e-12. The bias is there already.
# hint: `keras.activations.gelu(..., approximate=self.approximate)` after the dense layer, then the normalization, then `ops.matmul(x, ops.transpose(embeddings)) + self.bias`.

# %% [markdown]
# ### The loss
#
# **Goal.** Count chosen places only: at all others the answer stands in the input. One mean over all chosen places of the
# batch. If there are none, the loss is 0.
#
# **Example.** Losses `1 2 3 4` at four places, the first and third chosen: $(1 + 3) / 2 = 2$.

# %% exercise="masked_language_loss" points=2 minutes=8 difficulty=1
# hint: `ops.log_softmax` of the logits, and of it the entry of the true token: `ops.take_along_axis(..., labels[..., None], axis=-1)[..., 0]`.
# hint: Cast `chosen` to "float32": 1 where it counts. The sum of losses times it, divided by the sum of it. `ops.maximum(count, 1.0)` guards against none.

# %% [markdown]
# Here are both tasks on one model. `places` says where to guess, so that the large product with the vocabulary is computed
# there only.

# %% given="BertPretraining"

# %% [markdown]
# A few names from the paper's tables, before you meet them. **MNLI**: does one sentence follow from another, contradict it, or
# neither? **QNLI**: does this sentence answer that question? **GLUE**: the mean of eight such tasks. All of these in percent,
# mostly of right answers. **SQuAD**: find the answer to a question in a passage, in percent **F1**, which gives part of the
# credit when part of the words is right. A model is *frozen* when its weights are no longer trained.

# %% [markdown] question="eighty_ten_ten" points=2 minutes=6
# **Question 1.** In the paper's ablation (table 8), replacing *every* chosen token by `[MASK]` is as good as 80/10/10 when the model is
# fine-tuned afterwards (MNLI 84.3 against 84.2), but worse when its states are used as they are, frozen, for finding names (94.0
# against 94.9). Why would frozen states suffer, and why does fine-tuning hardly care? And what would happen if *no* chosen token were
# changed at all?

# %% [markdown]
# ## 3.9 Pre-training
#
# ### The learning rate
#
# **Goal.** Up in a straight line until `warmup_steps`, then down in another to 0 at `total_steps`. After that, 0.
#
# **Example.** A peak of 0.3, 20 steps of warm-up, 100 in all: step 10 has 0.15, step 20 has 0.3, step 60 has 0.15, step 100 has 0.

# %% exercise="linear_warmup_decay" points=2 minutes=7 difficulty=1
# hint: Two lines: `step / warmup_steps` rises to 1, and `(total_steps - step) / (total_steps - warmup_steps)` falls from 1. At each step the smaller counts.
# hint: `ops.minimum` of the two, `ops.maximum` with 0, times `peak`. Cast the step to "float32" first.

# %% given="LinearSchedule, make_optimizer, spread_weights"

# %% [markdown]
# ### It reads
#
# Two layers of width 128 are 0.8 million weights; BERT base has 110 million, and read 3,300 million words. Ours reads some
# 750,000, a few times. How good is a loss of 3.5 nats? For comparison: a model without a network, one table of how frequent each piece is.
#
# Watch the curve. For the first few hundred steps the model learns little but that table. Then it discovers that
# neighbours matter, and the loss goes down, slowly and steadily. Under some 2,000 steps, fill-in-the-blank looks as if your code
# were wrong. It is not. It is impatience.
#
# Set `train_yourself` to `False` if you do not want to wait.

# %% experiment="pretraining" minutes=6
train_yourself = True
steps = course.choose(laptop=2_400, gpu=20_000, smoke=8)
sizes = {"num_layers": 2, "num_heads": 4, "hidden_dim": 128, "intermediate_dim": 512, "max_length": experiment.LENGTH}


def new_bert(seed=1, **options):
    """A model for pre-training that was called once, so it has its weights."""
    keras.utils.set_random_seed(seed)
    model = BertPretraining(Bert(len(pieces), **(sizes | {"dropout": 0.0} | options)))
    nothing = np.zeros((1, experiment.LENGTH), "int32")
    model((nothing, nothing, nothing[:, :1]))
    spread_weights(model, 0.1, seed)
    return model


def rows_to_learn(documents, count, seed):
    """Rows with hidden tokens: what the model reads and what it is to say."""
    tokens, segments, is_next = experiment.pair_rows(documents, sentence_pair, pack, count, seed=seed)
    inputs, places, answers = experiment.hidden_rows(tokens, mask_tokens, len(pieces), seed)
    return inputs, segments, places, answers, is_next


corpus, test_corpus = experiment.encoded(documents, pieces), experiment.encoded(test_documents, pieces)
held_out = rows_to_learn(test_corpus, course.choose(laptop=384, gpu=2_000, smoke=32), seed=2)
everything = np.concatenate([sentence for document in corpus for sentence in document])
table_nats, table_accuracy = experiment.unigram_nats(everything, held_out[3], len(pieces))
print(f"{table_nats:.2f} nats   one table for all places, right in {table_accuracy:.1%}")

if train_yourself:
    mine = new_bert()
    run = experiment.pretrain(mine, make_optimizer(1.5e-3, steps), masked_language_loss, rows_to_learn(corpus, 32 * steps, seed=1), held_out)
    print(f"{run.seconds:.0f} s of training")
    fig, axis = plots.figure(height=3)
    plots.curves(axis, {"BERT": run.losses, "one table": [table_nats] * len(run.losses)}, run.steps, "Loss on held-out rows", "steps", "nats a token")
    plots.show(fig, alt=f"The loss of BERT stays near that of the table, {table_nats:.1f} nats, for a while, and then falls to {run.losses[-1]:.1f}.")

reader = new_bert()
facts = course.checkpoint(reader, "bert_docstrings")
print(facts["about"])

# %% [markdown]
# **What to see.** For some 200 steps next to nothing happens: the loss hangs a little below that of the table. From then on it falls steadily. In
# a run of these 2,400 steps, four minutes on a busy computer, we got from 6.3 nats, the table's, to 5.7 after 1,000 steps, 4.9 after 2,000 and 4.8 at the end. Nothing was
# finished then. The model that you load had 8,000 steps, twelve minutes on one core: 4.5 after 2,400, 4.2 after 3,600, 3.7 after 5,600
# and 3.5 at the end. (Its learning rate falls more slowly, so it was ahead at the same step, too.)
#
# One thing is unlike the paper, which lets both tasks count alike. For so small a model and so few steps that was a hindrance: our loss
# was about 0.2 nats behind after 800 steps. So here the second task counts a tenth. That is one run on a small scale, and no argument
# about BERT: in the paper the second task is worth half a point on MNLI (84.4 against 83.9), and 3.5 on QNLI (88.4 against 84.9).
#
# From here on `reader`, the model with more training, does the work. To go on with your own, say `reader = mine`.

# %% experiment="both_tasks" minutes=1
logits, follows = measuring.in_parts(reader, held_out[:3])
asked = held_out[3] >= 0
reader_nats = float(masked_language_loss(ops.maximum(held_out[3], 0), logits, asked))
print(f"hidden tokens: {reader_nats:.2f} nats, right in {np.mean((logits.argmax(axis=-1) == held_out[3])[asked]):.1%}; one table {table_nats:.2f} nats, {table_accuracy:.1%}")
print(f"does it follow: right in {np.mean(follows.argmax(axis=-1) == held_out[4]):.1%} of the pairs; always saying yes {np.mean(held_out[4]):.1%}")

# %% [markdown]
# **What to see.** Two figures in each line: the model's, and what needs no model. The distance between them is what was learned.

# %% [markdown]
# ### Fill in the blank

# %% experiment="fill_in" minutes=1
for text in (
    "Return the [MASK] of the array.",
    "This function is deprecated and will be [MASK] in a future version.",
    "If True, the [MASK] is copied.",
    "The number of [MASK] to use.",
    "Raises an error [MASK] the file does not exist.",
    "These values [MASK] not used.",
    "This value [MASK] not used.",
):
    print(text, "  ", *(f"{piece} {share:.0%}" for piece, share in reading.fill_in(reader, text, pieces, pack)))

# %% [markdown]
# **What to see.** Grammar comes out well. *These values* wants *are*, *this value* wants *is*, and an error is raised *if*: it is sure of all
# three, and rightly. For content it offers words of the right kind: one returns the *shape* of an array, or the array, or an index. Which
# of them is meant it cannot know, and it gives its percentages accordingly. And the blank that you probably filled at once, *removed*, it does not
# find, though that piece is in its vocabulary: what hangs on a whole sentence comes last. It has read the world of docstrings, and nothing else.
#
# And with a yardstick: hide one word of a held-out sentence where two words compete, and see which of them the model finds likelier.
# Half right is what a coin would get, for both words count equally here.

# %% experiment="cloze" minutes=1
test_texts = [sentence for document in test_documents for sentence in document]
untrained = new_bert(seed=5)
for pair in (("is", "are"), ("has", "have"), ("to", "of"), ("a", "an"), ("if", "when"), ("before", "after")):
    right, count = reading.cloze(reader, test_texts, pair, pieces, pack, most=course.choose(laptop=150, gpu=500, smoke=10))
    blind, _ = reading.cloze(untrained, test_texts, pair, pieces, pack, most=course.choose(laptop=50, gpu=100, smoke=4))
    print(f"{'/'.join(pair):14} {right:.2f}   untrained {blind:.2f}   ({count} sentences)")

# %% [markdown]
# **What to see.** Ours got .89 for *to* or *of*, .87 for *has* or *have*, .84 for *is* or *are*, and .83 for *a* or *an*, where the first letter of
# the next piece decides. *If* or *when* (.69) and *before* or *after* (.61) are harder: often both would do. An untrained model is at a
# half, give or take. And patience pays: after 3,000 steps *has/have* stood at .73 already, but *is/are* at .54 and *a/an* at .50. One after
# the other, such rules are discovered.
#
# ## 3.10 Fine-tuning
#
# **Goal.** Now use it. Take the pre-trained model, put one new dense layer on what the pooler gives, and train *everything* on the
# task, for a short time and gently.
#
# **Shapes.** `(tokens, segments)` in, logits `(batch, num_classes)` out.

# %% exercise="BertClassifier" points=2 minutes=8 difficulty=1
# hint: `self.bert(inputs)` gives `(states, pooled)`. Which of them does the class come from?
# hint: `self.class_dense(self.dropout(pooled))`: the dropout comes before the dense layer, and there is no activation.

# %% [markdown]
# The task: which library does a sentence come from? There are eight. Three contestants, with 100 and with 500 labelled sentences:
#
# * your BERT **from scratch**, which has never read anything;
# * your BERT, **pre-trained**;
# * **TF-IDF with logistic regression**: count words, weigh rare ones more, draw straight lines. No network, a second of work.

# %% experiment="few_labels" minutes=3
from course.results import chart

libraries = ["keras", "matplotlib", "numpy", "pandas", "python", "scikit-learn", "scipy", "tensorflow"]


def labelled(documents, labels, count, seed=1):
    """The first sentence of some documents, drawn by chance: `(texts, rows, labels)`."""
    drawn = np.random.default_rng(seed).permutation(len(documents))[:count]
    texts = [documents[number][0] for number in drawn]
    return texts, experiment.single_rows(texts, pieces, pack), labels[drawn]


test = labelled(test_documents, test_labels, course.choose(laptop=1_500, gpu=3_000, smoke=60))
tune_steps = course.choose(laptop=200, gpu=600, smoke=8)


def copy_of(model):
    """A second `BertPretraining` with the same weights, so that each fine-tuning begins at the same place."""
    twin = new_bert()
    training.copy_weights(model, twin)
    return twin


def tuned(classifier, train, seed=1):
    """Accuracy on new sentences after fine-tuning on `train`."""
    keras.utils.set_random_seed(seed)
    experiment.fine_tune(classifier, make_optimizer(5e-4, tune_steps), train[1], train[2], tune_steps, seed=seed)
    return measuring.accuracy(classifier, test[1], test[2])


for count in course.choose(laptop=(100, 500), gpu=(100, 500, 2_000), smoke=(16,)):
    train = labelled(documents, labels, count)
    right = {
        "from scratch": tuned(BertClassifier(new_bert(seed=3).bert, len(libraries)), train),
        "pre-trained": tuned(BertClassifier(copy_of(reader).bert, len(libraries)), train),
        "TF-IDF": reading.tf_idf(train, test),
    }
    chart.compare(right, ("pre-trained", "from scratch"), len(test[2]), title=f"Which library? {count} labels")
print(f"always the most frequent library: {np.bincount(test[2]).max() / len(test[2]):.3f}")

# %% [markdown]
# **What to see.** Pre-training pays. Means of three seeds, each with labels of its own; always saying TensorFlow gives .37:
#
# | labels | from scratch | pre-trained | TF-IDF |
# |---|---|---|---|
# | 100 | .32 | .42 | .40 |
# | 500 | .39 | .50 | .49 |
# | 2,000 | .42 | .55 | **.61** |
#
# The pre-trained network is ten points ahead of the same network from scratch, and more with more labels. But look at the last column. TF-IDF,
# without a network and in a second, is level with it, and with 2,000 labels it wins. Libraries have tell-tale words, and counting them is
# hard to beat. (All networks had 200 steps. The cell above draws once, so differences of two points mean nothing in your figures.)
#
# With less pre-training it does not pay at all: after 3,000 steps our model got .26 and .37 with 100 and 500 labels.
#
# That is a lesson of its own. Measure the simple baseline first; and pre-training is a matter of scale. In 3.12 you meet weights
# that had it.

# %% [markdown] question="tf_idf" points=2 minutes=6
# **Question 2.** TF-IDF knows nothing about order or meaning, and still it is hard to beat here. Why is it so strong on *this* task? Name a
# task with the same sentences where it must fail and BERT need not, and say what the pre-trained model would have to know for it.

# %% [markdown]
# ## 3.11 Three ways to read
#
# Before BERT there were two answers to the question how a model should read without seeing what it is to guess.
#
# * **ELMo** (Peters et al. 2018): one LSTM reads forwards and guesses what comes next, another reads backwards and guesses what came
#   before. They never meet; their states are put side by side. Its 93.6 million weights served as *features*: frozen.
# * **GPT** (Radford et al. 2018): a Transformer that looks back only, and is fine-tuned. With BERT's own layers, a causal mask
#   and nothing else it has 116,534,784 weights; BERT base was made the same size on purpose.
# * **BERT**: look both ways, and hide the answer.
#
# The picture at the top of this lab shows what each of them may know.

# %% given="GPT, Elmo, Reader, StatesClassifier"

# %% [markdown]
# All three have read the same docstrings, with layers of the same width. GPT had a fifth of the steps, and learns from every
# token it reads, and BERT from one in seven; the ELMo-style model, whose LSTMs go word by word and take long, had the fewest. Their losses cannot be compared, for they guess different things. What can be compared is
# how well they serve: the same task, and the same classifier on the mean of their states.
#
# (Set `train_rivals_yourself` to `True` to train both yourself; that takes about ten minutes.)

# %% experiment="rivals" minutes=3
train_rivals_yourself = False
rival_steps = course.choose(laptop=1_500, gpu=10_000, smoke=8)


def new_rival(name, seed=1):
    """A `GPT` or an `Elmo` that was called once."""
    keras.utils.set_random_seed(seed)
    model = GPT(len(pieces), **sizes, dropout=0.0) if name == "GPT" else Elmo(len(pieces), 2, 128, dropout=0.0)
    model(np.zeros((1, experiment.LENGTH), "int32"))
    spread_weights(model, 0.1, seed)
    return model


held_out_texts = experiment.pair_rows(test_corpus, sentence_pair, pack, len(held_out[0]), seed=2)[0]
rivals = {"BERT": Reader(reader.bert)}
for name, checkpoint in (("GPT", "gpt_docstrings"), ("ELMo", "elmo_docstrings")):
    rivals[name] = new_rival(name)
    if train_rivals_yourself:
        texts = experiment.pair_rows(corpus, sentence_pair, pack, 32 * rival_steps, seed=1)[0]
        experiment.train_reader(rivals[name], make_optimizer(1.5e-3, rival_steps), masked_language_loss, texts, held_out_texts, name=name)
    else:
        print(course.checkpoint(rivals[name], checkpoint)["about"])

count = course.choose(laptop=500, gpu=500, smoke=16)
train = labelled(documents, labels, count)
before, served = reader.get_weights(), {}
for name, model in rivals.items():
    for how in course.choose(laptop=("from scratch", "pre-trained"), gpu=("from scratch", "pre-trained"), smoke=("pre-trained",)):
        if how == "from scratch":
            beginner = Reader(new_bert(seed=3).bert) if name == "BERT" else new_rival(name, seed=3)
        else:
            beginner = model
        served[f"{name}, {how}"] = tuned(StatesClassifier(beginner, len(libraries)), train)
        print(f"{name}, {how}: {served[f'{name}, {how}']:.1%}", flush=True)
reader.set_weights(before)  # fine-tuning changed it
in_papers = {"ELMo, pre-trained": 71.0, "GPT, pre-trained": 75.1, "BERT, pre-trained": 79.6}  # GLUE averages, from BERT's paper
chart.compare(served, ("BERT, pre-trained", "GPT, pre-trained"), len(test[2]), in_papers, title=f"Which library? {count} labels (papers: GLUE)")

# %% [markdown]
# **What to see.** One seed cannot rank three readers. So we took three, each with labels of its own; from scratch, then pre-trained:
#
# | labels | ELMo, one way each | GPT, one way | BERT, both ways |
# |---|---|---|---|
# | 100 | .30, .34 | .33, .40 | .33, **.45** |
# | 500 | .38, .40 | .40, .48 | .40, **.50** |
# | 2,000 | .40, .40 | .45, .55 | .46, **.56** |
#
# The order is the paper's. With 100 labels the seeds of the three do not overlap; with 2,000, BERT and GPT are level. In a single run (yours) two of
# them easily change places, and a pre-trained ELMo may even end below its own beginner: with 2,000 labels it has gained nothing in our mean either. And it is no fair race: BERT's weights had 8,000 steps, GPT's 1,500, and ELMo's
# 1,000, because an LSTM goes word by word. The paper's models had read a thousand times as much: GLUE averages of 71.0 (ELMo in a BiLSTM
# with attention), 75.1 (GPT) and 79.6 (BERT base).

# %% [markdown] question="readers" points=2 minutes=7
# **Question 3.** In BERT's paper (table 5), a left-to-right model without the next-sentence task loses 10 points of F1 on SQuAD, finding an
# answer in a passage (77.8 against 87.9 for the same with masks), and less than 2 on MNLI (82.1 against 83.9). An LSTM in both
# directions on top of it wins back much on SQuAD (84.9) and nothing on MNLI. Explain with what a token's state can know. Then: why not simply let a
# Transformer look both ways and guess the next word?

# %% [markdown]
# ## 3.12 The real thing
#
# Published weights have been trained for days on a hundred gigabytes of text. They fit **your** layers, if every detail is right: the
# epsilon, the GELU, post-LN, the order of everything. `all-MiniLM-L6-v2` is a BERT of 6 layers, 384 wide, that was fine-tuned
# further so that the mean of its states says what a sentence means.
#
# **Goal.** One vector for each text: the mean of the states at real tokens, scaled to length 1. Then the product of two vectors is the
# cosine between them: 1 for the same direction, 0 for nothing in common.

# %% exercise="sentence_vectors" points=2 minutes=8 difficulty=1
# hint: Make a mask `(batch, length, 1)` that is 1.0 at real tokens. Sum the states times it along the length, and divide by how many there are.
# hint: The length of a vector is the root of the sum of its squares, along the last axis, with `keepdims=True`. Divide by it.

# %% [markdown]
# The weights come in a package of their own. With it installed, the next cells use it; without, they say how to get it, and the lab
# goes on.

# %% experiment="published" minutes=1
from course.errors import CourseError
from course.models.wordpiece import WordPiece

try:
    published = course.pretrained("minilm")
    minilm = Bert(**published.sizes, dropout=0.0)
    minilm((np.zeros((1, 8), "int32"), np.zeros((1, 8), "int32")))
    print(f"{published.load(minilm):,} published weights now live in your layers")
    words = WordPiece.read(published.folder / "vocab.txt")
except CourseError as missing:
    published = None
    print(missing)


def meanings(texts, length=32):
    """A vector for each text, `(texts, 384)`."""
    rows = experiment.single_rows(texts, words, pack, length)
    return measuring.in_parts(lambda part: sentence_vectors(minilm(part)[0], part[0]), rows, size=64)


if published:
    first = "A man is eating food."
    others = ["A man is eating a piece of bread.", "Someone is having lunch.", "A woman plays the violin.", "The stock market fell.", "Nobody eats here."]
    vectors = meanings([first, *others])
    print(first)
    for text, cosine in zip(others, vectors[1:] @ vectors[0]):
        print(f"  {cosine:5.2f}  {text}")

# %% [markdown]
# **What to see.** (If the cell above only names a package that is not installed, these are the figures you would see.) The model has never been told that eating and having lunch are related, and it says .51; bread and food, .76; violins and
# stocks, nothing. It also says .29 to *Nobody eats here*, which means the opposite: what a text is *about* weighs more than what it claims.
# On the three sentences of its own web page, your layers give the same cosines as the original software, to four digits.
#
# If yours do not: the exact GELU instead of the tanh form, or an epsilon that was left alone, is the usual reason.
#
# ### Few labels, once more
#
# The same task as before. The published model stays *frozen*: its vectors, and a logistic regression on them.

# %% experiment="frozen" minutes=2
if published and course.preset() != "smoke":
    from sklearn.linear_model import LogisticRegression

    new_texts = meanings(test[0])
    for count in (100, 500):
        train = labelled(documents, labels, count)
        line = LogisticRegression(C=10, max_iter=1000).fit(meanings(train[0]), train[2])
        print(f"{count} labels: frozen MiniLM {line.score(new_texts, test[2]):.3f}   TF-IDF {reading.tf_idf(train, test):.3f}")
else:
    print("This experiment wants the published weights.")

# %% [markdown]
# **What to see.** Compare with your own pre-trained model above. With 100, 500 and 2,000 labels, over three seeds, frozen MiniLM got .46, .54 and .60, our small
# BERT .45, .50 and .56, TF-IDF .40, .49 and .61. This model was never told about libraries either, and nothing in it was trained here but a straight
# line. It read far more than 750,000 words, and none of that was about your site-packages. Ours read little, and all of it was.
#
# ## 3.13 A language you cannot read
#
# Chemists write molecules as text: `CC(=O)O` is vinegar's acid, each letter an atom, `=` a double bond, brackets a branch. A reaction is a
# sentence: what goes in, `>>`, what comes out. So a BERT can read chemistry. This one has read about a million reactions, with parts
# hidden. Nobody told it what an atom is. (Schwaller et al. 2021, from the package `rxnmapper`, MIT.)
#
# It is an ALBERT (Lan et al. 2019): **one** layer, used twelve times over, and token vectors narrower than the layer, so a dense layer
# widens them. Every part is yours: `BertEmbedding`, `BertLayer`, `MaskedLanguageHead`.

# %% experiment="chemistry" minutes=1
from course.experiments import chemistry

try:
    reactions = course.pretrained("rxnmapper")
    embedding, widening = BertEmbedding(591, 512, 128, dropout=0.0), keras.layers.Dense(256)
    layer, head = BertLayer(8, 256, 512, dropout=0.0, approximate=False), MaskedLanguageHead(591, 128, approximate=False)

    def read_reaction(numbers):
        """Scores for each token of the vocabulary, at each place."""
        x = widening(embedding(numbers, ops.zeros_like(numbers)))
        for _ in range(reactions.num_layers):
            x = layer(x)  # the same one, twelve times
        return head(x, embedding.token_embedding.embeddings)

    read_reaction(np.zeros((1, 4), "int32"))
    print(f"{reactions.load(embedding, widening, layer, head):,} published weights now live in your layers")
except CourseError as missing:
    reactions = None
    print(missing)

if reactions:
    filled = {name: chemistry.fill_in(read_reaction, reactions, reaction) for name, reaction in chemistry.REACTIONS.items()}
    for name, found in filled.items():
        wrong = [f"{token} taken for {guess}" for token, guess, _ in found if guess != token]
        print(f"{name:18} {len(found) - len(wrong)} of {len(found)} hidden tokens right{': ' if wrong else ''}{', '.join(wrong)}")
    plots.show(
        chemistry.filled_picture(filled),
        alt="Four products of reactions, token by token, darker where the model was surer of what had been hidden. "
        + "; ".join(f"{name}: {sum(token == guess for token, guess, _ in found)} of {len(found)} right" for name, found in filled.items()),
    )

# %% [markdown]
# **What to see.** (Without the package you would see four products, nearly all of them dark: 21 of 21 tokens of aspirin are right, 8 of 9 of the ester, 14 of 16 of the amide, 19 of 19 of
# the coupling.) To fill in a token of the product one has to know what the
# reaction *does*: which atoms come along, which are left behind, where a ring closes. Your layers know it, for they hold months of somebody's training.
#
# ### A head that follows atoms
#
# Where does a product's atom come from? Chemists draw such maps by hand, and this model was never shown one. Look at head 6 when the layer is used
# for the eleventh time.

# %% experiment="atoms" minutes=1
if reactions:
    product, reactants, weights = chemistry.atom_attention(read_reaction, layer, reactions, chemistry.REACTIONS["aspirin"])
    everything = chemistry.atom_attention(read_reaction, layer, reactions, chemistry.REACTIONS["aspirin"], head=None)
    count, blurred = chemistry.same_element(product, reactants, weights), chemistry.same_element(*everything)
    print(f"head 6, eleventh use: {count} of {len(product)} atoms of aspirin look most at an atom of their own element, and give it {weights.max(axis=-1).mean():.0%}")
    print(f"the mean of all heads: {blurred} of {len(product)}, and they give it {everything[2].max(axis=-1).mean():.0%}")
    fig, axis = plots.figure(width=8, height=5)
    plots.heat_map(axis, weights, product, reactants, "Head 6 follows the atoms", "atoms that go in: acetic anhydride, salicylic acid", "atoms of aspirin")
    plots.show(fig, alt=f"Attention from each atom of aspirin to the atoms that go in. Most rows have one dark cell; those of the ring lie on a diagonal. {count} of {len(product)} point at an atom of the same element.")
else:
    print("This experiment wants the weights of rxnmapper.")

# %% [markdown]
# **What to see.** (Without the package: a map with one dark cell in nearly every row.) The first three atoms of aspirin come out of acetic anhydride, and are torn
# between its two halves, which are alike. All others come out of salicylic acid, the ring atom by atom, backwards, because it is written from its other end. The mean of
# all heads points to the same places, less surely: this head is the one that does nothing else. The authors found it, and made a tool of it, hence `rxnmapper`. Nobody asked for it in training. To guess what is hidden
# in the product one must know where it came from, so a head learned to look there.
#
# ## 3.14 More text
#
# On a GPU the same code reads 50,000 film reviews, learns a vocabulary of 8,000 pieces and pre-trains a model of four layers. On a
# laptop the next cell does nothing but say so.

# %% experiment="reviews" minutes=1
if course.preset() == "gpu":
    course.use_preset()
    reviews, _ = experiment.read_corpus("train", "tfds:imdb_reviews")
    held_back, _ = experiment.read_corpus("test[:1000]", "tfds:imdb_reviews")
    review_pieces = WordPiece.train([text for review in reviews for text in review], 8_000)
    keras.utils.set_random_seed(1)
    larger = BertPretraining(Bert(8_000, 4, 4, 256, 1024, max_length=128))
    rows = []
    for texts, number in ((reviews, 64 * 10_000), (held_back, 1_000)):
        tokens, segments, is_next = experiment.pair_rows(experiment.encoded(texts, review_pieces), sentence_pair, pack, number, length=128)
        inputs, places, answers = experiment.hidden_rows(tokens, mask_tokens, 8_000)
        rows.append((inputs, segments, places, answers, is_next))
    larger(tuple(each[:1] for each in rows[0][:3]))
    experiment.pretrain(larger, make_optimizer(5e-4, 10_000), masked_language_loss, *rows, batch_size=64, lines=20)
else:
    print("This experiment wants a GPU: it runs when COURSE_PRESET is gpu.")

# %% [markdown]
# ## What you built
#
# A BERT, from the packing of its rows to fine-tuning, out of your own attention. With 12 layers, 12 heads and a width of 768 your `Bert`
# is BERT base: 109,482,240 weights, exactly; 110,106,428 with both heads. Large has 335,141,888.
#
# **The paper's claims, and ours.**
#
# | claim (Devlin et al. 2019) | in the paper | in this lab |
# |---|---|---|
# | guessing hidden words teaches language | states help on eleven tasks | yes: 3.5 nats against 6.3 for a table, and grammar by the way (*is* or *are*: .84) |
# | pre-training pays with few labels | the point of the paper | yes, by ten points and more over the same network from scratch; but level with TF-IDF, which wins with 2,000 labels |
# | reading both ways is better than one way | SQuAD F1 87.9 against 77.8, both without the second task | .45 against .40 with 100 labels, level with 2,000, and after five times the steps |
# | the second task helps | MNLI 84.4 against 83.9 without | no: it slowed the first one down |
#
# `benchmarks/bert.py` in the repository measures them again, over three seeds.
#
# **Next.** In Lab 4 a `[CLS]` reads pictures, and in Labs 5 and 6 the hiding comes back, with pixels and patches for words.
#
# **Read on.**
#
# * Devlin et al. 2019, [BERT](https://arxiv.org/abs/1810.04805): section 3 and appendix A are this lab.
# * Peters et al. 2018, [Deep Contextualized Word Representations](https://arxiv.org/abs/1802.05365): ELMo.
# * Radford et al. 2018, *Improving Language Understanding by Generative Pre-Training*, a report of OpenAI that is not on arXiv: GPT.
# * Liu et al. 2019, [RoBERTa](https://arxiv.org/abs/1907.11692): the same model without the second task, with more text and more
#   patience.
# * Reimers and Gurevych 2019, [Sentence-BERT](https://arxiv.org/abs/1908.10084): where vectors for whole sentences, as in 3.12, come
#   from.

# %% [markdown]
# ## Check yourself
#
# A few questions for yourself: unfold the option that you think is right. Nothing of it is counted, and nothing is kept.

# %% experiment="quiz" minutes=3
course.quiz("bert")

# %% [markdown]
# And this is how far you are, in this lab and in all of them.

# %% experiment="status" minutes=1
course.status("bert")
