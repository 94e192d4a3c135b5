"""All that reads code and notebooks without running them, in one place: what the judge is handed as its reader."""

from course.checking.shortcuts import defines, exercises_with_shortcuts, find_shortcuts
from course.notebooks.cell_source import parse, read_cell
from course.notebooks.definitions import definitions, flat, rebound, unfinished
from course.notebooks.find_cells import (
    ALIKE,
    added,
    belongs_together,
    code_in_text,
    defined_in,
    likeness,
    without_labs_code,
    without_unfinished,
)
from course.notebooks.notebook_file import read_file

__all__ = [
    "ALIKE",
    "added",
    "belongs_together",
    "code_in_text",
    "defined_in",
    "defines",
    "definitions",
    "exercises_with_shortcuts",
    "find_shortcuts",
    "flat",
    "likeness",
    "parse",
    "read_cell",
    "read_file",
    "rebound",
    "unfinished",
    "without_labs_code",
    "without_unfinished",
]
