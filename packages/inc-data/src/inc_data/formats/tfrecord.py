"""TFRecord files without TensorFlow: where each record lies, and its bytes with both checksums verified."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inc_data.faults import fault
from inc_data.formats.crc32c import masked_crc32c
from inc_data.protocols import IndexArray

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_GZIP = b"\x1f\x8b\x08"
_FIX = "copy or make the file again: it is damaged or no TFRecord"


@dataclass(frozen=True)
class RecordIndex:
    """Records of several files in order, found by number; nothing but their places is kept.

    Args:
        paths: the files.
        file: number of the file of each record, shape ``(N,)``.
        offset: place of the payload in its file, in bytes.
        length: length of the payload, in bytes.
    """

    paths: tuple[Path, ...]
    file: IndexArray
    offset: IndexArray
    length: IndexArray

    def __len__(self) -> int:
        return len(self.file)

    def where(self, index: int) -> str:
        """Name a record for messages."""
        return f"{self.paths[self.file[index]]}, record at byte {self.offset[index] - _HEADER.size}"

    def read(self, index: int) -> bytes:
        """Return one record's payload.

        Raises:
            ValueError: its checksum does not match, or the file is shorter than it was.
        """
        length = int(self.length[index])
        with self.paths[self.file[index]].open("rb") as file:
            file.seek(int(self.offset[index]))
            content = file.read(length + _FOOTER.size)
        if len(content) != length + _FOOTER.size:
            raise ValueError(fault("The file ends inside a record.", where=self.where(index), fix=_FIX))
        payload: bytes = content[:length]
        if masked_crc32c(payload) != _FOOTER.unpack_from(content, length)[0]:
            raise ValueError(fault("The checksum of a record does not match its content.", where=self.where(index), fix=_FIX))
        return payload

    def views(self) -> Iterator[tuple[memoryview, str]]:
        """Yield every payload in order as a view of its mapped file, unverified, and its name: for a look at a few bytes of each."""
        mapped: memoryview | None = None
        opened = -1
        for index, number in enumerate(self.file.tolist()):
            if mapped is None or number != opened:
                with self.paths[number].open("rb") as file:
                    mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                opened = number
            start = int(self.offset[index])
            yield mapped[start : start + int(self.length[index])], self.where(index)


def index_records(paths: list[Path]) -> RecordIndex:
    """Find the records of files by their headers; payloads are not read.

    Raises:
        ValueError: a header's checksum does not match, or a file ends inside a record; the message names file and byte.
    """
    places = [(number, *place) for number, path in enumerate(paths) for place in _places(path)]
    table = np.array(places, np.int64).reshape(-1, 3)
    return RecordIndex(tuple(paths), *(np.ascontiguousarray(column) for column in table.T))


def _places(path: Path) -> list[tuple[int, int]]:
    size = path.stat().st_size
    position = 0
    places = []
    # Small reads: headers lie far apart, and a buffer would fetch what lies between.
    with path.open("rb", buffering=0) as file:
        while position < size:
            file.seek(position)
            header = file.read(_HEADER.size)
            where = f"{path}, record at byte {position}"
            if len(header) < _HEADER.size:
                raise ValueError(fault("The file ends inside a record.", where=where, fix=_FIX))
            length, check = _HEADER.unpack(header)
            if position == 0 and header[:3] == _GZIP:
                raise ValueError(
                    fault("The file is compressed.", where=str(path), fix=f"unpack it: gunzip < {path.name} > {path.stem}.records")
                )
            if masked_crc32c(header[:8]) != check:
                raise ValueError(fault("The checksum of a record's length does not match.", where=where, fix=_FIX))
            start = position + _HEADER.size
            position = start + length + _FOOTER.size
            if position > size:
                raise ValueError(fault("The file ends inside a record.", where=where, fix=_FIX))
            places.append((start, length))
    return places
