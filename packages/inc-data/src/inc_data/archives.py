"""Unpack archives that others made: nothing outside the folder, no links, and no more than expected."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from inc_data.faults import fault

LARGEST_BYTES = 1 << 36
LARGEST_COUNT = 5_000_000


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes]]


def extract(archive: Path, folder: Path, *, largest_bytes: int = LARGEST_BYTES) -> list[Path]:
    """Unpack the files of a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz below a folder.

    All names and sizes are checked before the first file is written; what is written appears at once or not at all. Folders are made
    as files need them, file modes and owners are not taken over.

    Args:
        archive: the file.
        folder: made when missing; files of the same name are replaced.
        largest_bytes: limit of the unpacked size.

    Returns:
        The paths of the files, in the order of the archive.

    Raises:
        ValueError: no archive, damaged, a member that would leave the folder, a link or a device, or too much content.
    """
    with _members(archive) as (members, irregular):
        if irregular:
            raise ValueError(
                fault(
                    f"The archive holds {irregular!r}, which is a link or no file.",
                    where=str(archive),
                    fix="unpack it by hand if you trust it",
                )
            )
        names = [_inside(member.name, archive) for member in members]
        _check_size(members, archive, largest_bytes)
        folder.mkdir(parents=True, exist_ok=True)
        _check_links(names, folder, archive)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as place:
            for name, member in zip(names, members, strict=True):
                _write(member, Path(place) / name, archive)
            return [_moved(Path(place) / name, folder / name) for name in names]


@contextmanager
def _members(archive: Path) -> Iterator[tuple[list[_Member], str | None]]:
    """Yield the files of an archive, and the name of a member that is neither file nor folder."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                infos = packed.infolist()
                links = [info.filename for info in infos if info.external_attr >> 28 == 0xA]
                files = [info for info in infos if not info.is_dir()]
                yield [_Member(i.filename, i.file_size, lambda i=i: packed.open(i)) for i in files], next(iter(links), None)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        else:
            with tarfile.open(archive) as packed_tar:
                entries = packed_tar.getmembers()
                odd = [entry.name for entry in entries if not entry.isfile() and not entry.isdir()]
                yield [_Member(e.name, e.size, lambda e=e: _opened(packed_tar, e)) for e in entries if e.isfile()], next(iter(odd), None)  # type: ignore[misc]  # as above
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(
            fault(f"The archive cannot be unpacked: {error}.", where=str(archive), fix="fetch it again: it is damaged or no archive")
        ) from error


def _opened(packed: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = packed.extractfile(entry)
    if file is None:
        raise tarfile.TarError(f"{entry.name} has no content")
    return file


def _inside(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    # Both spellings: a backslash or a drive leaves the folder on Windows.
    parts = [*path.parts, *PureWindowsPath(name).parts]
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in parts or "\\" in name or "\0" in name or not path.parts:
        raise ValueError(
            fault(
                f"The archive holds {name!r}, which would be written outside the folder.",
                where=str(archive),
                fix="do not trust this archive",
            )
        )
    return path


def _check_size(members: list[_Member], archive: Path, largest_bytes: int) -> None:
    total = sum(member.size for member in members)
    if total > largest_bytes or len(members) > LARGEST_COUNT:
        raise ValueError(
            fault(
                f"The archive unpacks to {total} bytes in {len(members)} files; the limits are {largest_bytes} and {LARGEST_COUNT}.",
                where=str(archive),
                fix="raise largest_bytes if you trust it",
            )
        )


def _check_links(names: list[PurePosixPath], folder: Path, archive: Path) -> None:
    """Refuse to write through a link that is in the folder already."""
    inside = folder.resolve()
    for place in sorted({folder / name.parent for name in names}):
        if not place.resolve().is_relative_to(inside):
            raise ValueError(fault(f"{str(place)!r} leads outside the folder.", where=str(archive), fix="take that link away"))


def _write(member: _Member, path: Path, archive: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
        if target.tell() > member.size:
            raise ValueError(fault(f"{member.name!r} is larger than it says.", where=str(archive), fix="do not trust this archive"))


def _moved(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return source.replace(target)
