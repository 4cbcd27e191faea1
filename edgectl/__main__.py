"""`python -m edgectl`: the command line without an installed script."""

from edgectl.main import main

main()
