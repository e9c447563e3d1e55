"""`python -m dartboard`."""

from dartboard.cli import main

if __name__ == "__main__":
    main()
