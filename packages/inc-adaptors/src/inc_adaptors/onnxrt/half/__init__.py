"""Operators in 16-bit floats: which kernels a target has and how fast they are, found by running them, and how models get them."""
