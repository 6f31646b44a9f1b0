"""Commands run inside the test's process: status, output and messages."""

from pathlib import Path

import pytest
from cli.commands import MLP, Dslc, Said

from dslc import cli


@pytest.fixture
def dslc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Dslc:
    """Run a command in an empty folder; plain text of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("DSLC_TRACEBACK", raising=False)

    def run(*words: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main([str(word) for word in words])
        assert isinstance(end.value.code, int)
        found = capsys.readouterr()
        assert "Traceback" not in found.err
        return Said(end.value.code, found.out, found.err)

    return run


@pytest.fixture
def mlp(tmp_path: Path) -> str:
    """A small file with a model, a variant and a train block."""
    (tmp_path / "mlp.net").write_text(MLP)
    return "mlp.net"
