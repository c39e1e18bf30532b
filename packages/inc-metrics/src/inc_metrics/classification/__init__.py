"""Metrics of class decisions."""
