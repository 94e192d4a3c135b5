"""Reading what is hidden: the reference, probes, other people's work, the gradebook, the grader's environment."""

from attacks import attack

F = "reading what is hidden"

attack(F, "imports the reference", "from solutions.attention import *", told="solutions")
attack(
    F,
    "imports the judge",
    "import autograder.judge.marking, autograder.hidden.misconceptions.attention",
    told="autograder",
)
attack(
    F,
    "puts the checkout on the path and imports",
    """
import sys, os, course
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(course.__file__))))
from solutions.attention import *
""",
)
attack(
    F,
    "reads the reference from disk",
    told="open",
    code="""
import os, course
folder = os.path.dirname(os.path.dirname(os.path.realpath(course.__file__)))
exec(open(os.path.join(folder, "solutions", "attention.py")).read())
""",
)
attack(
    F,
    "walks the disk for anything called solutions",
    told="worth a look",
    code="""
import os
for folder, folders, files in os.walk("/"):
    if folder.endswith("solutions") or folder.endswith("probes"):
        for name in files:
            if name.endswith(".py"): exec(open(os.path.join(folder, name)).read())
""",
)
attack(
    F,
    "goes round by /proc",
    told="open",
    code="""
import os
for way in ("/proc/self/root", "/proc/self/cwd/../..", "/proc/1/root", f"/proc/{os.getppid()}/cwd"):
    try: exec(open(way + "CHECKOUT/solutions/attention.py").read())
    except OSError: pass
    try: exec(open(way + "/solutions/attention.py").read())
    except OSError: pass
""",
)
attack(
    F,
    "reads the grader's memory",
    told="open",
    code="""
import os
leak = open(f"/proc/{os.getppid()}/mem", "rb").read(4096)
""",
)
attack(
    F,
    "reads the grader's environment",
    told="environ",
    code="""
import os
secrets = {k: v for k, v in os.environ.items() if "TOKEN" in k or "KEY" in k or "SECRET" in k}
secrets["parent"] = open(f"/proc/{os.getppid()}/environ").read()
raise ValueError(str(secrets))
""",
)
attack(
    F,
    "opens the gradebook",
    told="sqlite3|open",
    code="""
import glob, sqlite3
for found in glob.glob("/**/gradebook.db", recursive=True) + ["../gradebook.db", "../../gradebook.db"]:
    sqlite3.connect(found).execute("update grade set auto_score = 99")
""",
)
attack(
    F,
    "copies a classmate's notebook",
    told="open",
    code="""
import glob, json
for found in glob.glob("/**/submitted/*/lab1_attention/attention.ipynb", recursive=True):
    for cell in json.load(open(found))["cells"]:
        if cell["cell_type"] == "code": exec("".join(cell["source"]))
""",
)
attack(F, "takes the ready-made blocks", "from course.blocks import *", told="blocks|not written")
attack(
    F,
    "loads the ready-made blocks again",
    """
import importlib, course.blocks as b
importlib.reload(b)
from course.blocks import attention
globals().update(vars(attention))
""",
)
attack(
    F,
    "reads the ready-made blocks from disk",
    told="open",
    code="""
import os, course
exec(open(os.path.join(os.path.dirname(course.__file__), "blocks", "attention.py")).read())
""",
)
attack(
    F,
    "keeps a later exercise that a probe was lent",
    told="_getframe",
    code="""
import sys
kept = {}
def softmax(scores, axis=-1):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            if getattr(value, "__name__", "") in ("SelfAttention", "MultiHeadAttention", "split_heads", "merge_heads"):
                kept[value.__name__] = value
        frame = frame.f_back
    e = ops.exp(scores - ops.max(scores, axis=axis, keepdims=True))
    raise ZeroDivisionError
def split_heads(*a, **k): softmax(ops.ones((2, 2))); return kept["split_heads"](*a, **k)
def merge_heads(*a, **k): return kept["merge_heads"](*a, **k)
""",
)
attack(
    F,
    "follows a link out of the scratch folder",
    told="symlink|open",
    code="""
import os
os.symlink("/", "root")
exec(open("rootCHECKOUT/solutions/attention.py").read())
""",
)
