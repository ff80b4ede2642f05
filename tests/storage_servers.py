"""A private S3 server for the suite: SeaweedFS from its wheel, on free loopback ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from app.storage import Storage

ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret"
STARTS = 3
POLLS = 600
POLL_S = 0.1
IDENTITIES = {
    "identities": [
        {
            "name": "suicha",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}


@dataclass(frozen=True)
class S3Server:
    """A bucket comes to be with its first object. Each takes several of the few volumes, so tests
    share one and take a prefix each: `url("photos/<name>")`."""

    endpoint: str
    environ: dict[str, str]

    def url(self, place: str) -> str:
        return f"s3://{place}?endpoint={self.endpoint}&region=us-east-1"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Start the server once for all tests, and kill it: its own end takes seconds."""
    directory = tmp_path_factory.mktemp("seaweedfs")
    (directory / "s3.json").write_text(json.dumps(IDENTITIES))
    for _ in range(STARTS):  # between choosing a port and using it somebody else may take it
        ports = _free_ports(8)
        process = _start(directory, ports)
        try:
            if _is_ready(process, ports[0]):
                environ = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
                server = S3Server(f"http://127.0.0.1:{ports[0]}", environ)
                Storage.from_url(server.url("photos/first"), environ=environ).put("bucket", b"made")
                yield server
                return
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    raise AssertionError((directory / "weed.log").read_text()[-4000:])


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _start(directory: Path, ports: list[int]) -> subprocess.Popen[bytes]:
    s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = ports
    with (directory / "weed.log").open("wb") as log:
        return subprocess.Popen(
            [
                *(str(Path(sys.executable).with_name("weed")), "server", f"-dir={directory}"),
                *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={directory}/s3.json"),
                *(f"-master.port={master}", f"-master.port.grpc={master_grpc}"),
                *("-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
                *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", "-volume.max=20"),
                *(f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=os.environ | {"TMPDIR": str(directory)},  # its sockets lie there
            start_new_session=True,
        )


def _is_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    """Ready is the gate's 403 to a stranger; the open port alone comes too early."""
    pause = Event()
    for _ in range(POLLS):
        if process.poll() is not None:
            return False
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code == 403:
                return True
        except OSError:
            pass
        pause.wait(POLL_S)
    return False
