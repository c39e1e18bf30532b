from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from inc_data.download import RemoteFile
from PIL import Image


@pytest.fixture
def save_image() -> Callable[..., Path]:
    """Write a small lossless image whose first pixel is (level, 0, 0)."""

    def save(path: Path, level: int = 0, size: tuple[int, int] = (4, 3)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[0, 0, 0] = level
        Image.fromarray(pixels).save(path, format="PNG")
        return path

    return save


def masked_crc(data: bytes) -> bytes:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    crc = state ^ 0xFFFFFFFF
    return (((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32).to_bytes(4, "little")


@pytest.fixture(scope="session")
def write_records() -> Callable[..., Path]:
    """Write a TFRecord file, with checksums computed bit by bit."""

    def write(path: Path, payloads: list[bytes]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for payload in payloads:
                length = len(payload).to_bytes(8, "little")
                file.write(length + masked_crc(length) + payload + masked_crc(payload))
        return path

    return write


@pytest.fixture(scope="session")
def make_example() -> Callable[..., bytes]:
    """Serialize a tf.train.Example: lists of bytes, and arrays of int64 or float32."""

    def varint(value: int) -> bytes:
        value %= 1 << 64
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    def field(number: int, content: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(content)) + content

    def make(features: dict) -> bytes:
        entries = b""
        for name, values in features.items():
            if isinstance(values, list):
                feature = field(1, b"".join(field(1, text) for text in values))
            elif values.dtype == np.float32:
                feature = field(2, field(1, values.astype("<f4").tobytes()))
            else:
                feature = field(3, field(1, b"".join(map(varint, values.tolist()))))
            entries += field(1, field(1, name.encode()) + field(2, feature))
        return field(1, entries)

    return make


class LocalServer:
    """An HTTP server on this machine; what it sends can be damaged or cut short."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[str] = []
        self.cut: int | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: outer.cut])

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def remote(self, path: str, *, algorithm: str = "sha256") -> RemoteFile:
        return RemoteFile(self.url(path), hashlib.new(algorithm, self.files[path]).hexdigest(), algorithm)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, bytes]], LocalServer]]:
    """Serve files on 127.0.0.1 until the test ends."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers: list[LocalServer] = []

    def start(files: dict[str, bytes]) -> LocalServer:
        servers.append(LocalServer(files))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
