"""`dslc check`."""

import json
from pathlib import Path

from cli.commands import MLP, Dslc


def test_a_file_without_problems_gets_one_line(dslc: Dslc, mlp: str):
    said = dslc("check", mlp)
    assert (said.status, said.err) == (0, "")
    assert said.out == "mlp.net: 1 model, 1 variant, 1 train block, no problems\n"


def test_all_problems_of_a_file_come_in_one_run(dslc: Dslc, tmp_path: Path):
    (tmp_path / "bad.net").write_text(
        MLP.replace("-> dropout(rate) -> dense(3)", "-> dens(3)").replace("epochs  = 2", "epoch = 2")
    )
    said = dslc("check", "bad.net")
    assert (said.status, said.out) == (1, "")
    assert said.err == (
        "error[E0201]: there is no layer or block called `dens`\n"
        " --> bad.net:4:56\n"
        "  |\n"
        "4 |   output logits = features -> dense(hidden) -> relu -> dens(3)\n"
        "  |                                                        ^^^^\n"
        "  = help: did you mean `dense`?\n"
        "\n"
        "error[E0401]: training has no setting `epoch`\n"
        "  --> bad.net:11:3\n"
        "   |\n"
        "11 |   epoch = 2\n"
        "   |   ^^^^^\n"
        "   = help: did you mean `epochs`? a constant of your own goes in the head:\n"
        "           `train mlp(epoch = ...)`\n"
        "\n"
        "2 errors\n"
    )


def test_the_worst_file_decides_the_status_and_the_others_are_checked(dslc: Dslc, mlp: str):
    said = dslc("check", "missing.net", mlp)
    assert said.status == 1
    assert said.out.startswith("mlp.net: ")
    assert said.err == (
        "error[E0501]: `missing.net` is not there\n"
        " --> missing.net\n"
        "  = help: check the spelling and the folder\n"
        "\n"
        "1 error\n"
    )


def test_a_warning_is_shown_and_is_no_failure(dslc: Dslc, tmp_path: Path):
    (tmp_path / "old.net").write_text(MLP.removeprefix("net 1\n"))
    said = dslc("check", "old.net")
    assert said.status == 0
    assert "warning[W0214]" in said.err
    assert said.out == "old.net: 1 model, 1 variant, 1 train block, 1 warning\n"


def test_missing_data_is_a_note(dslc: Dslc, tmp_path: Path):
    text = MLP.replace("features: [batch, 4]", "image: [batch, 28, 28, 1]").replace(
        "features ->", "image -> flatten ->"
    )
    (tmp_path / "far.net").write_text(
        text.replace("iris() -> split(0.8, 0.2) -> standardize", "mnist() -> scale(0, 1)").replace(
            "dense(3)", "dense(10)"
        )
    )
    said = dslc("check", "far.net")
    assert said.status == 0
    assert said.err.startswith("note[E0502]: the data is not there")
    assert said.out.endswith(", 1 note\n")


def test_json_is_a_line_for_each_file(dslc: Dslc, mlp: str, tmp_path: Path):
    (tmp_path / "bad.net").write_text(MLP.replace("relu", "rellu"))
    said = dslc("check", "--json", mlp, "bad.net", "missing.net")
    assert (said.status, said.err) == (1, "")
    good, bad, missing = map(json.loads, said.out.splitlines())
    assert good == {"file": "mlp.net", "problems": []}
    assert bad["problems"] == [
        {
            "code": "E0201", "severity": "error", "file": "bad.net",
            "message": "there is no layer or block called `rellu`",
            "line": 4, "column": 48, "end_line": 4, "end_column": 53, "help": "did you mean `relu`?",
            "fix": {
                "safe": True,
                "edits": [
                    {"start_line": 4, "start_column": 48, "end_line": 4, "end_column": 53, "replacement": "relu"}
                ],
            },
        }
    ]  # fmt: skip
    assert missing["problems"][0]["code"] == "E0501"


def test_settings_of_the_command_line_are_checked_and_shown(dslc: Dslc, mlp: str):
    assert dslc("check", mlp, "--set", "hidden=16").status == 0
    said = dslc("check", mlp, "--set", "hidden=many")
    assert said.status == 1
    assert said.err == (
        "error[E0202]: nothing here is called `many`\n"
        " --> --set hidden\n"
        "  |\n"
        "  | hidden = many\n"
        "  |          ^^^^\n"
        "  = help: name it before it is read, or make it a setting of the block\n"
        "\n"
        "1 error\n"
    )


def test_the_short_way_and_typer_say_the_same(dslc: Dslc, mlp: str, tmp_path: Path):
    (tmp_path / "bad.net").write_text(MLP.replace("relu", "rellu"))
    for files in ((mlp,), ("bad.net",), (mlp, "bad.net"), ("bad.net", "--json")):
        assert dslc("check", *files) == dslc("check", *files, "--data", ".")


def test_wrong_usage_is_status_2(dslc: Dslc, mlp: str):
    assert dslc("check").status == 2
    assert dslc("check", mlp, "--dim", "batch=0").status == 2
    assert dslc("check", mlp, "--dim", "batch").status == 2
    assert dslc("check", mlp, "--set", "=3").status == 2
    assert dslc("check", mlp, "--data", "nowhere").status == 2
    assert dslc("check", mlp, "--fast").status == 2
    said = dslc("chek", mlp)
    assert said.status == 2
    assert "Did you mean 'check'" in said.err


def test_what_is_no_text_is_said(dslc: Dslc, tmp_path: Path):
    (tmp_path / "binary.net").write_bytes(b"net 1\n\xff\xfe")
    (tmp_path / "mark.net").write_bytes(b"\xef\xbb\xbf" + MLP.replace("\n", "\r\n").encode())
    assert "is not UTF-8 text (byte 6)" in dslc("check", "binary.net").err
    assert "`.` is a folder" in dslc("check", ".").err
    assert dslc("check", "mark.net").out == "mark.net: 1 model, 1 variant, 1 train block, no problems\n"


def test_an_unknown_dimension_is_an_error(dslc: Dslc, mlp: str):
    said = dslc("check", mlp, "--dim", "bacth=3")
    assert said.status == 1
    assert "error[E0322]: no dimension is called `bacth`" in said.err
    assert "did you mean `--dim batch=...`?" in said.err
