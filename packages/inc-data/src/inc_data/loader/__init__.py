"""Batches from any dataset."""

from inc_data.loader.dataloader import DataLoader

__all__ = ["DataLoader"]
