"""The notebook file itself: metadata, cell ids, formats, saved outputs."""

import copy
import json

import nbformat

from attacks import attack

F = "the notebook file"


def raw(change):
    """An edit that changes the notebook as plain JSON."""

    def edit(notebook):
        content = json.loads(nbformat.writes(notebook))
        changed = change(content)
        return json.dumps(content if changed is None else changed)

    return edit


def graded(content):
    return [cell for cell in content["cells"] if "nbgrader" in cell["metadata"]]


def points(content):
    for cell in graded(content):
        cell["metadata"]["nbgrader"] |= {"points": 999, "max_score": 999}
        cell["metadata"]["course"] = {"role": "answer", "name": "softmax", "points": 999}


def unlocked(content):
    for cell in graded(content):
        cell["metadata"]["nbgrader"] |= {"locked": False, "solution": True, "grade": True}
        cell["source"] = "20"


def renamed(content):
    for cell in graded(content):
        cell["metadata"]["nbgrader"]["grade_id"] = "check_softmax"


def schema(content):
    for cell in graded(content):
        cell["metadata"]["nbgrader"]["schema_version"] = 99


def saved_scores(content):
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
            cell["outputs"] = [
                {"output_type": "execute_result", "execution_count": 1, "metadata": {"scrapbook": 20},
                 "data": {"text/plain": "20", "text/html": "20 of 20 points"}}
            ]  # fmt: skip


def doubled(content):
    content["cells"] += copy.deepcopy(content["cells"])


def ids(content):
    for number, cell in enumerate(content["cells"]):
        cell["id"] = f"../../../tmp/written-by-a-submission-{number}"


def stripped(content):
    content["cells"] = [cell for cell in content["cells"] if "nbgrader" not in cell["metadata"]]


def kernel(content):
    content["metadata"] = {
        "kernelspec": {"name": "../../evil", "display_name": "x", "language": "bash"},
        "celltoolbar": {"deep": [[[[]]]]},
        "nbgrader": {"seed": 1, "isolation": "none"},
    }


def types(content):
    for cell in content["cells"]:
        cell["metadata"] = [cell["metadata"]]
        cell["source"] = {"not": "text"}


def attachments(content):
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["attachments"] = {"../../x.png": {"image/png": "AAAA" * 1000}}


attack(F, "gives itself 999 points for each exercise", edit=raw(points))
attack(F, "unlocks the check cells and writes scores into them", edit=raw(unlocked), told="put back")
attack(F, "renames every grade cell to the easiest one", edit=raw(renamed))
attack(F, "claims another nbgrader schema", edit=raw(schema))
attack(F, "brings saved outputs that show full marks", edit=raw(saved_scores))
attack(F, "holds every cell twice", edit=raw(doubled), right=True, told="more than once")
attack(F, "has cell ids that are paths", edit=raw(ids), right=True)
attack(F, "has no graded cell at all", edit=raw(stripped), told="missing")
attack(F, "names a kernel and settings of its own", edit=raw(kernel), right=True)
attack(F, "has lists where dictionaries are due, and the reverse", edit=raw(types))
attack(F, "has attachments with paths as names", edit=raw(attachments), right=True)
# Garbage earns nothing, and is no 0 either: a person asks for another copy, until when there is no mark.
attack(F, "is no notebook", edit=lambda notebook: "dear grader, my dog ate it", left_open=True)
attack(F, "is empty", edit=lambda notebook: b"", left_open=True)
attack(
    F,
    "is a zip bomb's first bytes",
    edit=lambda notebook: b"PK\x03\x04" + bytes(5000),
    left_open=True,
)
attack(F, "is JSON nested a hundred thousand deep", edit=lambda notebook: "[" * 100_000, left_open=True)
attack(F, "is a number, not a notebook", edit=lambda notebook: "20", left_open=True)
attack(F, "is not text at all", edit=lambda notebook: bytes(range(256)) * 100, left_open=True)
attack(F, "holds text that no encoding can write", "x = '\ud800'\nraise ValueError('\\ud800')", right=True)
attack(
    F, "has a cell of ten megabytes",
    edit=raw(lambda content: content["cells"].append(
        {"cell_type": "code", "id": "big", "metadata": {}, "outputs": [], "execution_count": None, "source": "#" * (10 << 20)}
    )),
    right=True,
)  # fmt: skip
attack(F, "has fifty thousand cells", edit=raw(lambda content: content["cells"].extend(
    {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": "1"}
    for n in range(50_000)
)), right=True, told="first")  # fmt: skip
