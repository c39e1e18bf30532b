"""Metrics of semantic segmentation: mean intersection over union."""
