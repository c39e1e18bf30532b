"""Model quality metrics on numpy alone: exact, mergeable, fast."""
