"""Long proofs of a workshop, smaller than `benchmarks/workshop.py` makes them: load, marks at once, real browsers."""

import importlib.util
import shutil

import pytest

pytest.importorskip("jupyterhub", reason="pip install 'transformer-labs[workshop]'")
from test_workshop_room import needs_rooms
from workshop_room import ROOT

pytestmark = [pytest.mark.slow, needs_rooms]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def bench(tmp_path):
    tmp_path.chmod(0o755)
    spec = importlib.util.spec_from_file_location("bench_workshop", ROOT / "benchmarks" / "workshop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_under_load_nothing_is_lost_or_counted_twice_when_the_board_is_killed(bench, tmp_path):
    lost, double, seconds = bench.load(tmp_path, learners=60, seconds=60)
    assert not lost and not double and len(seconds) > 600
    assert bench.percentile(seconds, 0.5) < 1  # a minute with a kill in it has more late ones than five


def test_marks_come_at_once(bench, tmp_path):
    seconds = bench.grade(tmp_path, submissions=10)
    assert len(seconds) == 10 and bench.percentile(seconds, 0.5) < 10


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_in_real_browsers(bench, tmp_path):
    pytest.importorskip("playwright", reason="pip install playwright")
    seconds = bench.browser(tmp_path, CHROMIUM, None)
    assert len(seconds) == 6 and bench.percentile(seconds, 0.5) < 2
