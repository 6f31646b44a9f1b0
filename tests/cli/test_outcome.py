"""What comes of a command that is interrupted, meets a bug, or talks to nobody."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.commands import MLP, Dslc

from dslc import compiler


def test_a_bug_is_one_coded_message(dslc: Dslc, mlp: str, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise KeyError("no such\nthing")

    monkeypatch.setattr(compiler, "survey", broken)
    for words in (("check", mlp), ("check", mlp, "--data", ".")):
        said = dslc(*words)
        assert (said.status, said.out) == (1, "")
        assert said.err.startswith("error[E0901]: this is a bug in dslc: KeyError: 'no such\\nthing'\n")
        assert "DSLC_TRACEBACK=1" in said.err
        assert said.err.endswith("\n\n1 error\n")


def test_a_bug_shows_how_it_came_when_asked(tmp_path: Path):
    (tmp_path / "mlp.net").write_text(MLP)
    code = "from dslc import compiler, cli; compiler.survey = None; cli.main(['check', 'mlp.net'])"
    environment = {**os.environ, "DSLC_TRACEBACK": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "error[E0901]: this is a bug in dslc: TypeError" in done.stderr


def test_an_interrupt_is_status_130(tmp_path: Path):
    (tmp_path / "mlp.net").write_text(MLP)
    code = "from dslc import compiler, cli\ndef stop(*_): raise KeyboardInterrupt\ncompiler.survey = stop\ncli.main()"
    for words in (["check", "mlp.net"], ["check", "mlp.net", "--data", "."]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 130
        assert done.stderr == "\ninterrupted\n"


def test_a_signal_ends_a_long_command_at_once(tmp_path: Path):
    (tmp_path / "mlp.net").write_text(MLP)
    # Whoever runs the tests in the background ignores the signal, and hands that on.
    code = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom dslc import compiler, cli\ncompiler.survey = lambda *_: (print('ready', flush=True), time.sleep(60))\ncli.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "check", "mlp.net"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "\ninterrupted\n"
    assert time.monotonic() - start < 20  # far below the minute that the command would take


@pytest.mark.parametrize(
    "words", [["layers"], ["explain", "dense"], ["check", "mlp.net"], ["check", "mlp.net", "--json"]]
)
def test_nobody_listening_is_no_news(tmp_path: Path, words: list[str]):
    (tmp_path / "mlp.net").write_text(MLP)
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "dslc", *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 141


def test_text_that_the_terminal_cannot_show_is_escaped(tmp_path: Path):
    (tmp_path / "mlp.net").write_text(MLP.replace("relu", "r\u00e9lu"), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "dslc", "check", "mlp.net"],
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 1
    assert b"r\\xe9lu" in done.stderr
    assert b"Traceback" not in done.stderr
