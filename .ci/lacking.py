"""Prints the tests that a run of pytest has skipped because a library is not installed, one a line.

python .ci/lacking.py REPORT.xml
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

LACKING = "could not import"


def lacking(report: Path) -> Iterator[str]:
    """The ids of tests, and the files of whole modules."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # pytest has written it
        skipped = case.find("skipped")
        if skipped is not None and LACKING in f"{skipped.get('message')} {skipped.text}":
            module, name = case.get("classname", ""), case.get("name", "")
            file = (module or name).replace(".", "/") + ".py"
            yield f"{file}::{name}" if module else file


if __name__ == "__main__":
    print("\n".join(lacking(Path(sys.argv[1]))))
