"""All statistics of one calibration, with the fingerprints that tell when they are stale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
from inc_config.convert import from_json, to_json
from inc_config.errors import CalibrationError, ConfigError, StoreError
from inc_config.files import atomic_write
from inc_config.plan import TensorKey
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from inc_adaptors.statistics.create import observer_class
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec

_FORMAT = "inc-statistics-1"
_MAX_DOCUMENT = 64 << 20


@attrs.frozen(kw_only=True)
class _Entry:
    """One stored statistic; its arrays are named ``"<position of the entry>.<name>"``."""

    key: TensorKey
    spec: StatisticSpec
    arrays: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _NonFinite:
    """A tensor in which non-finite values were seen, and how many."""

    key: TensorKey
    count: int


@attrs.frozen(kw_only=True)
class _Document:
    """What a statistics file says about its arrays."""

    samples: int
    model_fingerprint: str
    data_fingerprint: str
    entries: tuple[_Entry, ...]
    non_finite: tuple[_NonFinite, ...]
    constant: tuple[TensorKey, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Statistics:
    """Statistics by tensor and spec.

    ``samples`` is how many samples were read; ``non_finite`` counts NaN and infinite values seen per intermediate tensor. ``constant`` are
    tensors that no data changes: they were taken in once, however many batches there were.
    """

    values: Mapping[TensorKey, Mapping[StatisticSpec, Statistic]]
    samples: int
    non_finite: Mapping[TensorKey, int] = attrs.field(factory=dict)
    model_fingerprint: str = ""
    data_fingerprint: str = ""
    constant: frozenset[TensorKey] = frozenset()

    def save(self, path: str | Path) -> Path:
        """Write one safetensors file with a JSON description in its header; a crash leaves the old file or the new.

        Raises:
            StoreError: the file cannot be written.
        """
        path = Path(path)
        arrays: dict[str, NDArray[Any]] = {}
        entries: list[_Entry] = []
        for key, by_spec in self.values.items():
            for spec, statistic in by_spec.items():
                own = statistic.to_arrays()
                arrays.update({f"{len(entries)}.{name}": np.ascontiguousarray(array) for name, array in own.items()})
                entries.append(_Entry(key=key, spec=spec, arrays=tuple(own)))
        document = _Document(
            samples=self.samples,
            model_fingerprint=self.model_fingerprint,
            data_fingerprint=self.data_fingerprint,
            entries=tuple(entries),
            non_finite=tuple(_NonFinite(key=key, count=count) for key, count in self.non_finite.items()),
            constant=tuple(sorted(self.constant, key=str)),
        )
        try:
            atomic_write(path, to_safetensors(arrays, metadata={"format": _FORMAT, "document": to_json(document)}))
        except OSError as error:
            raise StoreError(
                f"Cannot write statistics: {error.strerror}.", where=str(path), fix="choose a folder that exists and is writable"
            ) from error
        return path

    @classmethod
    def load(cls, path: str | Path, *, model_fingerprint: str, data_fingerprint: str) -> Self:
        """Read what ``save`` wrote, for the model and the data that it is to be used with.

        Raises:
            CalibrationError: the statistics were gathered from another model or other data.
            StoreError: the file cannot be read or is damaged.
            PluginError: a statistic in it belongs to a package that is not installed.
        """
        path = Path(path)
        try:
            with safe_open(path, framework="numpy") as file:
                document = _read_document(file.metadata(), path)
                _refuse_stale("model", document.model_fingerprint, model_fingerprint, path)
                _refuse_stale("data", document.data_fingerprint, data_fingerprint, path)
                values: dict[TensorKey, dict[StatisticSpec, Statistic]] = {}
                classes = {name: observer_class(name) for name in {entry.spec.name for entry in document.entries}}  # looking one up is slow
                for number, entry in enumerate(document.entries):
                    arrays = {name: file.get_tensor(f"{number}.{name}") for name in entry.arrays}
                    values.setdefault(entry.key, {})[entry.spec] = classes[entry.spec.name].from_arrays(arrays)
        except (OSError, SafetensorError) as error:
            raise StoreError(f"Cannot read statistics: {error}", where=str(path), fix="give a file that Statistics.save wrote") from error
        return cls(
            values=values,
            samples=document.samples,
            non_finite={item.key: item.count for item in document.non_finite},
            model_fingerprint=document.model_fingerprint,
            data_fingerprint=document.data_fingerprint,
            constant=frozenset(document.constant),
        )


def _read_document(metadata: Mapping[str, str] | None, path: Path) -> _Document:
    metadata = metadata or {}
    text = metadata.get("document", "")
    if metadata.get("format") != _FORMAT or len(text) > _MAX_DOCUMENT:
        raise StoreError("This file holds no statistics.", where=str(path), fix="give a file that Statistics.save wrote")
    try:
        return from_json(text, _Document, source=str(path))
    except ConfigError as error:
        raise StoreError(f"The statistics are damaged: {error.what}", where=str(path), fix="calibrate again") from error


def _refuse_stale(what: str, stored: str, wanted: str, path: Path) -> None:
    if stored != wanted:
        raise CalibrationError(
            f"These statistics belong to another {what}: theirs has fingerprint {stored or 'none'}, this one {wanted or 'none'}.",
            where=str(path),
            fix="calibrate again",
        )
