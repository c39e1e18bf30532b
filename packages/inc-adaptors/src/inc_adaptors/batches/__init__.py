"""What users' loaders yield, by shape and not by import: inputs and targets, sources, checks, fingerprints."""

from inc_adaptors.batches.checks import bind, check_finite, check_reiterable, checked
from inc_adaptors.batches.fingerprint import Fingerprint, fingerprint
from inc_adaptors.batches.fixed import cut, fixed_size, predicting, whole
from inc_adaptors.batches.sources import as_batches, limited
from inc_adaptors.batches.structure import batch_size, describe, leaves, part, split, take, to_numpy

__all__ = [
    "Fingerprint", "as_batches", "batch_size", "bind", "check_finite", "check_reiterable", "checked", "cut", "describe", "fingerprint",
    "fixed_size", "leaves", "limited", "part", "predicting", "split", "take", "to_numpy", "whole",
]  # fmt: skip
