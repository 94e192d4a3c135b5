"""The released notebook as a frame: which submitted cell stands for which of its cells, and what else must run.

A cell is found by its id, then by its nbgrader name, then by what it defines or holds. An empty cell never overrules what is
written elsewhere.
"""

import copy
import dataclasses
from typing import Any

import nbformat

from autograder.judge.note import Note, NoteKind

CHANGED = "put back because changed"
WRITABLE = ("answer", "question", "free", "experiment", "prose", "colab")
LABS_OWN = ("check", "experiment", "colab")  # cells of the lab that never run when grading


def key_of(cell: Any) -> Any:
    """What identifies a cell of the release: its role and name."""
    course = cell.metadata.get("course")
    return (
        (course["role"], course["name"])
        if isinstance(course, dict) and course.keys() >= {"role", "name"}
        else None
    )


def _hashable(key):
    return key if key and all(isinstance(part, str) for part in key) else None


SPLIT = "split into several cells, read as one"
MOST_PIECES = 4  # that are looked at behind the first
MISSING = "put back, empty, because missing"
SECOND_SIDE = "\n\n*The second side of a git conflict in this file:*\n\n"
OTHER_SIDE = "other-side-"  # how ids of cells begin that stand on the second side of a git conflict


def _own(kind, source, *numbers, begins="own-"):
    """A learner's own cell, without metadata that could claim to be more."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make(source, id=begins + "-".join(map(str, numbers)))


class Frame:
    """The released notebook's cells, what was found for them, and what was done."""

    def __init__(self, release: Any, reader: Any) -> None:
        self.reader, self.cells, self.done, self.recognised = reader, release.cells, {}, 0
        self.names = [key[1] for key in map(key_of, release.cells) if key[0] == "answer"]
        self.by_id = {cell.id: key_of(cell) for cell in release.cells}
        self.by_grade_id = {
            cell.metadata.nbgrader.grade_id: key_of(cell)
            for cell in release.cells
            if "nbgrader" in cell.metadata
        }
        sources = [cell.source.strip() for cell in release.cells]
        self.by_source = {
            source: key_of(cell)
            for source, cell in zip(sources, release.cells, strict=True)
            if sources.count(source) == 1  # "Your answer here." stands for nothing
        }
        keys = list(map(key_of, release.cells))
        # A written answer without a name is known by the question above it.
        self.after = {
            before: key for before, key in zip(keys, keys[1:], strict=False) if key[0] == "question"
        }
        self.labs_own = [cell.source for cell in release.cells if key_of(cell)[0] in LABS_OWN]
        self.written = set()  # answers that some code cell holds

    def note(self, role: str, what: str, name: str) -> None:
        names = self.done.setdefault((role, what), [])
        names += [] if name in names else [name]

    def notes(self) -> list[Note]:
        """What was done."""
        found = []
        if self.recognised:
            what = "1 cell was found by what it holds"
            if self.recognised > 1:
                what = f"{self.recognised} cells were found by what they hold"
            found.append(Note(f"ids and names were lost; {what}"))
        for (role, what), names in self.done.items():
            text = f"{role} cell{'s' if len(names) > 1 else ''} {what}: {', '.join(names)}"
            found.append(Note(text, NoteKind.TAMPERING if what == CHANGED else NoteKind.REPAIRED))
        return found

    def sort(self, submitted: Any) -> Any:
        """Which submitted cells stand for which of the release's, and which are the learner's own, after which."""
        submitted = self._joined(submitted)
        for cell in submitted:
            if cell.kind == "code" and not cell.other_side:
                self.written |= self._written_in(cell)
        submitted = [self._one_side(cell) for cell in submitted]
        for cell in submitted:
            if cell.kind == "code":
                self.written |= self._written_in(cell)
        known, extras, last = {}, {}, None
        for cell in submitted:
            key = self._named(cell)
            if key is None:
                key = self._recognised(cell, last)
                self.recognised += key is not None
            if key is None:
                text, kind = cell.source, cell.kind
                if kind != "code" and self._lost_answers(text):
                    text, kind = self.reader.code_in_text(text), "code"
                count = len([one for found in extras.values() for one in found])
                begins = OTHER_SIDE if cell.other_side else "own-"
                own = _own(kind, text, len(extras), count, begins=begins)
                extras.setdefault(last, []).append(own)
            else:
                known.setdefault(key, []).append(cell)
                last = key
        return known, extras

    def _written_in(self, cell):
        return {name for name, full in self.reader.defined_in(cell.source, self.names).items() if full}

    def _one_side(self, cell):
        """A cell of a conflict's second side as any other, where it alone holds an answer."""
        if not cell.other_side:
            return cell
        alone = (
            self._lost_answers(cell.source) if cell.kind != "code" else self._written_in(cell) - self.written
        )
        if alone:
            return dataclasses.replace(cell, other_side=False)
        return cell

    def _joined(self, submitted):
        """Cells that were split in the middle of a definition, as one."""
        cells = list(submitted)
        for number, first in enumerate(cells):
            if first is None or first.kind != "code" or not self.reader.defined_in(first.source, self.names):
                continue
            pieces = []
            for place, piece in enumerate(cells[number + 1 :], number + 1):
                if piece is None or piece.kind != "code" or not piece.source.strip():
                    continue  # text that was written between the pieces
                if piece.other_side != first.other_side or self._named(piece) not in (
                    None,
                    self._named(first),
                ):
                    break
                pieces.append(place)
                rest = "\n".join(cells[one].source for one in pieces)
                if self.reader.belongs_together(first.source, rest):
                    whole = first.source + "\n" + rest
                    cells[number] = dataclasses.replace(first, source=whole)
                    for one in pieces:
                        cells[one] = None
                    for name in self.reader.defined_in(whole, self.names):
                        self.note("answer", SPLIT, name)
                    break
                if len(pieces) == MOST_PIECES:
                    break
        return [cell for cell in cells if cell is not None]

    def _named(self, cell):
        """A cell's key by its id, or by its nbgrader name, or by ours; `None` if it has none."""
        nbgrader = cell.metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        course = _hashable(key_of(cell))
        return (
            self.by_id.get(cell.id)
            or (self.by_grade_id.get(grade_id) if isinstance(grade_id, str) else None)
            or (course if course in self.by_id.values() else None)
        )

    def _recognised(self, cell, last):
        """A cell's key by what it holds or defines; `None` for a cell of the learner's own."""
        source = cell.source.strip()
        if not source:
            return None
        if source in self.by_source:
            return self.by_source[source]
        if cell.kind != "code":
            lost = self._lost_answers(source)
            return ("answer", lost[-1]) if lost else self.after.get(last)
        defined = self.reader.defined_in(cell.source, self.names)
        if defined:
            # The last one's place: what it leans on stands above.
            return "answer", max(defined, key=self.names.index)
        parts = [(self.reader.likeness(source, template.source), template) for template in self.cells]
        part, template = max(parts, key=lambda pair: pair[0], default=(0, None))
        return key_of(template) if part >= self.reader.ALIKE and template.cell_type == "code" else None

    def _lost_answers(self, text):
        """Answers that stand in a text cell, and nowhere in code: the cell's type was changed."""
        found = self.reader.defined_in(self.reader.code_in_text(text), self.names)
        return [name for name in self.names if found.get(name) and name not in self.written]

    def restore(self, template: Any, candidates: list) -> list:
        """The cell in the release's frame; before it, what else of the learner's stood in its place."""
        role, name = key_of(template)
        cell = copy.deepcopy(template)
        others = [found for found in candidates if found.other_side]
        if others:
            whole = self.restore(template, [found for found in candidates if not found.other_side])
            return self._with_other_side(template, whole, others)
        changed = [found for found in candidates if found.source.strip() != template.source.strip()]
        if role == "answer":
            return [*self._doubles(cell, name, candidates, changed), cell]
        own = [
            _own("code", text, role, name, number)
            for number, text in enumerate(self._code_inside(template, role, found) for found in changed)
            if text.strip()
        ]
        if role in WRITABLE:
            if changed or candidates:
                cell.source = (changed or candidates)[-1].source
            elif role == "question":
                self.note(role, MISSING, name)
        elif not candidates:
            self.note(role, "put back because missing", name)
        elif changed:
            self.note(role, CHANGED, name)
        # What set-up cells were given comes after them, as it may lean on them.
        return [cell, *own] if role in ("setup", "given") else [*own, cell]

    def _with_other_side(self, template, whole, others):
        """A cell of the frame, and behind it what its second side has for it: that is judged as well."""
        role, name = key_of(template)
        if role == "question":  # a person reads it
            texts = [one.source for one in (*whole, *others) if one.source.strip() != template.source.strip()]
            whole[-1].source = SECOND_SIDE.join(dict.fromkeys(texts)) or template.source
            return whole
        texts = [self._code_inside(template, role, found) for found in others]
        return [
            *whole,
            *(
                _own("code", text, role, name, number, begins=OTHER_SIDE)
                for number, text in enumerate(texts)
                if text.strip()
            ),
        ]

    def _doubles(self, cell, name, candidates, changed):
        """Fill an answer's cell; what else was written for it."""
        usable = [found for found in changed if found.kind == "code" or not self._coded(found)]
        texts = [
            found.source if found.kind == "code" else self.reader.code_in_text(found.source)
            for found in usable
        ]
        if usable and any(found.kind != "code" for found in usable):
            self.note("answer", "read as code, though its type is text", name)
        written = [
            text for text in texts if self.reader.defined_in(text, self.names).get(name, True)
        ] or texts[-1:]
        if not written:
            if not candidates and name not in self.written:
                self.note("answer", MISSING, name)
            return []
        cell.source = written[-1]
        if len(candidates) > 1 and len(written) > 1:
            self.note("answer", "found more than once; all of them run, the last one counts", name)
        return [_own("code", text, "before", name, number) for number, text in enumerate(written[:-1])]

    def _coded(self, found):
        """Whether all that a text cell defines is written in code, too: then the text is an old version."""
        defined = self.reader.defined_in(self.reader.code_in_text(found.source), self.names)
        return bool(defined) and defined.keys() <= self.written

    def _code_inside(self, template, role, found):
        """What must run of a cell that is none of the answers: added set-up, or an answer that was written there."""
        if role in ("setup", "given"):
            return self.reader.added(found.source, template.source) if found.kind == "code" else ""
        text = found.source
        if found.kind != "code":
            return self.reader.code_in_text(text) if self._lost_answers(text) else ""
        defined = self.reader.defined_in(text, self.names)
        if not any(defined.values()):
            return ""
        return self.reader.without_labs_code(text, self.labs_own)

    def settle(self, cells: list) -> Any:
        """The cells with nothing unwritten left that would overrule what is written elsewhere."""
        running = [
            cell
            for cell in cells
            if cell.cell_type == "code" and (key_of(cell) or ("own",))[0] in ("answer", "own")
        ]
        defined = {id(cell): self.reader.defined_in(cell.source, self.names) for cell in running}
        written = {name for found in defined.values() for name, full in found.items() if full}
        for cell in running:
            found, key = defined[id(cell)], key_of(cell)
            if found:
                cell.source = self.reader.without_labs_code(cell.source, self.labs_own)
                # In one cell, too, what is written counts, whichever comes last.
                cell.source = self.reader.without_unfinished(cell.source, written & found.keys())
            if key and key[1] in written and key[1] not in self.reader.defined_in(cell.source, self.names):
                self.note("answer", "empty; what another cell defines counts", key[1])
                if not cell.source.strip():
                    cell.source = f"# `{key[1]}` is defined in another cell of this notebook."
        return cells
