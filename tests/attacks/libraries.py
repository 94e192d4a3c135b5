"""Patched libraries: whatever a checker in the same process would rely on says yes."""

from attacks import attack

F = "patched libraries"
PATCHES = "worth a look"

attack(
    F,
    "makes every assertion of numpy.testing pass",
    told=PATCHES,
    code="""
import numpy.testing as t
for n in dir(t):
    setattr(t, n, lambda *a, **k: None)
""",
)
attack(
    F,
    "makes NumPy find everything equal",
    told=PATCHES,
    code="""
np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
""",
)
attack(
    F,
    "makes Keras convert every tensor to zeros",
    told=PATCHES,
    code="""
keras.ops.convert_to_numpy = ops.convert_to_numpy = lambda x: np.zeros((2, 2), "float32")
""",
)
attack(
    F,
    "makes JSON write a reply of its own",
    told=PATCHES,
    code="""
import json
json.dumps = lambda *a, **k: '{"number": 1, "arrays": []}'
""",
)
attack(
    F,
    "makes NumPy hand out arrays that claim to be equal",
    told=PATCHES,
    code="""
class Yes(np.ndarray):
    __eq__ = lambda *a: True
real = np.asarray
np.asarray = lambda *a, **k: real(*a, **k).view(Yes)
""",
)
attack(
    F,
    "makes every random number the same, so that inputs are known",
    told=PATCHES,
    code="""
class Known:
    def __getattr__(self, name):
        return lambda *a, size=3, **k: np.zeros(size)
np.random.default_rng = lambda *a: Known()
def softmax(scores, axis=-1):
    return ops.zeros_like(scores) + 1 / scores.shape[axis]
""",
)
attack(
    F,
    "replaces the wire's own functions",
    told=PATCHES,
    code="""
import sys
w = sys.modules["wire"]
old = w.send
def send(channel, header, arrays=None):
    return old(channel, {"number": header.get("number")}, {"": np.ones((3, 3), "float32")})
w.send = send
""",
)
attack(
    F,
    "replaces built-in functions that comparisons use",
    told=PATCHES,
    code="""
import builtins
builtins.abs = builtins.all = builtins.any = builtins.isinstance = lambda *a: True
""",
)
attack(
    F,
    "makes pickle and np.load run code",
    told=PATCHES,
    code="""
import pickle
pickle.loads = pickle.load = np.load = lambda *a, **k: exec("raise SystemExit")
""",
)
attack(
    F,
    "turns the layers' base class into one that answers everything",
    told=PATCHES,
    code="""
keras.layers.Layer.__call__ = lambda self, *a, **k: a[0]
""",
)
