"""Lying objects: arrays and numbers that claim to be whatever is wanted."""

from attacks import attack

F = "lying objects"
EVERYWHERE = (
    "softmax = scaled_dot_product_attention = causal_mask = padding_mask = split_heads = merge_heads = lie"
)

attack(
    F,
    "an array that equals everything",
    f"""
class Yes(np.ndarray):
    __eq__ = lambda *a: True
    def __array_function__(self, *a, **k): return True
lie = lambda *a, **k: np.zeros((2, 3)).view(Yes)
{EVERYWHERE}
""",
)
attack(
    F,
    "an array whose shape is another each time",
    f"""
class Shapes:
    @property
    def shape(self): return tuple(np.random.randint(1, 9, 3))
    def __array__(self, *a, **k): return np.zeros((2, 2))
lie = lambda *a, **k: Shapes()
{EVERYWHERE}
""",
)
attack(
    F,
    "numbers that compare as equal",
    f"""
class Same(float):
    __eq__ = __le__ = __ge__ = lambda *a: True
    __sub__ = __rsub__ = lambda *a: 0
lie = lambda *a, **k: Same(1)
{EVERYWHERE}
""",
)
attack(
    F,
    "NaN everywhere, since NaN passes careless comparisons",
    f"""
lie = lambda x, *a, **k: x * float("nan") if hasattr(x, "shape") else float("nan")
{EVERYWHERE}
""",
)
attack(
    F,
    "infinities everywhere",
    f"""
lie = lambda x, *a, **k: ops.zeros_like(x) + float("inf") if hasattr(x, "shape") else float("inf")
{EVERYWHERE}
""",
)
attack(
    F,
    "no entries at all, so that nothing differs",
    f"""
lie = lambda *a, **k: np.zeros((0, 3), "float32")
{EVERYWHERE}
""",
)
attack(
    F,
    "an array of a million million entries",
    f"""
lie = lambda *a, **k: np.broadcast_to(np.float32(0), (10 ** 6, 10 ** 6))
{EVERYWHERE}
""",
)
attack(
    F,
    "arrays of objects and of text",
    f"""
lie = lambda *a, **k: (np.array([object()]), np.array(["0.5"]), np.array([1j]))
{EVERYWHERE}
""",
)
attack(
    F,
    "a structure that contains itself",
    f"""
loop = []
loop.append(loop)
lie = lambda *a, **k: loop
{EVERYWHERE}
""",
)
attack(
    F,
    "ten thousand arrays",
    f"""
lie = lambda *a, **k: [np.zeros(1, "float32")] * 10_000
{EVERYWHERE}
""",
)
attack(
    F,
    "a class that claims to be the tensor class",
    f"""
class Fake:
    __class__ = property(lambda self: type(ops.zeros(1)))
    shape, dtype = (2, 2), "float32"
lie = lambda *a, **k: Fake()
{EVERYWHERE}
""",
)
