"""Text to the numbers of tokens."""
