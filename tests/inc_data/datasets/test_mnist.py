from __future__ import annotations

import gzip

import numpy as np
import pytest
from inc_data import MNIST, FashionMNIST
from inc_data.datasets import mnist


def arrays(count, seed):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, 28, 28), dtype=np.uint8), generator.integers(0, 10, count).astype(np.uint8)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_the_npz_of_mnist(tmp_path):
    (x_train, y_train), (x_test, y_test) = arrays(5, 0), arrays(3, 1)
    np.savez(tmp_path / "mnist.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    for train, images, labels in ((True, x_train, y_train), (False, x_test, y_test)):
        data = MNIST(tmp_path, train=train)
        assert len(data) == len(images)
        assert np.array_equal(data[2][0], images[2])
        assert data[2][1] == labels[2]
        assert data.labels.dtype == np.int64


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_gzipped_or_not(tmp_path, kind, packed):
    images, labels = arrays(4, 0)
    for name, array in (("t10k-images-idx3-ubyte", images), ("t10k-labels-idx1-ubyte", labels)):
        (tmp_path / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    data = kind(tmp_path, download=False)
    assert np.array_equal(data.inputs, images)
    assert data.labels.tolist() == labels.tolist()
    with pytest.raises(ValueError, match="train"):
        kind(tmp_path, train=True, download=False) if kind is FashionMNIST else FashionMNIST(tmp_path, train=True, download=False)


def test_bad_files_are_errors_that_name_them(tmp_path):
    with pytest.raises(ValueError, match=r"no mnist\.npz(?s:.*)download=True"):
        MNIST(tmp_path, download=False)
    path = tmp_path / "mnist.npz"
    np.savez(path, x_test=np.array([{}], dtype=object), y_test=np.zeros(1))
    with pytest.raises(ValueError, match=r"cannot be read(?s:.*)mnist\.npz"):
        MNIST(tmp_path)
    np.savez(path, x_test=np.zeros((2, 28), np.uint8), y_test=np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="no images with labels"):
        MNIST(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cannot be read(?s:.*)mnist\.npz"):
        MNIST(tmp_path)


def test_download_fetches_each_file_once(tmp_path, monkeypatch, serve):
    images, labels = arrays(4, 0)
    names = {"t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels}
    server = serve({f"/{name}.gz": gzip.compress(idx(array)) for name, array in names.items()})
    monkeypatch.setattr(mnist, "FASHION_FILES", {name: server.remote(f"/{name}.gz", algorithm="md5") for name in names})
    for _ in range(2):
        assert len(FashionMNIST(tmp_path)) == 4
    assert len(server.requests) == 2
