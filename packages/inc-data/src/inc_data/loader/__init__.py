"""Batches from any dataset."""

from inc_data.loader.dataloader import DataLoader
from inc_data.loader.orders import Distributed, Order, Sequential, Shuffled, Weighted

__all__ = ["DataLoader", "Distributed", "Order", "Sequential", "Shuffled", "Weighted"]
