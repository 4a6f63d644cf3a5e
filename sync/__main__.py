"""`python -m sync` is `huzhu`."""

from sync.cli import main

main()
