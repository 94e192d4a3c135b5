"""Looking into the process: frames, the garbage collector, traces."""

from attacks import attack

F = "introspection"

attack(
    F,
    "walks up the frames for expected values",
    told="_getframe",
    code="""
import sys
def softmax(scores, axis=-1):
    frame = sys._getframe()
    while frame:
        for name, value in frame.f_locals.items():
            if "expect" in name or "wanted" in name or "reference" in name:
                return value
        frame = frame.f_back
""",
)
attack(
    F,
    "searches all objects for another softmax",
    told="gc",
    code="""
import gc, types
def others(name):
    return [o for o in gc.get_objects() if getattr(o, "__name__", "") == name and "solutions" in str(getattr(o, "__module__", ""))]
for name in ("softmax", "causal_mask", "split_heads", "SelfAttention", "MultiHeadAttention"):
    for found in others(name):
        globals()[name] = found
""",
)
attack(
    F,
    "traces every call and keeps what it sees",
    told="settrace",
    code="""
import sys
seen = []
def trace(frame, event, arg):
    if event == "return" and "softmax" in frame.f_code.co_name: seen.append(arg)
    return trace
sys.settrace(trace)
def softmax(scores, axis=-1):
    return seen[-1] if seen else scores
""",
)
attack(
    F,
    "profiles calls to learn results",
    told="setprofile",
    code="""
import sys
seen = []
sys.setprofile(lambda frame, event, arg: seen.append(arg) if event == "return" and hasattr(arg, "shape") else None)
softmax = lambda scores, axis=-1: seen[-1]
""",
)
attack(
    F,
    "takes layers out of the list of subclasses",
    told="__subclasses__",
    code="""
for found in keras.layers.Layer.__subclasses__():
    if found.__name__ in ("SelfAttention", "MultiHeadAttention") and "blocks" in found.__module__:
        globals()[found.__name__] = found
""",
)
attack(
    F,
    "looks for the reference among the loaded modules",
    told="sys.modules",
    code="""
import sys
for name, module in list(sys.modules.items()):
    if any(word in name for word in ("solutions", "blocks", "judge", "misconceptions")):
        globals().update({k: v for k, v in vars(module).items() if not k.startswith("_")})
""",
)
attack(
    F,
    "replaces every probe by one that returns nothing",
    told="sys.modules",
    code="""
import sys, types
class Any(types.ModuleType):
    def __getattr__(self, n): return lambda *a, **k: {}
for n in list(sys.modules):
    if "prob" in n: sys.modules[n] = Any(n)
""",
)
attack(
    F,
    "runs probes itself from a thread, to know their results before",
    told="threading",
    code="""
import sys, threading, time
def spy():
    while True:
        probes = sys.modules.get("autograder.judge.probe")
        if probes is not None and getattr(probes, "PROBES", None):
            probes.PROBES.clear()
        time.sleep(0.001)
threading.Thread(target=spy, daemon=True).start()
""",
)
attack(
    F,
    "takes the tripwire out of the way and calls the built-in",
    told="`softmax`|sys.modules",
    code="""
import sys
def softmax(scores, axis=-1):
    wire = [m for n, m in sys.modules.items() if n.endswith("no_such_wire")]
    return getattr(ops, "soft" + "max")(scores, axis=axis)
""",
)
