"""Bring a float model into the form that quantizes well, with the same outputs and the same node names."""
