"""Metrics of predicted quantities."""
