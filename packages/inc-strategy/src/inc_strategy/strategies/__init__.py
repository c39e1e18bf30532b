"""Built-in strategies, one per file; they are found through the entry points ``inc.strategies``."""
