from __future__ import annotations

import hashlib
import socket
import threading

import pytest
from inc_data.download import RemoteFile, fetch

CONTENT = bytes(range(256)) * 4000


def test_a_file_arrives_whole_with_progress_and_is_fetched_once(tmp_path, serve):
    server = serve({"/data.bin": CONTENT})
    seen = []
    for _ in range(2):
        path = fetch(server.remote("/data.bin"), tmp_path / "new", progress=lambda *step: seen.append(step))
        assert path.read_bytes() == CONTENT
    assert server.requests == ["/data.bin"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [received for received, _ in seen] == sorted(received for received, _ in seen)
    assert [entry.name for entry in path.parent.iterdir()] == ["data.bin"]


def test_progress_is_shown_by_default(tmp_path, serve, capsys):
    fetch(serve({"/data.bin": CONTENT}).remote("/data.bin"), tmp_path)
    assert "data.bin: 1.0 of 1.0 MB" in capsys.readouterr().err


def test_another_content_is_refused_and_nothing_is_kept(tmp_path, serve):
    server = serve({"/data.bin": CONTENT})
    remote = server.remote("/data.bin")
    server.files["/data.bin"] = CONTENT[:-1] + b"x"
    with pytest.raises(ValueError, match=rf"sha256(?s:.*){remote.digest} is expected(?s:.*)where: http"):
        fetch(remote, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_leaves_no_file_and_keeps_the_old_one(tmp_path, serve):
    server = serve({"/data.bin": CONTENT})
    remote = server.remote("/data.bin")
    (tmp_path / "data.bin").write_bytes(b"old")
    server.cut = 1000
    with pytest.raises(ValueError, match=r"(sha256|cannot be downloaded)"):
        fetch(remote, tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1
    server.cut = None
    assert fetch(remote, tmp_path).read_bytes() == CONTENT


def test_an_interrupt_leaves_no_file(tmp_path, serve):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(serve({"/data.bin": CONTENT}).remote("/data.bin"), tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_without_a_connection_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/data.bin"
    with pytest.raises(ValueError, match=r"cannot be downloaded(?s:.*)where: http(?s:.*)fetch data\.bin elsewhere(?s:.*)download=False"):
        fetch(RemoteFile(url, hashlib.sha256(b"").hexdigest()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_another_scheme_are_errors(tmp_path, serve):
    server = serve({"/data.bin": CONTENT})
    with pytest.raises(ValueError, match=r"Not Found(?s:.*)/gone\.bin"):
        fetch(RemoteFile(server.url("/gone.bin"), "0"), tmp_path)
    with pytest.raises(ValueError, match="Only http and https"):
        fetch(RemoteFile((tmp_path / "data.bin").as_uri(), "0"), tmp_path)
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be written"):
        fetch(server.remote("/data.bin"), blocked / "below")


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", b""])
def test_an_answer_that_is_no_http_or_ends_early_is_an_error_that_says_what_to_do(tmp_path, monkeypatch, answer):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(ValueError, match=r"cannot be downloaded: .+(?s:.*)download=False"):
            fetch(RemoteFile(f"http://127.0.0.1:{server.getsockname()[1]}/data.bin", "0"), tmp_path)
        thread.join()
    assert list(tmp_path.iterdir()) == []
