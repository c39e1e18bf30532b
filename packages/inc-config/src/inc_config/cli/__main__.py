"""``python -m inc_config.cli``."""

import sys

from inc_config.cli.main import main

sys.exit(main())
