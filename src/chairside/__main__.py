"""`python -m chairside`, the same as `chairside`."""

from chairside.cli import main

main()
