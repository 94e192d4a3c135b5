"""What an instructor gets from the lessons: the outline, the guide, the slides, and the pictures in them."""

import html
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from autograder import cli
from autograder.authoring.model_answers import model_answers
from autograder.authoring.source_code import Reference
from autograder.hidden import entries
from autograder.teaching.handouts import deck, guide, markdown_html, pictures, room_counts, slides
from autograder.teaching.handouts.outline import Block, blocks, outline
from course.errors import CourseError
from course.notebooks.lesson import find_lesson, lessons

runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def run(*arguments):
    return runner.invoke(cli.app, [str(argument) for argument in arguments])


def said(result):
    return " ".join(result.output.split())


@pytest.fixture(params=list(lessons()), scope="module")
def each(request):
    return lessons()[request.param]


# the outline


def test_an_outline_holds_everything_that_is_done(each):
    parts = [part for section in outline(each).everything for part in section.parts]
    done = [cell for cell in each.cells if cell.kind in ("exercise", "experiment", "question")]
    assert [part for part in parts if not isinstance(part, Block)] == done
    assert sum(section.doing for section in outline(each).everything) == sum(cell.minutes for cell in done)


def test_headings_decide_not_cells(lesson):
    plan = outline(lesson)
    assert plan.opening.title == "Attention" and plan.sections[0].title == "1.1 Attention by hand"
    masks = next(section for section in plan.sections if section.title == "1.5 Two masks")
    assert [step.title for step in masks.steps] == [
        "",
        "The causal mask",
        "The padding mask",
        "Words of your own",
    ]


def test_pieces_of_prose_stay_whole():
    text = "a\nb\n# H\ntext\n\n```py\nx\n\n# no heading\n```\nafter\n$$x\n+1$$\nmore\n\n| a |\n|--|\n\n* one\n  two\n\n* three\n\nend\n> q\n> r\n"
    found = [(block.kind, block.text) for block in blocks(text)]
    assert found == [
        ("paragraph", "a b"),
        ("paragraph", "**H**"),
        ("paragraph", "text"),
        ("code", "```py\nx\n\n# no heading\n```"),
        ("paragraph", "after"),
        ("math", "$$x\n+1$$"),
        ("paragraph", "more"),
        ("table", "| a |\n|--|"),
        ("list", "* one\n  two\n\n* three"),
        ("paragraph", "end"),
        ("quote", "> q\n> r"),
    ]


def test_a_label_is_what_a_paragraph_begins_with_in_bold():
    goal, plain, alone = blocks("**Goal.** Do it.\n\nDo **it.** Now.\n\n**Read on.**")
    assert (goal.label, goal.unlabelled) == ("Goal", "Do it.")
    assert plain.label == alone.label == ""


# prose as HTML


def test_formulas_become_mathml_and_nothing_else_is_touched():
    made = markdown_html.in_html("A $x_1 * y_2$ and `$code$`, <b>raw</b>.\n\n$$\\frac{a}{b}$$")
    assert "<msub>" in made and "<mfrac>" in made and "<code>$code$</code>" in made
    assert "&lt;b&gt;" in made and "<em>" not in made


def test_no_formula_of_any_lesson_is_beyond_the_converter(each):
    formulas = [part.text.strip("$") for part in _blocks(each) if part.kind == "math"]
    formulas += [
        found["formula"]
        for part in _blocks(each)
        if part.kind not in ("math", "code")
        for found in markdown_html.INLINE.finditer(part.text)
        if found["formula"]
    ]
    assert formulas
    for formula in formulas:
        made = markdown_html.mathml(formula)
        assert made.startswith("<math"), formula
        assert "\\" not in made and "&#x0005C;" not in made, formula


def test_a_formula_that_cannot_be_converted_is_shown_as_written():
    assert markdown_html.mathml(r"\frac{a}{") == r"<code>\frac{a}{</code>" or "<math" in markdown_html.mathml(
        r"\frac{a}{"
    )


def test_sentences_end_where_they_end():
    text = "See Vaswani et al. (2017), e.g. Fig. 2. Take $x. Y$ now! Is `a. B` right? (Yes.) Go."
    assert markdown_html.sentences(text) == [
        "See Vaswani et al. (2017), e.g. Fig. 2.",
        "Take $x. Y$ now!",
        "Is `a. B` right?",
        "(Yes.)",
        "Go.",
    ]
    assert markdown_html.shortened("One. Two. Three.", 9) == "One. Two."
    assert markdown_html.shortened("One. Why? Because.", 10) == "One.", "no question without its answer"


