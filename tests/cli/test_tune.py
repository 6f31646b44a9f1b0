"""`--tune`: the ways to compute a call are timed, and what is fastest is taken, now and later."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commands import MLP, Dslc

from dslc import cache, tuned, tuning
from dslc.ops._choice import Policy, settle

NET = """\
net 1
model m {
  input  image: [batch, 4, 4, 1]
  output logits = image -> conv(2, 3) as edges -> relu -> conv(2, 3) -> flatten -> dense(4)
    -> repeat 3 { dense(4) -> tanh } as blocks -> dense(2)
}
"""
FAST, SLOW = 1e-6, 1.0


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is measured here is measured for this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    settle(Policy())


@pytest.fixture
def net(tmp_path: Path) -> str:
    (tmp_path / "m.net").write_text(NET)
    return "m.net"


def pretend(monkeypatch: pytest.MonkeyPatch, fastest: str) -> list[str]:
    """Nothing is timed: one way is fast wherever there is one of this name. Gives the calls that were asked for."""
    asked: list[str] = []

    def measured(call: tuning.Call) -> dict[str, float]:
        asked.append(call.name)
        return {way.name: FAST if way.name == fastest else SLOW for way in call.choice.ways}

    monkeypatch.setattr(tuning, "measured", measured)
    return asked


def test_what_is_fastest_is_taken_now_and_in_later_runs(dslc: Dslc, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads(dslc("compile", net, "--json").out)["lowerings"]
    assert [one["measured"] for one in before] == [False, False]
    asked = pretend(monkeypatch, "XLA's convolution")
    said = dslc("compile", net, "--tune")
    assert said.status == 0, said.err
    assert len(asked) == 3
    assert "`edges` (line 4): XLA's convolution 0.001 ms, " in said.err
    settle(Policy())
    later = json.loads(dslc("compile", net, "--json").out)["lowerings"]
    assert [(one["takes"], one["measured"]) for one in later] == [("XLA's convolution", True)] * 2
    assert later[0]["seconds"]["own gradients"] == SLOW


def test_a_repeat_is_measured_as_the_pass_sees_it(dslc: Dslc, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "loop")
    out = " ".join(dslc("compile", net, "--tune").out.split())
    assert "unroll_short_repeats refused `blocks` (line 5): 3 iterations stay one loop" in out
    assert "1e+03 ms, and 0.001 ms in a loop, measured here" in out


def test_the_report_says_which_way_a_call_takes_and_what_the_others_would(dslc: Dslc, net: str) -> None:
    out = " ".join(dslc("compile", net).out.split())
    assert "ways to compute `edges` (line 4): " in out
    assert " ms by the model; " in out


def test_training_measures_first_and_keeps_it(dslc: Dslc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = "dense(hidden) -> repeat 3 { dense(hidden) -> tanh } as blocks"
    (tmp_path / "deep.net").write_text(MLP.replace("dense(hidden)", layers).replace("epochs  = 2", "steps = 1"))
    asked = pretend(monkeypatch, "loop")
    said = dslc("train", "deep.net", "--tune", "-o", "run")
    assert said.status == 0, said.err
    assert said.err.startswith("`blocks` (line 4): loop 0.001 ms, side by side 1e+03 ms")
    assert [*tuned.read(tuned.place())] == asked
    assert len(asked) == 1


def test_without_a_cache_folder_a_note_says_that_nothing_is_kept(
    dslc: Dslc, net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "loop")
    monkeypatch.setattr(tuned, "place", lambda: None)
    said = dslc("compile", net, "--tune")
    assert said.status == 0
    assert "note[E0480]: what was measured of 3 calls is not kept" in said.err
    assert "measured here" in said.out


def test_ways_are_timed_in_programs_of_their_own(net: str, tmp_path: Path) -> None:
    from dslc.compilation import Compilation
    from dslc.compiler import Options, read

    tuning_rounds = Compilation(read(str(tmp_path / net)), Options()).optimize
    found = {call.name: times for call, times in tuning.tune(*tuning_rounds)}
    assert [sorted(times) for times in found.values()][-1] == ["loop", "side by side"]
    # Nothing takes less than a tenth of a microsecond, or as long as a second.
    assert all(1e-7 < seconds < 1 for times in found.values() for seconds in times.values())
    file = tuned.keep(found)
    assert tuned.read(file) == found


def test_what_is_kept_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = {"a call": {"a way": 1.0}}
    file = tuned.keep(found)
    assert file is not None
    assert [*file.parent.iterdir()] == [file]

    def full(path: Path, *_: object) -> int:
        path.touch()
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    assert tuned.keep({"another": {"a way": 2.0}}) is None
    assert tuned.read(file) == found
    assert [*file.parent.iterdir()] == [file]


def test_what_was_measured_holds_for_this_version_and_these_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tuned.place()]
    monkeypatch.setattr(tuned, "__version__", "0.0.7")
    places.append(tuned.place())
    monkeypatch.setattr(cache, "cores", lambda: 1_000)
    places.append(tuned.place())
    assert len({*places}) == 3 and None not in places


@pytest.mark.parametrize("text", ["", "[]", '{"version": 0, "calls": {"a": {"b": 1}}}', '{"version": 1, "calls": [1]}'])
def test_a_file_that_is_damaged_or_old_counts_for_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(text)
    assert tuned.read(tmp_path / "old.json") == {}
