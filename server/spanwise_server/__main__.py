"""``python -m spanwise_server`` is ``spanwise``."""

import sys

from .cli import main

sys.exit(main())
