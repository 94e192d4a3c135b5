"""IPython's hooks: what an empty notebook earns full marks with under stock nbgrader."""

from attacks import attack

F = "IPython hooks"

attack(
    F,
    "turns every later cell into nothing",
    """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
""",
)
attack(
    F,
    "turns every later cell into its points",
    """
get_ipython().input_transformers_post.append(lambda lines: ["4\\n"])
""",
)
attack(
    F,
    "rewrites the syntax tree of later cells",
    """
import ast
class Nothing(ast.NodeTransformer):
    def visit_Call(self, node): return ast.Constant(4)
get_ipython().ast_transformers.append(Nothing())
""",
)
attack(
    F,
    "registers hooks around each cell",
    """
get_ipython().events.register("pre_run_cell", lambda *a: exit())
get_ipython().events.register("post_run_cell", lambda *a: print(4))
""",
)
attack(
    F,
    "defines magics that swallow checks",
    """
%load_ext autoreload
get_ipython().register_magic_function(lambda *a: 4, "cell", "time")
""",
)
attack(
    F,
    "prints its own score where scores are shown",
    """
import sys
sys.displayhook = lambda *a: print(20)
print(20)
20
""",
)
attack(
    F,
    "swallows every exception",
    """
import sys
sys.excepthook = lambda *a: None
get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)
""",
)
