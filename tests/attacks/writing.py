"""Writing where nothing may be written. `MARK` is looked for afterwards."""

from attacks import attack

F = "writing outside"
MARK = "/tmp/written-by-a-submission"

attack(F, "writes into /tmp", f"open({MARK!r}, 'w').write('x')", told="open")
attack(
    F,
    "writes into the course package",
    """
import course
open(course.__file__, "a").write("\\nraise SystemExit")
""",
    told="open",
)
attack(
    F,
    "plants a module that every Python start-up imports",
    told="open",
    code=f"""
import site, sys, os
for folder in site.getsitepackages() + [os.path.dirname(os.__file__)]:
    try: open(os.path.join(folder, "sneak.pth"), "w").write("import os; open({MARK!r}, 'w')")
    except OSError: pass
""",
)
attack(
    F,
    "poisons compiled bytecode",
    told="open",
    code="""
import course.checking, glob, os
for found in glob.glob(os.path.dirname(course.checking.__file__) + "/__pycache__/*"):
    open(found, "wb").write(b"")
""",
)
attack(
    F,
    "plants a trigger in the gradebook",
    told="sqlite3",
    code="""
import sqlite3, os
for up in range(1, 8):
    try:
        book = sqlite3.connect("../" * up + "gradebook.db")
        book.execute("create trigger generous after update on grade begin update grade set auto_score = 99; end")
        book.commit()
    except sqlite3.Error: pass
""",
)
attack(
    F,
    "changes rights and dates of the grader's files",
    told="worth a look",
    code="""
import os, course
os.chmod(os.path.dirname(course.__file__), 0)
os.utime(course.__file__, (0, 0))
""",
)
attack(
    F,
    "moves and deletes what it can reach",
    told="worth a look",
    code="""
import os, shutil, course
shutil.rmtree(os.path.dirname(os.path.dirname(os.path.realpath(course.__file__))), ignore_errors=True)
shutil.rmtree(os.path.expanduser("~"), ignore_errors=True)
for name in os.listdir("/tmp"): shutil.rmtree("/tmp/" + name, ignore_errors=True)
""",
    lasts=True,
)
