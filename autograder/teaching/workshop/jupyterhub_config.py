"""Read by JupyterHub. `WORKSHOP_SETTINGS` names the settings that `autograder workshop` wrote."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from autograder.teaching.workshop.hub_config import configure

configure(get_config(), json.loads(Path(os.environ["WORKSHOP_SETTINGS"]).read_text(encoding="utf-8")))  # noqa: F821
