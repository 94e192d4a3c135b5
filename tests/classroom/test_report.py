"""The report of a class: what is counted, what is alike, and a page that nobody's answer can break."""

import csv
import json
import re
import shutil
import textwrap
from html.parser import HTMLParser

import nbformat
import pytest
from rich.console import Console

from autograder import console
from autograder.authoring.build import entry_source, submission
from autograder.classroom import feedback_page
from autograder.classroom.class_table import class_table
from autograder.classroom.course_folder import GradeError
from autograder.classroom.nbgrader_config import COURSE_FILE
from autograder.classroom.report import similar_answers
from autograder.classroom.report.facts import gather
from autograder.classroom.report.page import write_report
from autograder.hidden import entries
from autograder.judge.note import Note, NoteKind
from autograder.judge.outcome import Status
from autograder.judge.verdict import Mark, Verdict, verdict_path
from course.checking import code_reader
from course.notebooks.lesson import find_lesson

HOSTILE = "<script>alert(1)</script>"
OWN_WAY = """
def split_heads(inputs, num_heads):
    batch, length, width = inputs.shape
    size = width // num_heads
    collected = []
    for number in range(num_heads):
        first = number * size
        last = first + size
        one = inputs[:, :, first:last]
        if one.shape[2] != size:
            raise ValueError("a head is too small </pre><script>alert(2)</script>")
        collected.append(ops.expand_dims(one, 0))
    together = collected[0]
    for following in collected[1:]:
        together = ops.concatenate([together, following], axis=0)
    return ops.stack([together[n] for n in range(num_heads)], axis=1)
"""
# The same with other names, comments and layout.
COPIED = (
    OWN_WAY.replace("collected", "teile")
    .replace("together", "alles")
    .replace("first", "a")
    .replace("    size =", "    # my own idea\n\n    size =")
    .replace("one", "stueck")
)


@pytest.fixture(scope="module")
def lesson():
    return find_lesson("attention")


def verdict(lesson, notes=(), regrade="", **problems):
    """Right, but for the exercises named: `softmax=(points, diagnosis, problem, status)`; the last may be left out."""
    marks = []
    for name, cell in lesson.exercises.items():
        points, diagnosis, problem, *status = problems.get(name, (cell.points, "", ""))
        told = {"status": status[0]} if status else {}
        marks.append(Mark(name, points, cell.points, diagnosis, [problem] if problem else [], **told))
    return Verdict(lesson.lab, 1, [] if regrade else marks, list(notes), regrade)


UNUSUAL = Note("worth a look, unusual in an answer: open", NoteKind.UNUSUAL)
INVERTED = (0, "inverted", "The mask is inverted: `True` means may attend.")
CLASS = {
    "ada": {},
    "ben": {"causal_mask": INVERTED},
    "cleo": {"causal_mask": INVERTED, "softmax": (1, "", "on large scores: the result holds NaN")},
    "dora": {"causal_mask": (0, "", "not written yet", Status.UNWRITTEN)},
    "emil": {"regrade": "the machine was too busy to finish in time"},
    "fay": {"notes": [Note("check cells put back because changed: softmax", NoteKind.TAMPERING)]},
    "gus": {
        "softmax": (
            0,
            "",
            "this exercise builds what `keras.ops.softmax` does for you, so write it",
            Status.FORBIDDEN,
        )
    },
    "hal": {
        "softmax": (
            0,
            "",
            "on drawn sizes: it was still computing after 4 seconds: is there an endless loop?",
            Status.UNANSWERED,
        )
    },
    "ida": {"notes": [Note("the file was damaged; 3 cells could still be read", NoteKind.DAMAGED)]},
    "jo": {"notes": [UNUSUAL]},
    HOSTILE: {
        "softmax": (0, "", f"your code stopped with ValueError: {HOSTILE} <img src=x onerror=alert(3)>")
    },
    "=1+1": {"softmax": (0, "", "=cmd|' /C calc'!A0")},
}


