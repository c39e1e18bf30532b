"""The only code that touches the network: official files, checked, and never half written."""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from inc_data.faults import fault

Progress = Callable[[int, "int | None"], None]
"""Called with the bytes received so far and the bytes to come in all, where the server says."""

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class RemoteFile:
    """A file at its official address.

    Args:
        url: http or https address.
        digest: hexadecimal checksum that its authors publish.
        algorithm: of the checksum, a name of hashlib.
    """

    url: str
    digest: str
    algorithm: str = "sha256"

    @property
    def name(self) -> str:
        """Name of the file."""
        return urlsplit(self.url).path.rsplit("/", 1)[-1]


def fetch(remote: RemoteFile, folder: Path, *, progress: Progress | None = None) -> Path:
    """Download a file into a folder, unless it is there with the right checksum.

    The content goes to a temporary file in the same folder and gets its name only after its checksum was verified.

    Args:
        remote: what to fetch.
        folder: made when missing.
        progress: told about every chunk; by default a line on standard error.

    Raises:
        ValueError: no http address, no connection, the folder cannot be written, or the content has another checksum.
    """
    path = folder / remote.name
    if path.is_file() and file_digest(path, remote.algorithm) == remote.digest:
        return path
    if urlsplit(remote.url).scheme not in ("http", "https"):
        raise ValueError(fault("Only http and https addresses are fetched.", where=remote.url, fix="give such an address"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{remote.name}.", suffix=".part", dir=folder)
    except OSError as error:
        raise ValueError(
            fault(f"The folder cannot be written: {error.strerror}.", where=str(folder), fix="give a folder of your own")
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            found = _receive(remote, file, folder, progress or _Line(remote.name))
        if found != remote.digest:
            raise ValueError(
                fault(
                    f"The file that was received has the {remote.algorithm} {found}, {remote.digest} is expected.",
                    where=remote.url,
                    fix=f"try again; a proxy may have answered in its place. Nothing was kept in {folder}",
                )
            )
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
    return path


def file_digest(path: Path, algorithm: str) -> str:
    """Return the hexadecimal checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _receive(remote: RemoteFile, file: IO[bytes], folder: Path, progress: Progress) -> str:
    digest = hashlib.new(remote.algorithm, usedforsecurity=False)
    received = 0
    try:
        with urllib.request.urlopen(remote.url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the caller checked the scheme
            stated = answer.headers.get("Content-Length")
            total = int(stated) if stated and stated.isdigit() else None
            while chunk := answer.read(CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                progress(received, total)
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise ValueError(
            fault(
                f"The file cannot be downloaded: {reason}.",
                where=remote.url,
                fix=f"check the connection (a proxy: set https_proxy), or fetch {remote.name} elsewhere, put it into "
                f"{folder} and pass download=False",
            )
        ) from error
    return digest.hexdigest()


class _Line:
    """One line on standard error, rewritten at most five times a second on a terminal; elsewhere start and end alone."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = -1.0

    def __call__(self, received: int, total: int | None) -> None:
        done = received == total
        now = time.monotonic()
        if (not done and now - self._shown < 0.2) or not (sys.stderr.isatty() or done or self._shown < 0):
            return
        self._shown = now
        of = f" of {total / 1e6:.1f}" if total else ""
        end = "\n" if done or not sys.stderr.isatty() else ""
        sys.stderr.write(f"\r{self._name}: {received / 1e6:.1f}{of} MB{end}")
        sys.stderr.flush()
