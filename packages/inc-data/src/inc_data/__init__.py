"""Datasets, transforms and loaders: numpy in, numpy out."""
