"""What the shell offers when somebody presses tab."""

from collections.abc import Callable

import pytest
from cli.commands import Dslc

Tab = Callable[[str], set[str]]


@pytest.fixture
def tab(dslc: Dslc, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """The words that Bash gets for a line, of which the last one is begun."""

    def words(line: str) -> set[str]:
        given = {"_DSLC_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        for name, text in given.items():
            monkeypatch.setenv(name, text)
        said = dslc()
        assert (said.status, said.err) == (0, "")
        return set(said.out.split())

    return words


def test_commands_and_what_they_explain_are_completed(tab: Tab) -> None:
    assert tab("dslc expl") == {"explain"}
    assert tab("dslc explain swi") == {"swiglu"}
    assert "std.mobile.separable" in tab("dslc explain std.mob")
    assert "E0301" in tab("dslc explain E03")
    assert tab("dslc explain zzz") == set()


def test_variants_and_models_of_the_file_are_completed(tab: Tab, mlp: str) -> None:
    assert tab(f"dslc train {mlp} --variant ") == {"wide"}
    assert tab(f"dslc summary {mlp} --model m") == {"mlp"}
    assert tab(f"dslc summary {mlp} --model n") == set()
    assert tab("dslc summary nothing.net --model d") == set()


def test_no_command_runs_while_its_line_is_written(tab: Tab, mlp: str) -> None:
    assert tab(f"dslc check {mlp} ") == set()
