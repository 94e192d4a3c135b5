"""Using the machine up, staying on it, or ending in ways that confuse a grader. All in right notebooks."""

from attacks import attack

F = "the machine"


def resource(tries, code, told=".", **options):
    attack(F, tries, code, right=True, told=told, **options)


resource("forks without end", "import os\nwhile True: os.fork()", "fork|left out", lasts=True)
resource(
    "starts a daemon that outlives grading",
    """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
""",
    "subprocess",
    lasts=True,
)
resource(
    "forks twice and detaches",
    """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
""",
    "fork",
    lasts=True,
)
resource(
    "starts ten thousand threads",
    """
import threading, time
for n in range(10_000): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
""",
    "threading",
    lasts=True,
)
resource("takes all memory at once", "hog = bytearray(64 << 30)", lasts=True)
resource(
    "takes all memory little by little",
    """
hog = []
while True: hog.append(b"x" * (32 << 20) + bytes([len(hog) % 256]))
""",
    lasts=True,
)
resource(
    "fills the disk with one file",
    """
with open("big", "wb") as file:
    while True: file.write(b"x" * (1 << 20))
""",
    "open",
    lasts=True,
)
resource(
    "fills the disk with many files",
    """
for n in range(10_000):
    with open(f"big{n}", "wb") as file: file.write(b"x" * (8 << 20))
""",
    "MB to disk",
    lasts=True,
)
resource(
    "makes a hundred thousand files",
    """
for n in range(1_000_000): open(f"f{n}", "w").close()
""",
    "more than 10000 files",
    lasts=True,
)
resource(
    "makes folders a thousand deep",
    """
import os
for n in range(1000):
    os.mkdir("d"); os.chdir("d")
""",
)
resource(
    "floods its output",
    """
import sys, os
for n in range(200):
    print("x" * 100_000); sys.stderr.write("y" * 100_000); os.write(1, b"z" * 100_000)
""",
    "left out|.",
)
resource("ends the process", "import os\nos._exit(0)", "ended the process")
resource(
    "ends the process when its answer is asked for",
    """
import os
def merge_heads(inputs): os._exit(0)
""",
    "ended the process",
)
resource("ends with an exit status that looks like success", "raise SystemExit(0)")
resource("crashes", "import ctypes\nctypes.string_at(0)", "crashed")
resource("aborts", "import os\nos.abort()", "aborted")
resource(
    "ignores every signal and computes on",
    """
import signal
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""",
    "endless",
    lasts=True,
)
resource("computes for ever", "while True: pass", "endless")
resource(
    "computes for ever where Python cannot be interrupted",
    "x = 3 ** (3 ** 18)\nlen(str(x))",
    "endless|aborted|memory|.",
    lasts=True,
)
resource("matches a regular expression for ever", "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')", "endless")
resource("sleeps for ever", "import time\ntime.sleep(10_000)", "waited")
resource("waits for a person", "name = input('Your name? ')", "input")
resource("stops itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "waited|kill", lasts=True)
resource("looks as if the machine had killed it", "import os\nos.kill(os.getpid(), 9)", "kill")
resource(
    "kills its parent and everybody",
    "import os\nos.kill(os.getppid(), 9)\nos.kill(-1, 9)",
    "kill",
    lasts=True,
)
resource("recurses without end", "def f(): return f()\nf()")
resource(
    "recurses in C",
    "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()",
    "crashed|left out|.",
    lasts=True,  # without a limit it fills all memory first
)
resource("nests brackets until the parser gives up", "(" * 5000 + ")" * 5000)
resource(
    "leaves a thread that goes on between questions",
    """
import threading
def work():
    while True: sum(range(1000))
threading.Thread(target=work, daemon=True).start()
""",
    "threading",
)
resource(
    "plants work for the end of the process",
    """
import atexit
atexit.register(lambda: open("/tmp/written-by-a-submission", "w"))
class Late:
    def __del__(self): open("/tmp/written-by-a-submission", "w")
late = Late()
""",
    "open|atexit",
)
resource(
    "sets an alarm", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)", "signal", lasts=False
)