@pytest.fixture(scope="module")
def course(tmp_path_factory, built_course, lesson):
    """Verdicts made by hand, and notebooks of which two are copies."""
    folder = tmp_path_factory.mktemp("report") / "course"
    shutil.copytree(built_course / "release", folder / "release")
    (folder / "nbgrader_config.py").write_text(COURSE_FILE)
    answers = {"ben": {"split_heads": OWN_WAY}, "cleo": {"split_heads": COPIED}}
    for name, what in CLASS.items():
        safe = name.replace("/", "∕")
        verdict(lesson, **what).save(folder / "verdicts" / lesson.lab / f"{safe}.json")
        hand_in(folder, lesson, safe, answers.get(name, {}))
    hand_in(folder, lesson, "kay", {})
    return folder


def hand_in(folder, lesson, name, answers):
    path = folder / "submitted" / name / lesson.lab / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(submission(lesson, answers), path)


@pytest.fixture(scope="module")
def facts(course, lesson):
    return gather(course, lesson)


@pytest.fixture(scope="module")
def written(course, lesson):
    _, page, table = write_report(course, lesson)
    return page.read_text(), table.read_text()


def exercise(facts, name):
    return next(exercise for exercise in facts.exercises if exercise.name == name)


def test_mistakes_are_counted_by_name(facts):
    (mistake,) = exercise(facts, "causal_mask").mistakes
    assert (mistake.name, mistake.learners) == ("inverted", ["ben", "cleo"])
    assert "inverted" in mistake.feedback


def test_every_graded_learner_stands_once_in_every_exercise(facts):
    graded = sorted(learner.name for learner in facts.graded)
    assert len(graded) == len(CLASS) - 1
    for one in facts.exercises:
        assert sorted([*one.right, *one.part, *one.none, *one.unwritten, *one.ready_made]) == graded
    softmax = exercise(facts, "softmax")
    assert softmax.part == ["cleo"] and softmax.ready_made == ["gus"] and "hal" in softmax.other
    assert exercise(facts, "causal_mask").unwritten == ["dora"]


def test_the_distribution_holds_everybody_graded(facts):
    assert sum(count for *_, count in facts.bins) == len(facts.graded)
    assert facts.bins[-1][2] >= 4 and facts.bins[0][0] == 0 and facts.bins[-1][1] == facts.max_points


def test_what_asks_for_a_persons_eye(facts):
    kinds = {learner.name: {kind for kind, _ in learner.eyes} for learner in facts.learners if learner.eyes}
    assert kinds == {
        "emil": {"regrade"},
        "fay": {"tampering"},
        "gus": {"ready_made"},
        "hal": {"stopped"},
        "ida": {"damaged"},
        "jo": {"unusual"},
        "kay": {"ungraded"},
    }


def test_verdicts_that_earlier_versions_wrote_ask_for_the_same_eyes(course, facts, lesson, tmp_path):
    """Their notes are sentences, and their marks have no status."""
    old = tmp_path / "course"
    shutil.copytree(course, old)
    for path in verdict_path(old, lesson.lab, "x").parent.glob("*.json"):
        fields = json.loads(path.read_text())
        fields["notes"] = [note["text"] for note in fields["notes"]]
        for mark in fields["marks"]:
            del mark["status"]
        path.write_text(json.dumps(fields))
    again = gather(old, lesson)
    assert {one.name: one.eyes for one in again.learners} == {one.name: one.eyes for one in facts.learners}
    assert exercise(again, "causal_mask").unwritten == ["dora"]


def test_notes_of_the_repair_say_what_they_are_about(lesson, built_course):
    from autograder.judge.notebook_repair import repair

    release = nbformat.read(built_course / "release" / lesson.lab / f"{lesson.name}.ipynb", as_version=4)
    changed = json.loads(nbformat.writes(release))
    for cell in changed["cells"]:
        if cell["metadata"].get("course", {}).get("role") == "check":
            cell["source"] = "20"
    assert [note.kind for note in repair(release, json.dumps(changed), code_reader).notes] == [
        NoteKind.TAMPERING
    ]
    for text in ("no notebook", nbformat.writes(release)[:40_000]):
        assert repair(release, text, code_reader).notes[0].kind is NoteKind.DAMAGED
    assert repair(release, nbformat.writes(release), code_reader).notes == []


