"""What users' loaders yield, by shape and not by import: inputs and targets, sources, checks, fingerprints."""

from inc_adaptors.batches.checks import bind, check_finite, check_reiterable, checked
from inc_adaptors.batches.fingerprint import Fingerprint, fingerprint
from inc_adaptors.batches.sources import as_batches, limited
from inc_adaptors.batches.structure import batch_size, describe, leaves, split, take, to_numpy

__all__ = [
    "Fingerprint", "as_batches", "batch_size", "bind", "check_finite", "check_reiterable", "checked", "describe", "fingerprint", "leaves",
    "limited", "split", "take", "to_numpy",
]  # fmt: skip