def _blocks(lesson):
    return [
        part for section in outline(lesson).everything for part in section.parts if isinstance(part, Block)
    ]


# the guide


def test_a_guide_has_every_section_mistake_hint_and_model_answer(each, root):
    text = guide.guide(each)
    flat = " ".join(text.split())
    for section in outline(each).sections:
        assert f"## {section.title}" in text
    for name, cell in each.exercises.items():
        assert f"**Exercise `{name}`**" in text
        assert all(hint in text for hint in cell.hints)
        assert all(entry.feedback in text for entry in entries.misconceptions(each.name, name))
    answers = model_answers(root, each.name)
    assert set(answers) == set(each.questions)
    for name in each.questions:
        assert " ".join(answers[name].text.split()) in flat
        assert all(line.says in text for line in answers[name].rubric)


def test_the_guide_is_one_page_that_needs_nothing(lesson, tmp_path):
    page = guide.write_guide(lesson, tmp_path / "new").read_text(encoding="utf-8")
    assert "<script" not in page and "<h2>1.1 Attention by hand" in page and "<math" in page
    assert "src=" not in page and "<link" not in page and "@import" not in page
    assert guide.write_guide(lesson, tmp_path, kind="md").read_text(encoding="utf-8") == guide.guide(lesson)


def test_what_the_room_got_wrong_comes_first(lesson):
    known = entries.misconceptions("attention", "softmax")
    seen = {"softmax": Counter({known[3].name: 4, known[5].feedback: 9, "something new": 2})}
    text = guide.guide(lesson, seen)
    at = [
        text.index(row)
        for row in (f"**9** · {known[5].feedback}", f"**4** · {known[3].feedback}", known[0].feedback)
    ]
    assert at == sorted(at)
    assert "**2** · something new" in text and "candidate for the bank" in text


def test_counts_come_as_csv_or_json(tmp_path):
    table, listed = tmp_path / "a.csv", tmp_path / "a.json"
    table.write_text("who,exercise,mistake,count\nx,softmax,a  b,3\ny,softmax,a b,\n", encoding="utf-8-sig")
    listed.write_text('[{"exercise": "softmax", "mistake": "a b", "count": 4}]')
    assert (
        room_counts.read_counts(table) == room_counts.read_counts(listed) == {"softmax": Counter({"a b": 4})}
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"exercise": 1}', "must be a list of"),
        ("[1]", "entry 1: the file must be a list of"),
        ("[{", "is no sound JSON"),
        ("exercise,count\nsoftmax,3\n", "entry 1: the file must be a list of"),
        ("exercise,mistake,count\nsoftmax,a,many\n", "entry 1"),
    ],
)
def test_other_files_are_refused_with_a_sentence(tmp_path, content, says):
    path = tmp_path / "counts"
    path.write_text(content)
    with pytest.raises(CourseError, match=re.escape(says)):
        room_counts.read_counts(path)
    done = run("guide", 1, "--counts", tmp_path / "none.csv", "--to", tmp_path)
    assert done.exit_code == 2 and "cannot be read" in said(done)


def test_the_command_writes_a_guide(tmp_path):
    done = run("guide", "attention", "--to", tmp_path, "--format", "md")
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["lab1_attention.md"]
    assert "--format is html or md" in said(run("guide", 1, "--format", "pdf"))


# slides


def test_a_deck_has_every_section_exercise_experiment_and_question(each):
    chapters = deck.slides(each)
    made = [slide for chapter in chapters for slide in chapter]
    assert len(chapters) == len(outline(each).everything)
    assert [slide.kind for slide in made if slide.kind in ("title", "section")] == ["title"] + ["section"] * (
        len(chapters) - 1
    )
    breaks = {html.unescape(re.sub("<.*?>", "", s.title)): s for s in made if s.kind == "exercise"}
    assert list(breaks) == list(each.exercises)
    for name, cell in each.exercises.items():
        assert breaks[name].minutes == cell.minutes
        notes = " ".join(breaks[name].notes)
        assert markdown_html.inline(cell.hints[0]) in notes
        assert markdown_html.inline(entries.misconceptions(each.name, name)[0].feedback) in notes
    assert sum(slide.kind == "question" for slide in made) == len(each.questions)
    runs = sum("<b>Experiment " in note for slide in made for note in slide.notes)
    assert runs == sum(cell.kind == "experiment" for cell in each.cells)


