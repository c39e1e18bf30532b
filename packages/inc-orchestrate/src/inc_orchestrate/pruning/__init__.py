"""Pruning without a framework: schedules, patterns, allocation, and the hooks that bring them into a training loop."""
