"""`python -m mailstack_operator` is the command `mailstack`."""

from mailstack_operator.cli.main import main

main()
