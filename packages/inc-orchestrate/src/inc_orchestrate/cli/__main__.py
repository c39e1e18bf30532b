"""``python -m inc_orchestrate.cli`` is ``inc``."""

from __future__ import annotations

import sys

from inc_orchestrate.cli.main import main

sys.exit(main())