def test_a_copy_with_other_names_is_found_and_nobody_else(facts):
    (group,) = facts.alike
    assert group.learners == ["ben", "cleo"] and group.where == ["split_heads"]


def pieces(source, lesson):
    return similar_answers.pieces_of_code(source, lesson.exercises)


def test_names_comments_layout_docstrings_and_hints_do_not_count(lesson):
    other = '"""Mine."""\n' + OWN_WAY.replace("):\n", ") -> list:\n    'Splits.'\n", 1).replace(
        "inputs,", "inputs: int,"
    )
    assert pieces(OWN_WAY, lesson) == pieces(COPIED, lesson) == pieces(other, lesson)
    assert pieces("def f(:", lesson) == set()
    assert len(pieces("x = " + "-" * 5000 + "1", lesson)) < 5000  # deep, and no crash


@pytest.mark.parametrize("name", ["attention", "transformer"])
def test_right_answers_in_different_styles_are_no_false_alarm(name, root, tmp_path):
    """Not even if these styles were not known."""
    lab = find_lesson(name)
    for folder in ("solutions", "autograder"):
        (tmp_path / folder).symlink_to(root / folder)
    usual, own = similar_answers.usual_pieces(lab, tmp_path), {}
    for one in lab.exercises:
        for number, entry in enumerate(entries.alternatives(lab.name, one)):
            own.setdefault(f"style {number}", {})[one] = pieces(entry_source(entry, lab), lab) - usual
    # Some exercises have more known styles than others; a learner answers all of them in one.
    own = {style: places for style, places in own.items() if len(places) == len(lab.exercises)}
    assert len(own) >= 3 and all(sum(map(len, places.values())) > 300 for places in own.values())
    assert similar_answers.find_pairs(own) == []


def test_a_class_that_writes_the_reference_or_known_answers_is_not_suspicious(lesson):
    usual = similar_answers.usual_pieces(lesson)
    for one in lesson.exercises:
        for entry in (*entries.alternatives(lesson.name, one), *entries.misconceptions(lesson.name, one)):
            source = textwrap.dedent(entry_source(entry, lesson))
            assert len(pieces(source, lesson) - usual) < similar_answers.ENOUGH / 2, (one, entry.name)


def test_short_answers_and_what_many_write_are_not_alike(lesson):
    line = "def causal_mask(length):\n    return ops.tril(ops.ones((length, length), dtype='bool'))"
    both = {"causal_mask": pieces(line, lesson)}
    assert similar_answers.find_pairs({"a": both, "b": both}) == []
    many = {f"s{n}": {"split_heads": pieces(OWN_WAY, lesson)} for n in range(9)}
    assert similar_answers.find_pairs(many | {f"t{n}": {"split_heads": set()} for n in range(6)}) == []


def test_a_written_answer_that_was_copied_is_found():
    text = " ".join(
        f"Attention number {n} looks at word {n * n} because of {n + 7} reasons." for n in range(12)
    )
    own = {
        name: {"why": similar_answers.pieces_of_text(said)}
        for name, said in {"a": text, "b": text.upper()}.items()
    }
    (pair,) = similar_answers.find_pairs(
        own | {"c": {"why": similar_answers.pieces_of_text("It is the scale.")}}
    )
    assert pair.learners == ("a", "b") and pair.where == ("why",)


def test_pairs_become_groups():
    pairs = [
        similar_answers.Pair(two, ("x",), 90, 1.0) for two in (("a", "b"), ("c", "d"), ("b", "c"), ("e", "f"))
    ]
    assert [group.learners for group in similar_answers.groups(pairs)] == [["a", "b", "c", "d"], ["e", "f"]]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]


def test_the_page_needs_nothing_and_runs_nothing(written):
    page, _ = written
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(tags.found)
    assert not [one for one in tags.attributes if one[1].startswith("on")]
    links = [value for _, name, value in tags.attributes if name in ("href", "src")]
    assert links and all(link.startswith("#") for link in links)
    assert "default-src 'none'" in page and "url(" not in page and "@import" not in page
    assert "&lt;script&gt;alert(1)" in page and "&lt;/pre&gt;&lt;script&gt;alert(2)" in page