def test_a_deck_holds_no_answer(each, root):
    page = slides.render(each, deck.slides(each))
    reference = Reference(root / "solutions" / f"{each.name}.py")
    plain = " ".join(re.sub("<[^>]*>", "", html.unescape(page)).split())
    for answer in model_answers(root, each.name).values():
        assert " ".join(answer.text.split())[:60] not in plain
    for name in each.exercises:
        for body in reference.answer(name).solutions():
            assert len(body.strip().splitlines()) < 2 or body.strip() not in html.unescape(page)


def test_what_a_slide_leaves_out_is_in_the_notes(lesson):
    made = [slide for chapter in deck.slides(lesson) for slide in chapter]
    everything = " ".join(piece for slide in made for piece in [*slide.body, *slide.notes])
    for part in _blocks(lesson):
        words = re.sub("<[^>]*>", " ", markdown_html.block_in_html(part)).split()
        flat = " ".join(re.sub("<[^>]*>", " ", everything).split())
        assert " ".join(words[-6:]) in flat, part.text


def test_a_page_asks_the_network_for_nothing(lesson):
    shown = {"why_scale": pictures.Shown((("three curves", f"data:image/png;base64,{PIXEL}"),))}
    page = slides.render(lesson, deck.slides(lesson, shown))
    assert "sourceMappingURL" not in page
    plain = re.sub("(?s)<script>.*?</script>", "", page)
    assert "<script" not in plain and "@import" not in plain and not re.search(r"url\((?!data:)", plain)
    assert not re.findall(r"<(?:link|img|iframe)[^>]*(?:src|href)=\"(?!data:)", plain)
    assert 'alt="three curves"' in page and "Reveal.initialize" in page and "RevealNotes" in page
    assert page.count("</script>") == 3, "nothing in reveal.js may end its own element"


def test_without_reveal_a_sentence_says_what_to_install(lesson, monkeypatch):
    monkeypatch.setattr(slides.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="reveal.js is missing: in the checkout, run"):
        slides.render(lesson, [])


def test_the_command_writes_slides(tmp_path):
    done = run("slides", "1", "--no-run", "--to", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "lab1_attention.html").exists()
    assert "--preset is one of laptop, gpu, smoke" in said(run("slides", "1", "--preset", "huge"))


# pictures


@pytest.fixture
def small(monkeypatch, lesson):
    """A lesson whose notebook runs in a second; what its second experiment does can be set."""
    cells = {
        "setup": "import os",
        "by_hand": "from IPython.display import HTML, display\nprint(os.environ['COURSE_PRESET'])\n"
        f'display(HTML(\'<img alt="a &amp; b" width="3" src="data:image/png;base64,{PIXEL}">\'))',
        "why_scale": "1 / 0",
    }

    def notebook(lesson, root=None):
        made = nbformat.v4.new_notebook()
        for name, source in cells.items():
            role = "setup" if name == "setup" else "experiment"
            made.cells.append(
                nbformat.v4.new_code_cell(source, metadata={"course": {"role": role, "name": name}})
            )
        return made

    monkeypatch.setattr(pictures, "source_notebook", notebook)
    return cells


def test_pictures_are_what_experiments_show_and_are_kept(small, lesson, tmp_path):
    small["why_scale"] = "print('fine')"
    went = []
    shown = pictures.pictures(lesson, "smoke", lambda *now: went.append(now), cache=tmp_path)
    ((alt, source),) = shown["by_hand"].images
    assert (alt, shown["by_hand"].text, shown["why_scale"].text) == ("a & b", "smoke", "fine")
    assert pictures.size(source) == (1, 1)
    assert [name for name, *_ in went] == ["setup", "by_hand", "why_scale"] and went[-1][1] == 1
    went.clear()
    assert (
        pictures.pictures(lesson, "smoke", lambda *now: went.append(now), cache=tmp_path) == shown
        and not went
    )
    small["why_scale"] = "print(\n    'fine'  # as before\n)"
    assert pictures.pictures(lesson, "smoke", lambda *now: went.append(now), cache=tmp_path) == shown
    assert not went, "layout and comments change no picture"
    small["why_scale"] = "print('changed')"
    assert pictures.pictures(lesson, "smoke", cache=tmp_path)["why_scale"].text == "changed"


