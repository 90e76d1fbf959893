"""``python -m fastnn``: the command line, if its script is not on the path."""

from fastnn.cli import main

if __name__ == "__main__":
    main()
