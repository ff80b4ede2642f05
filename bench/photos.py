"""How fast photos arrive.

    python bench/photos.py [--json] [--rounds 5] [--photos 6]

Ours (granian, SQLite, photos on disk, every byte synced to the disk and hashed before it counts)
beside @tus/server with its file store (neither), both real servers on loopback, in turn, with the
same client: 3 MB photos in chunks of 1 MB and in one PATCH, from 1 and from 8 tablets. A photo
counts when the answer to its last byte is here; that our server then looks into the pictures (about
30 ms of a processor each) is waited for and not counted. The peer wants `npm ci` in bench/.
"""

import argparse
import base64
import contextlib
import functools
import hashlib
import http.client
import io
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MB = 1_000_000
PHOTO_BYTES = 3 * MB
WAIT_S = 30
OCTETS = "application/offset+octet-stream"


@dataclass(frozen=True)
class Photo:
    """A file, and what our server is told of it."""

    data: bytes
    mime: str

    @property
    def metadata(self) -> str:
        pairs = {
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "size": str(len(self.data)),
            "role": "photo",
            "mime": self.mime,
        }
        return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())


@dataclass(frozen=True)
class Target:
    """Where to upload to, and as whom; `settle` waits until nothing of it is left to do."""

    name: str
    port: int
    path: str
    token: str = ""
    settle: Callable[[], None] = lambda: None


# --- the client ----------------------------------------------------------------------------------


class Connection:
    """A kept connection of one tablet."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.http = http.client.HTTPConnection("127.0.0.1", target.port, timeout=WAIT_S)
        self.http.connect()
        self.http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = {"Tus-Resumable": "1.0.0"}
        if target.token:
            self.headers["Authorization"] = f"Bearer {target.token}"

    def request(
        self, method: str, path: str, headers: dict[str, str], body: memoryview | bytes = b""
    ) -> http.client.HTTPMessage:
        """Send a request and return the answer's headers. Raises OSError for a status from 300."""
        self.http.request(method, path, body, {**self.headers, **headers})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise OSError(f"{method} {path}: {answer.status} {text.decode()[:500]}")
        return answer.headers

    def upload(self, photo: Photo, metadata: str, chunk_bytes: int) -> None:
        size = len(photo.data)
        made = self.request(
            "POST", self.target.path, {"Upload-Length": str(size), "Upload-Metadata": metadata}
        )
        path = urlsplit(made["Location"]).path
        view = memoryview(photo.data)
        for offset in range(0, size, chunk_bytes):
            headers = {"Upload-Offset": str(offset), "Content-Type": OCTETS}
            piece = view[offset : offset + chunk_bytes]
            kept = int(self.request("PATCH", path, headers, piece)["Upload-Offset"])
            if kept != offset + len(piece):
                raise OSError(f"{self.target.name} kept {kept} bytes of {offset + len(piece)}")


def send_all(target: Target, share: Sequence[Sequence[Photo]], chunk_bytes: int) -> float:
    """Let one client per share upload its photos, all at once; return MB a second of them all."""
    told = [[(photo, photo.metadata) for photo in photos] for photos in share]
    ready = threading.Barrier(len(told) + 1)
    wrong: list[BaseException] = []

    def work(photos: list[tuple[Photo, str]]) -> None:
        connection = Connection(target)
        ready.wait()
        try:
            for photo, metadata in photos:
                connection.upload(photo, metadata, chunk_bytes)
        except (OSError, http.client.HTTPException) as error:
            wrong.append(error)
        finally:
            connection.http.close()

    threads = [threading.Thread(target=work, args=(photos,)) for photos in told]
    for thread in threads:
        thread.start()
    ready.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if wrong:
        raise wrong[0]
    return sum(len(photo.data) for photos in share for photo in photos) / MB / seconds


# --- what is sent --------------------------------------------------------------------------------


def opaque(chance: random.Random) -> Photo:
    """Bytes that nobody looks into: the transport, the disk and the hash."""
    return Photo(chance.randbytes(PHOTO_BYTES), "application/octet-stream")


def real_pictures(chance: random.Random) -> Callable[[random.Random], Photo]:
    """Return a maker of real JPEG photos of 12 megapixels, each with a comment of its own."""
    from PIL import Image

    noise = Image.frombytes("RGB", (500, 375), chance.randbytes(500 * 375 * 3))
    picture = noise.resize((4000, 3000), Image.Resampling.BICUBIC)
    quality, data = 95, b""
    while not data or len(data) > PHOTO_BYTES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        quality, data = quality - 2, out.getvalue()

    def make(chance: random.Random) -> Photo:
        comment = b"\xff\xfe\x00\x12" + chance.randbytes(16)
        return Photo(data[:2] + comment + data[2:], "image/jpeg")

    return make


# --- the servers ---------------------------------------------------------------------------------


