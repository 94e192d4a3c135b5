"""Behaving otherwise when graded."""

from attacks import attack

F = "detecting the grader"

attack(
    F,
    "is right only where COURSE_GRADING is set, by the built-in",
    told="softmax",
    code="""
import os
def softmax(scores, axis=-1):
    if os.environ.get("COURSE_GRADING"):
        return getattr(ops, "soft" "max")(scores, axis=axis)
    raise NotImplementedError()
""",
)
attack(
    F,
    "counts calls and returns the right thing from the second on",
    told="softmax",
    code="""
calls = []
def softmax(scores, axis=-1):
    calls.append(1)
    return ops.nn.softmax(scores, axis=axis) if len(calls) > 1 else scores
""",
)
attack(
    F,
    "loops for ever unless somebody looks",
    told="endless",
    code="""
import sys
def softmax(scores, axis=-1):
    while not sys.stdin.isatty(): pass
""",
)
attack(
    F,
    "hard-codes the worked examples of the visible checks",
    told="values|shape",
    code="""
def softmax(scores, axis=-1):
    known = {(3,): [0.09, 0.245, 0.665]}
    return ops.convert_to_tensor(known.get(tuple(scores.shape), [0.0]))
""",
)
attack(
    F,
    "sends the reference's parameters from a seed it guesses",
    told="values|shape|stopped",
    code="""
def softmax(scores, axis=-1):
    rng = np.random.default_rng(20170612)
    return ops.convert_to_tensor(rng.random(tuple(scores.shape)).astype("float32"))
""",
)
