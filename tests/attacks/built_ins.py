"""The library's own in the place of what is to be built. The last ones are those that get over both fences."""

from attacks import attack

F = "built-in functions"


def softmax_by(tries, body, before="", **options):
    attack(
        F,
        f"softmax by {tries}",
        answers=(("softmax", f"{before}\ndef softmax(scores, axis=-1):\n    {body}"),),
        told="does for you",
        **options,
    )


softmax_by("its own name", "return ops.softmax(scores, axis=axis)")
softmax_by("keras.activations", "return keras.activations.softmax(scores, axis=axis)")
softmax_by("an alias", "return k(scores, axis=axis)", "k = keras.ops.softmax")
softmax_by(
    "an import under another name", "return s(scores, axis=axis)", "from keras.ops import softmax as s"
)
softmax_by("getattr", "return getattr(ops, 'softmax')(scores, axis=axis)")
softmax_by("a computed name", "return getattr(ops, 'soft' + 'max')(scores, axis=axis)")
softmax_by("a reversed name", "return getattr(ops, 'xamtfos'[::-1])(scores, axis=axis)")
softmax_by(
    "exec",
    "space = {'o': ops, 's': scores, 'a': axis}; exec('r = o.soft' 'max(s, axis=a)', space); return space['r']",
)
softmax_by("eval", "return eval('ops.soft' + 'max(scores, axis=axis)')")
softmax_by("a layer", "return keras.layers.Softmax(axis=axis)(scores)")
softmax_by("a layer by a computed name", "return getattr(keras.layers, 'Soft' + 'max')(axis=axis)(scores)")
softmax_by(
    "an activation by its text",
    "return keras.layers.Activation('soft' + 'max')(scores) if axis in (-1, scores.ndim - 1) else ops.moveaxis(keras.layers.Activation('soft' + 'max')(ops.moveaxis(scores, axis, -1)), -1, axis)",
)
softmax_by("keras.activations.get", "return keras.activations.get('soft' + 'max')(scores, axis=axis)")
softmax_by("TensorFlow", "import tensorflow as tf; return tf.nn.softmax(scores, axis=axis)")
softmax_by(
    "TensorFlow by a computed name",
    "import tensorflow as tf; return vars(tf.nn)['soft' 'max'](scores, axis=axis)",
)
softmax_by(
    "TensorFlow's raw operation",
    "import tensorflow as tf; return ops.moveaxis(getattr(tf.raw_ops, 'Soft' + 'max')(logits=ops.moveaxis(scores, axis, -1)), -1, axis)",
)
softmax_by(
    "SciPy",
    "return ops.convert_to_tensor(special(ops.convert_to_numpy(scores), axis=axis))",
    "import scipy.special\nspecial = getattr(scipy.special, 'soft' + 'max')",
)
softmax_by(
    "the backend's module",
    "import keras.src.backend as b; return getattr(b.nn, 'soft' + 'max')(scores, axis=axis)",
)
softmax_by(
    "the operation's class", "import keras.src.ops.nn as n; return vars(n)['Soft' + 'max'](axis)(scores)"
)
softmax_by("log_softmax", "return ops.exp(getattr(ops, 'log_' + 'softmax')(scores, axis=axis))")
softmax_by(
    "logsumexp", "return ops.exp(scores - getattr(ops, 'log' + 'sumexp')(scores, axis=axis, keepdims=True))"
)
softmax_by(
    "a function kept in a list",
    "return held[0](scores, axis=axis)",
    "held = [v for k, v in vars(ops).items() if k.startswith('soft') and k.endswith('max')]",
)
softmax_by(
    "a partial function",
    "return p(scores, axis=axis)",
    "import functools\np = functools.partial(getattr(ops, 'soft' + 'max'))",
)
softmax_by(
    "a class attribute",
    "return Holder.f(scores, axis=axis)",
    "class Holder:\n    f = staticmethod(getattr(ops, 'soft' + 'max'))",
)
softmax_by(
    "a default argument",
    "return hidden(scores, axis)",
    "def hidden(x, a, f=getattr(ops, 'soft' + 'max')):\n    return f(x, axis=a)",
)
softmax_by(
    "a generator of names",
    "return [getattr(ops, n) for n in dir(ops) if len(n) == 7 and n[0] == 's' and n[-1] == 'x'][0](scores, axis=axis)",
)
softmax_by(
    "another module that holds it",
    "return getattr(m, 'soft' + 'max')(scores, axis=axis)",
    "import importlib\nm = importlib.import_module('keras.' + 'ops')",
)
softmax_by(
    "a compiled function",
    "return f(scores, axis)",
    "import tensorflow as tf\nf = tf.function(lambda s, a: getattr(tf.nn, 'soft' + 'max')(s, axis=a))",
)

ATTENTION = "class MultiHeadAttention(keras.layers.Layer):\n    def __init__(self, num_heads, hidden_dim, use_bias=True, **kwargs):\n        super().__init__(**kwargs)\n        self.inner = {layer}(num_heads, hidden_dim // num_heads)\n    def call(self, query, key=None, value=None, attention_mask=None):\n        return self.inner(query, query if value is None else value, return_attention_scores=True)"
attack(F, "multi-head attention by the library's layer", right=True, told="does for you", answers=(
    ("MultiHeadAttention", ATTENTION.format(layer="keras.layers.MultiHeadAttention")),
))  # fmt: skip
attack(F, "multi-head attention by the library's layer, by a computed name", right=True, told="does for you", answers=(
    ("MultiHeadAttention", ATTENTION.format(layer="getattr(keras.layers, 'Multi' + 'HeadAttention')")),
))  # fmt: skip
attack(F, "attention by the library's function, by a computed name", right=True, told="does for you", answers=(
    ("scaled_dot_product_attention", "def scaled_dot_product_attention(query, key, value, mask=None):\n"
     "    f = getattr(ops, 'dot_product' + '_attention')\n    return f(query[:, None], key[:, None], value[:, None]), query"),
))  # fmt: skip