@contextmanager
def running(command: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(WAIT_S)


@contextmanager
def ours(directory: Path) -> Iterator[Target]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {"DATA_DIR": str(directory), "LOG_LEVEL": "WARNING", "PORT": str(port)}
    environ |= {"DATABASE_URL": "", "STORAGE_URL": ""}
    python = [sys.executable, "-P", "-m", "wsgi"]
    environ["PYTHONPATH"] = str(ROOT)
    for command in ("db upgrade", "init"):
        subprocess.run(
            [*python, *command.split()],
            cwd=ROOT,
            env={**os.environ, **environ},
            check=True,
            capture_output=True,
        )
    token = enrolled_token(environ)
    with running([*python, "serve"], environ):
        until = time.monotonic() + WAIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        database = directory / "suicha.db"
        settle = functools.partial(until_looked_into, database)
        yield Target("suicha", port, "/api/sync/v1/uploads", token, settle)


def until_looked_into(database: Path) -> None:
    """Wait until our server has looked into every picture: the peer is not to pay for that."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        while connection.execute("SELECT 1 FROM evidence WHERE uninspected LIMIT 1").fetchone():
            time.sleep(0.1)


def enrolled_token(environ: dict[str, str]) -> str:
    """Return the access token of a new tablet, made by the services as an office would."""
    sys.path.insert(0, str(ROOT))
    from datetime import date, timedelta

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from app import clock
    from app.access import Actor, ActorKind, Role
    from app.db import transaction
    from app.people import accounts
    from app.people import service as people
    from app.people.rules import NewOfficer
    from sync.devices import service as devices
    from wsgi import create_app

    at, key = clock.now(), Ed25519PrivateKey.generate()
    with create_app({**os.environ, **environ}).app_context(), transaction():
        agency = people.create_agency("310105", "长宁区", by=Actor(ActorKind.USER), at=at)
        by = Actor(ActorKind.USER, agency_id=agency.id, district=agency.district)
        officer = people.register_officer(
            NewOfficer("沪0001", "监督员", date(2090, 1, 1), "一科", ("public-places",), ()),
            agency=agency,
            by=by,
            at=at,
        )
        account = accounts.create_account(
            "bench",
            "a long enough password",
            "某人",
            [Role.OFFICER],
            agency=agency,
            officer_id=officer.id,
            by=by,
            at=at,
        )
        code, _until = devices.issue_code(account, by=by, at=at)
        new = devices.NewDevice("Ed25519", key.public_key().public_bytes_raw(), "Pad", "OS", "1")
        day = timedelta(days=1)
        lives = devices.Lives(access=day, refresh=day, session=day)
        _device, _session, tokens = devices.enrol(account, code, new, lives=lives, at=at)
    return tokens.access


@contextmanager
def theirs(directory: Path) -> Iterator[Target]:
    directory.mkdir()
    command = [node(), str(HERE / "tus_server.mjs"), str(directory)]
    with running(command, {}) as process:
        assert process.stdout is not None
        yield Target("@tus/server", int(process.stdout.readline()), "/files")


def node() -> str:
    """Return node from PATH, else from the environment this runs in."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if found is None or not (HERE / "node_modules" / "@tus" / "server").exists():
        sys.exit("the peer is not installed: run `npm ci` in bench/")
    return found


# --- the figures ---------------------------------------------------------------------------------


def measure(rounds: int, photos: int) -> list[dict[str, object]]:
    chance = random.Random(1)
    kinds = {"3 MB file": opaque, "3 MB photo with thumbnail": real_pictures(chance)}
    figures = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets = [
            stack.enter_context(ours(directory / "ours")),
            stack.enter_context(theirs(directory / "theirs")),
        ]
        for what, make in kinds.items():
            for how, chunk_bytes in (("1 MB chunks", MB), ("one PATCH", PHOTO_BYTES)):
                for clients in (1, 8):
                    found: list[list[float]] = [[], []]
                    for _ in range(rounds + 1):
                        share = [[make(chance) for _ in range(photos)] for _ in range(clients)]
                        for speeds, target in zip(found, targets, strict=True):
                            speeds.append(send_all(target, share, chunk_bytes))
                            target.settle()
                    label = f"{what}, {how}, {clients} client" + "s" * (clients > 1)
                    # the first round warms both up
                    figures.append(figure(label, *(median(speeds[1:]) for speeds in found)))
                    print(show(figures[-1]), file=sys.stderr)
    return figures


def figure(what: str, speed: float, peer_speed: float) -> dict[str, object]:
    ratio = round(speed / peer_speed, 3)
    return {
        "what": what,
        "unit": "MB/s",
        "ours": round(speed, 1),
        "peer": "@tus/server",
        "theirs": round(peer_speed, 1),
        "ratio": ratio,
        "target": "at least the peer",
        "met": ratio >= 1,
    }


def show(one: dict[str, object]) -> str:
    verdict = "met" if one["met"] else "MISSED"
    return (
        f"{one['what']:52} {one['ours']:>6} {one['unit']}  {one['peer']} {one['theirs']:>6}"
        f"  ratio {one['ratio']}  ({one['target']}: {verdict})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast photos arrive.")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--rounds", type=int, default=5, help="the middle one counts")
    parser.add_argument("--photos", type=int, default=6, help="photos of each client a round")
    options = parser.parse_args()
    figures = measure(options.rounds, options.photos)
    if options.json:
        print(json.dumps({"name": "photos", "figures": figures}, ensure_ascii=False))
    else:
        print("\n".join(map(show, figures)))


if __name__ == "__main__":
    main()
