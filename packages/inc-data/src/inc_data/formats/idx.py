"""IDX files, plain or gzipped: the format of MNIST and Fashion-MNIST.

Source:
    The description on the MNIST page: two zero bytes, the type, the number of axes, the axes as big-endian integers, the elements.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from inc_data.faults import fault
from inc_data.protocols import Array

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST_BYTES = 1 << 30
"""Fashion-MNIST's largest file has 47 million elements; the bound stops a gzip bomb."""


def read_idx(path: Path) -> Array:
    """Return the array that an IDX file holds; a name that ends in ``.gz`` is unpacked.

    Raises:
        ValueError: damaged, truncated or no IDX file, or more than ``LARGEST_BYTES``.
    """
    fix = "copy or download the file again"
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            magic = file.read(4)
            known = len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES
            axes = file.read(4 * magic[3]) if known else b""
            if not known or len(axes) != 4 * magic[3]:
                raise ValueError(fault("The file is no IDX file.", where=str(path), fix=fix))
            shape = struct.unpack(f">{magic[3]}I", axes)
            dtype = np.dtype(_TYPES[magic[2]])
            wanted = math.prod(shape) * dtype.itemsize
            content = file.read(min(wanted, LARGEST_BYTES) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(fault(f"The file cannot be read: {error}.", where=str(path), fix=fix)) from error
    if len(content) != wanted:
        raise ValueError(
            fault(
                f"An array of shape {shape} has {wanted} bytes, the file holds {'more' if len(content) > wanted else 'fewer'}.",
                where=str(path),
                fix=fix,
            )
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
