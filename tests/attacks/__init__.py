"""Hostile and broken submissions to Lab 1. `judge/test_attacks.py` hands them all in as one class.

Each says in one line what it tries. Most are a cell of code in an otherwise untouched notebook, whose honest content
earns nothing, or in a right one, where it must harm nobody but its author. The others change the file itself.
"""

import copy
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
ATTACKS: list["Attack"] = []
FAMILIES = ("libraries", "objects", "notebook_shell", "introspection", "reading", "writing", "network", "wire", "files",
            "feedback", "detection", "built_ins", "resources")  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    Attributes:
        family: what kind of attack it is.
        tries: what it tries, in one line.
        code: a cell that stands behind the answers.
        right: whether it stands in a right notebook, and not in an untouched one.
        answers: exercise -> source, put in the place of what the notebook has.
        edit: `edit(notebook) -> text or bytes of the file`, for attacks on the file itself.
        lasts: whether it would harm a machine whose grader does not shut code in.
        told: a pattern that one of the sentences about the submission must match.
        left_open: whether nobody can say what its author wrote, so that it has no mark and waits for a person.
    """

    family: str
    tries: str
    code: str = ""
    right: bool = False
    answers: tuple = ()
    edit: Callable | None = None
    lasts: bool = False
    told: str = "."
    left_open: bool = False

    def submission(self, untouched, right):
        """The file as handed in, `bytes`. Takes the released notebook and the reference's."""
        notebook = copy.deepcopy(right if self.right else untouched)
        for cell in notebook.cells:
            name = cell.metadata.get("course", {}).get("name")
            if cell.metadata.get("course", {}).get("role") == "answer" and name in dict(self.answers):
                cell.source = dict(self.answers)[name]
        if self.code:
            code = self.code.replace("CHECKOUT", str(ROOT))
            notebook.cells.append(nbformat.v4.new_code_cell(code, id="attack"))
        made = self.edit(notebook) if self.edit else nbformat.writes(notebook)
        return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def attack(family, tries, code="", **options):
    """Add one to the corpus."""
    ATTACKS.append(Attack(family, tries, code.strip("\n"), **options))


def corpus():
    """All attacks, in the order of their families."""
    for family in FAMILIES:
        importlib.import_module(f"{__name__}.{family}")
    return tuple(ATTACKS)
