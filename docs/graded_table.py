"""Draws docs/images/graded.svg from a graded demonstration: make demo, then python docs/graded_table.py"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from autograder.classroom.class_table import class_table, legend
from autograder.classroom.submissions import load_verdicts
from course.notebooks.lesson import find_lesson

HERE = Path(__file__).parent
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "demo_course"

lesson = find_lesson("1")
console = Console(record=True, width=128, file=io.StringIO(), force_terminal=True)
console.print(class_table(lesson, load_verdicts(FOLDER, lesson)))
console.print(legend(lesson), "[bold]=[/] a known misconception, recognised", sep="\n")
picture = console.export_svg(title="autograder grade 1")
# Without the font that Rich would fetch from the network: any fixed-width one will do.
picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
(HERE / "images" / "graded.svg").write_text(picture, encoding="utf-8")
