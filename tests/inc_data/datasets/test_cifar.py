from __future__ import annotations

import pickle
import tarfile

import numpy as np
import pytest
from inc_data import CIFAR10, CIFAR100, build_dataset
from inc_data.datasets import cifar


def rows(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)


def write_python(folder, train=2):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 6):
        (folder / f"data_batch_{number}").write_bytes(pickle.dumps({b"data": rows(train, number), b"labels": [number] * train}, protocol=2))
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": rows(3), b"labels": [7, 8, 9]}, protocol=2))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"airplane", b"automobile"]}, protocol=2))


@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
def test_planes_become_channels_last_and_splits_are_kept_apart(tmp_path, below):
    write_python(tmp_path / below)
    data = build_dataset("CIFAR10", root=str(tmp_path))
    image, label = data[1]
    assert (len(data), label, image.shape, image.dtype) == (3, 8, (32, 32, 3), np.uint8)
    # Row 1 of the file: value (channel, row, column) stands at channel * 1024 + row * 32 + column.
    assert image[4, 5].tolist() == [rows(3)[1][c * 1024 + 4 * 32 + 5] for c in range(3)]
    assert data.classes == ("airplane", "automobile")
    train = CIFAR10(tmp_path, train=True)
    assert train.labels.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_binary_version_holds_the_same(tmp_path):
    pixels = rows(4)
    coarse_fine = np.array([[9, 1], [9, 2], [9, 3], [9, 4]], np.uint8)
    (tmp_path / "test_batch.bin").write_bytes(np.hstack([coarse_fine[:, 1:], pixels]).tobytes())
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary" / "test.bin").write_bytes(np.hstack([coarse_fine, pixels]).tobytes())
    ten, hundred = CIFAR10(tmp_path), CIFAR100(tmp_path)
    assert ten.labels.tolist() == hundred.labels.tolist() == [1, 2, 3, 4]
    assert np.array_equal(ten[2][0], hundred[2][0])
    assert ten[2][0][0, 1].tolist() == [pixels[2][c * 1024 + 1] for c in range(3)]


def test_missing_and_damaged_files_are_errors_that_name_them(tmp_path):
    with pytest.raises(ValueError, match=r"no test_batch(?s:.*)download=True"):
        CIFAR10(tmp_path, download=False)
    (tmp_path / "test_batch.bin").write_bytes(bytes(3073 * 2 - 1))
    with pytest.raises(ValueError, match=r"no whole rows(?s:.*)test_batch\.bin"):
        CIFAR10(tmp_path, download=False)
    (tmp_path / "test_batch").write_bytes(pickle.dumps({"data": rows(3)[:, :-1], "labels": [1, 2, 3]}, protocol=2))
    with pytest.raises(ValueError, match=r"no 'data' of rows of 3072(?s:.*)test_batch"):
        CIFAR10(tmp_path, download=False)


def test_download_fetches_unpacks_and_is_not_repeated(tmp_path, monkeypatch, serve):
    write_python(tmp_path / "made" / "cifar-10-batches-py")
    archive = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tmp_path / "made" / "cifar-10-batches-py", "cifar-10-batches-py")
    server = serve({"/cifar-10-python.tar.gz": archive.read_bytes()})
    release = cifar.CIFAR10_RELEASE
    remote = server.remote("/cifar-10-python.tar.gz", algorithm="md5")
    monkeypatch.setattr(CIFAR10, "release", type(release)(**{**vars(release), "remote": remote}))
    root = tmp_path / "root"
    assert len(CIFAR10(root)) == 3
    assert len(CIFAR10(root, train=True)) == 10
    assert len(server.requests) == 1
