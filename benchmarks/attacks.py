"""The attack corpus on stock nbgrader and on this project's grading, in one run.

    python benchmarks/attacks.py                 every attack that can be run on stock without harming the machine
    python benchmarks/attacks.py --every 8       one in eight of each family: a quick look
    python benchmarks/attacks.py --family network    one family; may be repeated

Stock nbgrader runs a submission with the grader's own rights. It is therefore started in namespaces of its own
(bubblewrap), without a network, with the disk read-only but for its course folder; attacks marked as lasting (fork bombs, full
disks) are not run on it even so. An attack succeeds when it earns more than its honest content, when it keeps the
grader from finishing, or when the page a learner reads holds what is hidden.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from attacks import corpus  # noqa: E402

from autograder.authoring.build import build  # noqa: E402
from autograder.authoring.gates import reference_submission  # noqa: E402
from autograder.hidden.assignments import assignment_of  # noqa: E402
from autograder.judge.grader import Grader  # noqa: E402
from autograder.judge.notebook_repair import repair  # noqa: E402
from autograder.judge.sandbox.student_handle import remove  # noqa: E402
from course.checking import code_reader  # noqa: E402
from course.notebooks.lesson import find_lesson  # noqa: E402

SECONDS = 120  # after which stock nbgrader counts as kept from finishing
STOCK = "c = get_config()\nc.Execute.timeout = 60\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="run one in so many of each family")
    parser.add_argument("--family", action="append", help="one family only; may be repeated")
    arguments = parser.parse_args()
    if shutil.which("bwrap") is None:
        sys.exit("Stock nbgrader must not run these unprotected: install bubblewrap first.")
    lesson = find_lesson("1")
    attacks = corpus()
    families = {attack.family for attack in attacks}
    if unknown := set(arguments.family or ()) - families:
        sys.exit(f"There is no family {unknown.pop()!r}. There are: {', '.join(sorted(families))}.")
    chosen = sample(attacks, arguments.every)
    if arguments.family:
        chosen = [attack for attack in chosen if attack.family in arguments.family]
    tried, ours, stock, spared = Counter(), Counter(), Counter(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        build(template, [lesson])
        (template / "nbgrader_config.py").write_text(STOCK)
        release = nbformat.read(template / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)
        right = reference_submission(lesson)
        grader = Grader(seconds=4)
        for number, attack in enumerate(chosen, start=1):
            content = attack.submission(release, right)
            honest = most(attack, lesson)
            tried[attack.family] += 1
            won = earned_here(grader, lesson, release, content) > honest
            ours[attack.family] += not won
            if attack.lasts:
                spared[attack.family] += 1
                said = "not run"
            else:
                earned = earned_on_stock(template, Path(folder) / "stock", lesson, content)
                stock[attack.family] += earned is not None and earned <= honest
                said = "did not finish" if earned is None else f"{earned:g} points"
            print(
                f"{number:3d} of {len(chosen)}  {attack.tries[:60]:<60} stock: {said}, honest {honest:g}",
                flush=True,
            )
        grader.close()
        remove(Path(folder) / "stock")
    print(f"\n{'family':<24}{'tried':>6}{'blocked here':>14}{'blocked on stock':>18}")
    for family in tried:
        run = tried[family] - spared[family]
        print(f"{family:<24}{tried[family]:>6}{ours[family]:>14}{f'{stock[family]} of {run}':>18}")
    run = sum(tried.values()) - sum(spared.values())
    print(
        f"{'all':<24}{sum(tried.values()):>6}{sum(ours.values()):>14}{f'{sum(stock.values())} of {run}':>18}"
    )


def sample(attacks, every):
    """One in `every` of each family, the first always."""
    seen = Counter()
    return [one for one in attacks if (seen.update([one.family]) or seen[one.family] - 1) % every == 0]


def most(attack, lesson):
    """The points that an attack's honest content is worth."""
    names = [name for name in lesson.exercises if name not in dict(attack.answers)]
    return sum(lesson.exercises[name].points for name in names) if attack.right else 0


def earned_here(grader, lesson, release, content):
    """Points by this project's grading."""
    repaired = repair(release, content, code_reader)
    return grader.grade(assignment_of(lesson), repaired.notebook, repaired.notes).points


def earned_on_stock(template, course, lesson, content):
    """Points by stock nbgrader in a course folder of its own; `None` if it did not finish."""
    from nbgrader.api import Gradebook, MissingEntry

    remove(course)  # which may hold what Python's own rmtree gives up on
    shutil.copytree(template, course)
    path = course / "submitted" / "eve" / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(on_stock(content))
    shut_in = [
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
    ]
    shut_in += ["--bind", str(course), str(course), "--chdir", str(course)]
    command = [str(Path(sys.executable).parent / "nbgrader"), "autograde", lesson.lab]
    paths = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(course)}
    try:
        subprocess.run(
            [*shut_in, *command],
            env=os.environ | paths,
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            return gradebook.find_submission(lesson.lab, "eve").score
    except (subprocess.TimeoutExpired, MissingEntry):
        return None


def on_stock(content):
    """The file without experiment cells, which stock nbgrader would run for minutes, and with the attack before each check.

    On stock it matters where an attack stands: here, all cells have run before anything is asked.
    """
    try:
        notebook = nbformat.reads(content.decode(), as_version=4)
        attack = [one for one in notebook.cells if one.id == "attack"]
        cells = []
        for cell in notebook.cells:
            role = cell.metadata.get("course", {}).get("role")
            if role == "check":
                cells += [nbformat.v4.new_code_cell(one.source) for one in attack]
            cells += [cell] if role != "experiment" and cell not in attack else []
        notebook.cells = cells
        return nbformat.writes(notebook).encode()
    except Exception:  # not every submission is a notebook
        return content


if __name__ == "__main__":
    main()
