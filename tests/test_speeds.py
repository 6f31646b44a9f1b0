"""The speeds of a machine: measured anew when they are old or doubtful, and never made worse by a busy machine."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from nets import plan_of

from dslc import cache
from dslc.estimate import calibrate, speeds
from dslc.estimate.calibrate import spread
from dslc.estimate.doubt import doubt
from dslc.estimate.forecast import forecast
from dslc.estimate.others import Others, worked
from dslc.estimate.speeds import AGAIN, OLD, Speeds

FAST = Speeds(
    products=((1e3, 1e9), (1e9, 1e11)),
    batched=((1e3, 1e9), (1e9, 1e11)),
    arrays=((1e3, 1e10), (1e9, 1e10)),
    elementwise=1e9,
    convolutions=((1e2, 1e10), (1e4, 1e10)),
    attention=((1e3, 1e9), (1e9, 1e11)),
    along=((1e1, 1e9), (1e3, 1e9)),
    across=1e9,
    gathered=1e9,
    sorted=1e8,
    start=1e-6,
)
SLOW = replace(FAST, products=((1e3, 2e8), (1e9, 2e10)), elementwise=2e8, start=7e-6)
MODEL = """model m { input image: [batch, 8, 8, 1]  output logits = image -> flatten -> dense(10) }
train m { data = digits()  loss = (logits, label) -> cross_entropy  batch = 32 }
"""
Measure = Callable[[Speeds], Speeds]


@pytest.fixture
def measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Asks for the speeds where measuring them would give these."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def ask(would: Speeds) -> Speeds:
        monkeypatch.setattr(calibrate, "measured", lambda: replace(would, taken=time()))
        return replace(calibrate.speeds(), taken=0.0)

    return ask


def age(seconds: float) -> None:
    """Make the speeds that are kept older."""
    (file,) = file_there()
    found = speeds.read(file)
    assert found is not None
    speeds.keep(file, replace(found, taken=found.taken - seconds))


def file_there() -> list[Path]:
    place = cache.folder("speeds")
    assert place is not None
    return list(place.glob("*.json"))


def test_speeds_are_measured_once_and_kept(measuring: Measure):
    assert speeds.known() is None
    assert measuring(FAST) == FAST
    assert measuring(SLOW) == FAST
    known = speeds.known()
    assert known is not None
    assert replace(known, taken=0.0) == FAST


def test_old_speeds_are_measured_anew(measuring: Measure):
    measuring(FAST)
    age(OLD + 1)
    assert measuring(SLOW) == SLOW


def test_a_busy_machine_makes_no_speed_worse(measuring: Measure):
    measuring(FAST)
    age(OLD + 1)
    mixed = replace(SLOW, gathered=3e10, busy=True)
    assert measuring(mixed) == replace(FAST, gathered=3e10)


def test_speeds_of_a_busy_machine_are_measured_again_soon_and_keep_the_better(measuring: Measure):
    measuring(replace(SLOW, gathered=3e10, busy=True))
    assert measuring(FAST).busy
    age(AGAIN + 1)
    assert measuring(FAST) == replace(FAST, gathered=3e10)


def test_a_damaged_file_is_none(measuring: Measure):
    measuring(FAST)
    (file,) = file_there()
    for damaged in ("", "[]", json.dumps({"version": 0}), file.read_text("utf-8").replace("start", "stop")):
        file.write_text(damaged, "utf-8")
        assert speeds.known() is None
        assert measuring(SLOW) == SLOW


def test_a_run_far_faster_than_its_forecast_has_the_speeds_measured_again(measuring: Measure):
    measuring(SLOW)
    plan = plan_of(MODEL)
    said = forecast(plan, "", (), SLOW).step
    assert said is not None
    assert not doubt(plan, said / 1.9)
    assert not doubt(plan, 10 * said)
    assert doubt(plan, said / 2.1)
    age(AGAIN + 1)
    assert measuring(FAST) == FAST


def test_a_forecast_says_of_when_the_speeds_are():
    facts = forecast(plan_of(MODEL), "m.net", (), replace(FAST, taken=1.0e9, busy=True)).to_json()
    assert facts["speeds"]["taken"].startswith("2001-09-")
    assert facts["speeds"]["busy"] is True


def test_what_others_use_is_what_the_cores_worked_without_this_process(monkeypatch: pytest.MonkeyPatch):
    readings = {"worked": iter((100.0, 103.0)), "process_time": iter((1.0, 2.0)), "perf_counter": iter((0.0, 4.0))}
    for name, values in readings.items():
        monkeypatch.setattr(f"dslc.estimate.others.{name}", lambda values=values: next(values))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with Others() as others:
        pass
    assert others.share == 2.0 / 4.0 / 2


def test_the_work_of_the_cores_only_grows():
    before = worked()
    if before is None:
        pytest.skip("this system does not say how long its cores have worked")
    assert (worked() or 0.0) >= before > 0


def test_a_spread_is_that_of_the_measurement_in_the_middle():
    assert spread([(1.0, 1.0, 9.0), (2.0, 3.0, 4.0), (1.0, 8.0, 9.0)]) == 1.5
