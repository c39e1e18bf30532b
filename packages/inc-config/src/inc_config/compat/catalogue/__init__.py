"""Names that 1.x files may use, and the arguments of each."""
