"""What reaches people: feedback pages, the terminal, CSV files."""

from attacks import attack

F = "what people read"

attack(F, "puts a script into the feedback page by its error message", right=True, answers=(
    ("softmax", "def softmax(scores, axis=-1):\n    raise ValueError('<script>alert(1)</script><img src=x onerror=alert(2)>')"),
), told="ValueError")  # fmt: skip
attack(F, "colours the grader's terminal", right=True, answers=(
    ("softmax", "def softmax(scores, axis=-1):\n    raise ValueError('[red]20 of 20[/] \\x1b[2J\\x1b]0;owned\\x07 [/][link=x]')"),
), told="ValueError")  # fmt: skip
attack(F, "names its exception after a good mark", right=True, answers=(
    ("softmax", "class full_marks(Exception): pass\ndef softmax(scores, axis=-1):\n    raise full_marks('20 of 20')"),
), told="full_marks")  # fmt: skip
attack(F, "raises an exception that cannot be shown", right=True, answers=(
    ("softmax", "class Bad(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\n"
     "def softmax(scores, axis=-1):\n    raise Bad()"),
), told="Bad")  # fmt: skip
attack(F, "sends the probes' text home in an error message", right=True, answers=(
    ("softmax", "import sys\ndef softmax(scores, axis=-1):\n    import inspect\n    f = sys._getframe()\n"
     "    while f and 'probe' not in f.f_code.co_name: f = f.f_back\n"
     "    raise ValueError(repr([(e.name, e.function.__code__.co_consts) for p in sys.modules['autograder.judge.probe'].PROBES.values() for e in p])[:500])"),
), told="_getframe")  # fmt: skip
attack(F, "sends what is in the frames home in an error message", right=True, answers=(
    ("softmax", "import sys\ndef softmax(scores, axis=-1):\n    raise ValueError(str(sys._getframe(1).f_code) + str(sys._getframe(2).f_locals)[:300])"),
), told="_getframe")  # fmt: skip
attack(F, "writes a spreadsheet formula", right=True, answers=(
    ("softmax", "def softmax(scores, axis=-1):\n    raise ValueError('=HYPERLINK(\"http://x\")')"),
), told="ValueError")  # fmt: skip
attack(F, "has a megabyte of error message", right=True, answers=(
    ("softmax", "def softmax(scores, axis=-1):\n    raise ValueError('boo ' * 300_000)"),
), told="ValueError")  # fmt: skip
