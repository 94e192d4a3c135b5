"""The console script `autograder`. The grader itself is not part of what a learner installs."""

import importlib
import importlib.util
import sys

from course.notebooks.labs_folder import CHECKOUT


def main():
    """Run the autograder of the checkout this package lies in, or of the environment.

    Returns:
        Exit status 1, after one sentence on stderr, where there is no autograder or a package of it is missing.
    """
    # By name, at run time: nothing in `course` may import the grader.
    if (CHECKOUT / "autograder" / "cli.py").is_file():
        sys.path.insert(0, str(CHECKOUT))
    elif importlib.util.find_spec("autograder") is None:
        return _sorry(
            "The autograder is not part of the learner's package: clone the repository and run it from there."
        )
    try:
        app = importlib.import_module("autograder.cli").app
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "autograder":
            return _sorry(
                "The package called autograder here is not this course's: clone the repository and run it there."
            )
        return _sorry(
            f'The autograder needs {error.name}: run  pip install -e ".[instructor]"  in the repository.'
        )
    return app()


def _sorry(sentence):
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