def test_the_page_says_what_matters_and_figures_have_words(written):
    page, _ = written
    assert "<b>2 of 11</b>The mask is inverted: <code>True</code> means may attend." in page
    assert "13 submissions, 11 graded" in page
    assert page.count('role="img" aria-label=') == 1 + 8
    assert "the machine was too busy" in page and "ben and cleo: 100 %" in page
    assert "prefers-color-scheme: dark" in page and "@media print" in page and "max-width: 560px" in page


def test_the_table_holds_every_mark_and_no_formula(written):
    rows = list(csv.DictReader(written[1].splitlines()))
    assert len(rows) == 11 * 8 + 2  # two have no mark
    assert sum(float(row["points"] or 0) for row in rows if row["student"] == "ben") == 18
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert (
        next(row for row in rows if row["student"] == "ben")["needs a person's eye"]
        == "near-identical answers"
    )


def test_one_learner_or_nobody_graded_makes_a_page_too(tmp_path, lesson):
    (tmp_path / "nbgrader_config.py").write_text(COURSE_FILE)
    with pytest.raises(GradeError, match="autograder grade 1"):
        gather(tmp_path, lesson)
    verdict(lesson, regrade="the disk is full").save(tmp_path / "verdicts" / lesson.lab / "ada.json")
    assert "Nothing has a mark yet" in write_report(tmp_path, lesson)[1].read_text()
    verdict(lesson).save(tmp_path / "verdicts" / lesson.lab / "ada.json")
    assert "everybody is right" in write_report(tmp_path, lesson)[1].read_text()


def test_the_feedback_page_lists_questions_and_hides_graders_notes(lesson):
    told = verdict(lesson, notes=[UNUSUAL, Note("check cell put back: x")])
    top = feedback_page.summary(told, lesson.questions)
    for name in lesson.questions:
        assert f"question: {name}" in top
    assert top.count("not graded yet") == len(lesson.questions)
    assert "worth a look" not in top and "check cell put back" in top
    assert "padding" in top


def test_hostile_words_stay_words_in_the_summary(lesson):
    told = verdict(
        lesson, softmax=(0, "", "ValueError: </table><script>x</script>\n\n# big\n[a](http://b) $x$")
    )
    top = feedback_page.summary(told)
    assert "<script>" not in top and "\n# big" not in top and "[a]" not in top and "$" not in top
    assert re.search(r"<table[^\n]*</table>", top)


def test_follow_through_names_only_what_lost_points():
    mark = Mark("MultiHeadAttention", 4, 4, helped=["softmax", "causal_mask", "split_heads"])
    page = feedback_page.mark_in_html(mark, {"causal_mask"})
    assert "sound versions of causal_mask," in page and "softmax" not in page


def shown(width, lesson, graded):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(class_table(lesson, graded))
    return console.export_text()


def test_the_class_table_can_be_read_at_80_columns(lesson):
    graded = [("ada", verdict(lesson)), ("ben", verdict(lesson, causal_mask=INVERTED))]
    graded.append(("emil", verdict(lesson, regrade="too busy")))
    narrow, wide = shown(80, lesson, graded), shown(140, lesson, graded)
    assert "    causal_mask: = The mask is inverted: `True` means may attend." in narrow
    assert max(map(len, narrow.splitlines())) <= 80 and "│" not in narrow and "│" in wide
    assert "to be graded again" in narrow and re.search(
        r"^ada +2 +4 +2 +2 +3 +2 +1 +4 +20 *$", narrow, re.MULTILINE
    )
    assert len(narrow.splitlines()) <= 9


def test_paths_are_short_below_here_and_absolute_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert console.short_path(tmp_path / "a" / "b.html") == "a/b.html"
    assert console.short_path(tmp_path.parent / "b.html") == str(tmp_path.parent / "b.html")


def test_an_untouched_answer_is_not_called_written_by_hand():
    from course import checking

    def softmax(scores, axis=-1):
        raise NotImplementedError

    assert "written by hand" not in str(checking.run_checks(softmax))
    assert checking.run_checks(softmax).points == 0
