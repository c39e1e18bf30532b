"""``python -m inc_bench``."""

from inc_bench.cli import main

raise SystemExit(main())
