"""`python -m mailstack_operator` is the command `mailstack`."""

from mailstack_operator.cli import main

main()
