"""Streaming statistics of activations: exact to merge, bounded in memory."""
