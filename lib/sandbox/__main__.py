"""`python -m lib.sandbox`."""

import sys

from lib.sandbox.server import main

if __name__ == "__main__":
    sys.exit(main())