def test_pictures_grow_old_with_all_modules_that_draw_and_train(root):
    cell = (
        "from course.experiments import few_labels, loading\nfrom course.experiments import vit as experiment"
    )
    behind = pictures._behind(root, [cell])
    # mae and its measuring come in by way of few_labels.
    for name in ("few_labels", "loading", "mae", "measuring", "training", "vit"):
        assert (root / "course" / "experiments" / f"{name}.py").read_text(encoding="utf-8") in behind


def test_docstrings_change_no_picture_and_other_code_does():
    one, other = 'def f(x):\n    """One."""\n    return x', 'def f(x):\n    """Other."""\n    return x'
    assert pictures._meaning(one) == pictures._meaning(other) != pictures._meaning(one.replace("x", "y"))
    assert pictures._meaning("!ls") == "!ls"


def test_an_experiment_that_fails_leaves_the_others_their_pictures(small, lesson, tmp_path):
    shown = pictures.pictures(lesson, "smoke", cache=tmp_path)
    assert shown["by_hand"].images and shown["why_scale"].failed == "ZeroDivisionError: division by zero"
    assert not list(tmp_path.iterdir()), "a run with failures is not kept"
    small["setup"] = "import no_such_package"
    with pytest.raises(CourseError, match="cell setup, fails: ModuleNotFoundError.*--no-run"):
        pictures.pictures(lesson, "smoke", cache=tmp_path)


def test_an_experiment_that_fails_is_told(monkeypatch, lesson, tmp_path):
    failed = {"why_scale": pictures.Shown(failed="ZeroDivisionError: division by zero")}
    monkeypatch.setattr(pictures, "pictures", lambda *given: failed)
    told = said(run("slides", "1", "--to", tmp_path))
    assert "lab1_attention: experiment why_scale failed: ZeroDivisionError: division by zero" in told


def test_a_picture_shares_its_slide_with_what_there_is_to_see(lesson):
    wide = pictures.Shown((("curves", f"data:image/png;base64,{PIXEL}"),))
    made = [slide for chapter in deck.slides(lesson, {"why_scale": wide}) for slide in chapter]
    (picture,) = [slide for slide in made if any("<img" in piece for piece in slide.body)]
    assert "What to see" in picture.body[1]


@pytest.mark.slow  # half a minute, for the kernel trains what the lesson trains
def test_the_deck_of_a_real_lab_has_its_pictures(lesson, tmp_path):
    shown = pictures.pictures(lesson, "smoke", cache=tmp_path)
    assert not [name for name, found in shown.items() if found.failed or not found.images]


# the run sheets


@pytest.mark.parametrize("sheet", ["taster", "one_day", "two_days", "ten_weeks"])
def test_run_sheets_name_sections_and_exercises_that_exist(root, sheet):
    text = (root / "docs" / "instructor" / f"{sheet}.md").read_text(encoding="utf-8")
    titles = [section.title for lesson in lessons().values() for section in outline(lesson).sections]
    numbers = {title.split()[0] for title in titles}
    named = set(re.findall(r"(?<![\d.:,])\d\.\d{1,2}(?![\d:.]\d)(?! GB)", text))
    assert named and not named - numbers
    names = {name for lesson in lessons().values() for name in [*lesson.exercises, *lesson.questions]}
    code = set(re.findall(r"`(\w+)`", text))
    assert not code - names


def test_run_sheets_add_up(root):
    """Within a table, each row begins when the one before it ends."""
    for sheet in ("one_day", "two_days"):
        text = (Path(root) / "docs" / "instructor" / f"{sheet}.md").read_text(encoding="utf-8")
        tables = text.split("| time | what | minutes |")[1:]
        assert tables, sheet
        for table in tables:
            ends = None
            for hour, minute, length in re.findall(r"(?m)^\| (\d+):(\d\d) \|.*\| (\d+) \|$", table):
                starts = 60 * int(hour) + int(minute)
                assert ends in (None, starts), f"{sheet}: {hour}:{minute}"
                ends = starts + int(length)


def test_find_lesson_is_what_the_commands_use():
    done = run("slides", "nine", "--no-run")
    assert done.exit_code == 2 and "no lab called 'nine'" in said(done)
    assert find_lesson("1").name == "attention"
