"""``python -m gemstone_core``: the command ``gemstone``, also where no such program is on PATH."""

from ._cli import main

if __name__ == "__main__":
    main()
