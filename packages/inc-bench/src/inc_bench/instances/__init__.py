"""Instances of a model, each in a pinned process of its own, run at the same time."""
