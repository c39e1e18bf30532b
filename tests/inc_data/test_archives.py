from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from inc_data.archives import extract


def make(path, files, links=()):
    """Write a zip or tar file; ``links`` are (name, target)."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
            for name, target in links:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120777 << 16
                packed.writestr(info, target)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:]}" if path.suffix != ".tar" else "w") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            packed.addfile(info)
    return path


KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"]


@pytest.mark.parametrize("name", KINDS)
def test_files_arrive_below_the_folder(tmp_path, name):
    archive = make(tmp_path / name, {"x/one.txt": b"1", "two.txt": b"22"})
    paths = extract(archive, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in paths] == ["x/one.txt", "two.txt"]
    assert [path.read_bytes() for path in paths] == [b"1", b"22"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["two.txt", "x"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
@pytest.mark.parametrize("bad", ["../out.txt", "x/../../out.txt", "/tmp/out.txt", "C:/out.txt", "x\\..\\..\\out.txt"])
def test_a_path_that_leaves_the_folder_is_refused_before_anything_is_written(tmp_path, name, bad):
    archive = make(tmp_path / name, {"good.txt": b"1", bad: b"2"})
    with pytest.raises(ValueError, match=rf"outside the folder(?s:.*)where: .*{name}"):
        extract(archive, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_links_are_refused(tmp_path, name):
    archive = make(tmp_path / name, {"good.txt": b"1"}, [("link", "/etc")])
    with pytest.raises(ValueError, match="'link', which is a link"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_bomb_is_refused_by_its_size(tmp_path, name):
    archive = make(tmp_path / name, {"big": bytes(10_000_000)})
    assert archive.stat().st_size < 100_000
    with pytest.raises(ValueError, match="unpacks to 10000000 bytes"):
        extract(archive, tmp_path / "out", largest_bytes=1_000_000)


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_archive_leaves_nothing(tmp_path, name):
    archive = make(tmp_path / name, {"one": bytes(range(256)) * 50, "two": b"2" * 9000})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"(cannot be unpacked|larger than it says)(?s:.*){name}"):
        extract(archive, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


def test_what_is_no_archive_is_an_error(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"hello")
    with pytest.raises(ValueError, match="no archive"):
        extract(tmp_path / "a.zip", tmp_path / "out")


def test_a_link_that_is_in_the_folder_already_is_not_written_through(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "sub").symlink_to(outside)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("sub/x", "content")
    with pytest.raises(ValueError, match=r"sub' leads outside the folder(?s:.*)a\.zip"):
        extract(tmp_path / "a.zip", folder)
    assert list(outside.iterdir()) == []
