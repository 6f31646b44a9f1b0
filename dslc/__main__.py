"""`python -m dslc` is `dslc`."""

from dslc.cli import main

main()
