"""``python -m fastnn``: the command line, for when its script is not on the path."""

from fastnn.cli import main

if __name__ == "__main__":
    main()
