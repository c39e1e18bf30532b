"""Compiled loops over arrays, each with a numpy twin of identical results."""
