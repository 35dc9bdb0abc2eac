"""``python -m gibbslab``."""

import sys

from gibbslab.cli import main

if __name__ == "__main__":
    sys.exit(main())
