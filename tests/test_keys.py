import base64
import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app import make_flask_app
from app.keys import (
    VARIABLES,
    Keys,
    SealBroken,
    SecretMissing,
    SecretUnusable,
    key_id,
    load_keys,
    public_bytes,
    seal,
    sign_receipt,
    unseal,
)

SEED = bytes(range(32))
ENVIRON = {
    "SECRET_KEY": "s" * 32,
    "SUICHA_RECEIPT_KEY": SEED.hex(),
    "SUICHA_DRAW_KEY": base64.urlsafe_b64encode(b"\xfb" * 32).decode().rstrip("="),
    "SUICHA_RESCUE_KEY": "00" * 31 + "01",
}


def development(data_dir: Path, environ: dict[str, str] | None = None) -> Keys:
    return load_keys(environ or {}, data_dir=data_dir, production=False, create=True)


def secrets_of(keys: Keys) -> tuple[bytes, ...]:
    return (
        keys.secret_key,
        keys.receipt_key.private_bytes_raw(),
        keys.draw_key,
        keys.rescue_key.private_bytes_raw(),
    )


def test_the_environment_gives_hex_or_base64url(tmp_path: Path) -> None:
    keys = load_keys(ENVIRON, data_dir=tmp_path / "none", production=True, create=True)

    assert keys.secret_key == b"s" * 32
    assert keys.receipt_key.private_bytes_raw() == SEED
    assert keys.draw_key == b"\xfb" * 32
    assert set(keys.sources.values()) == {"environment"}
    assert not (tmp_path / "none").exists()


def test_a_named_file_counts_in_production(tmp_path: Path) -> None:
    (tmp_path / "receipt").write_text(f"{SEED.hex()}\n")
    environ = {**ENVIRON, "SUICHA_RECEIPT_KEY_FILE": str(tmp_path / "receipt")}
    del environ["SUICHA_RECEIPT_KEY"]

    keys = load_keys(environ, data_dir=tmp_path, production=True, create=False)

    assert keys.receipt_key.private_bytes_raw() == SEED
    assert keys.sources["receipt_key"] == f"file:{tmp_path / 'receipt'}"


@pytest.mark.parametrize("name", VARIABLES)
def test_production_never_makes_or_takes_a_key_beside_the_data(tmp_path: Path, name: str) -> None:
    development(tmp_path)
    environ = {key: value for key, value in ENVIRON.items() if key != VARIABLES[name]}

    with pytest.raises(SecretMissing, match=VARIABLES[name]):
        load_keys(environ, data_dir=tmp_path, production=True, create=True)


def test_development_makes_its_keys_once_and_keeps_them(tmp_path: Path) -> None:
    first = development(tmp_path / "data")
    second = load_keys({}, data_dir=tmp_path / "data", production=False, create=False)

    assert secrets_of(first) == secrets_of(second)
    assert len(set(secrets_of(first))) == 4
    assert first.sources == {name: f"file:{tmp_path}/data/keys/{name}" for name in VARIABLES}


def test_two_installations_never_share_a_key(tmp_path: Path) -> None:
    one, other = development(tmp_path / "1"), development(tmp_path / "2")
    assert not set(secrets_of(one)) & set(secrets_of(other))


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    development(tmp_path)
    keys = development(tmp_path, {"SUICHA_RECEIPT_KEY": SEED.hex()})

    assert keys.receipt_key.private_bytes_raw() == SEED
    assert keys.sources["receipt_key"] == "environment"
    assert keys.sources["draw_key"].startswith("file:")


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        development(tmp_path)
    finally:
        os.umask(before)

    directory = tmp_path / "keys"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(path.name for path in directory.iterdir()) == sorted(VARIABLES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_a_new_data_folder_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    make_flask_app({"DATA_DIR": str(tmp_path / "new" / "data")})
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    development(tmp_path)
    (tmp_path / "keys" / "draw_key").chmod(mode)

    with pytest.raises(SecretUnusable, match="chmod 600"):
        development(tmp_path)


def test_without_leave_to_create_a_missing_key_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="suicha init"):
        load_keys({}, data_dir=tmp_path, production=False, create=False)
    assert list(tmp_path.iterdir()) == []


RACER = """
import json, sys
from pathlib import Path
from app.keys import load_keys
print("ready", flush=True)
sys.stdin.readline()
keys = load_keys({}, data_dir=Path(sys.argv[1]), production=False, create=True)
print(json.dumps([keys.secret_key.hex(), keys.receipt_key.private_bytes_raw().hex(),
                  keys.draw_key.hex(), keys.rescue_key.private_bytes_raw().hex()]))
"""


def test_processes_that_start_together_share_their_keys(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = {racer.communicate(timeout=60)[0] for racer in racers}

    assert len(answers) == 1
    made = json.loads(answers.pop())
    assert made == [secret.hex() for secret in secrets_of(development(tmp_path))]
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == sorted(VARIABLES)


def test_whoever_loses_the_race_takes_the_winners_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = development(tmp_path / "winner")
    real = os.link

    def late(source: Path, target: Path, **options: object) -> None:
        target.write_bytes((tmp_path / "winner/keys" / target.name).read_bytes())
        target.chmod(0o600)
        real(source, target)

    monkeypatch.setattr(os, "link", late)

    assert secrets_of(development(tmp_path / "late")) == secrets_of(winner)


@pytest.mark.parametrize("variable", VARIABLES.values())
@pytest.mark.parametrize(
    "value", ["short", "0" * 31, "照" * 10, "=" * 20, "0" * 30 + "\n", "z" * 10 + " " * 60]
)
def test_a_short_key_is_refused_and_not_repeated(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(SecretUnusable, match=variable) as refused:
        development(tmp_path, {**ENVIRON, variable: value})
    assert value.strip() not in str(refused.value)


@pytest.mark.parametrize("name", ["receipt_key", "draw_key", "rescue_key"])
@pytest.mark.parametrize(
    "value", ["0" * 63, "0" * 65, "g" * 64, "a" * 42, "a" * 44, "a" * 43, "+" * 43, "照" * 43]
)
def test_a_raw_key_has_exactly_32_bytes(tmp_path: Path, name: str, value: str) -> None:
    """`a` * 43 carries two bits that no 32 bytes encode to: a letter was lost or mistyped."""
    with pytest.raises(SecretUnusable, match=VARIABLES[name]):
        development(tmp_path, {**ENVIRON, VARIABLES[name]: value})


def test_two_sources_for_one_key_are_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s" * 32)
    with pytest.raises(SecretUnusable, match="只能设置一个"):
        development(tmp_path, {**ENVIRON, "SECRET_KEY_FILE": str(tmp_path / "key")})


def test_a_named_file_must_be_there_and_be_a_key(tmp_path: Path) -> None:
    environ = {**ENVIRON, "SECRET_KEY": ""}
    with pytest.raises(SecretMissing, match="SECRET_KEY_FILE"):
        development(tmp_path, environ | {"SECRET_KEY_FILE": str(tmp_path / "nowhere")})
    (tmp_path / "big").write_bytes(b"x" * 5000)
    (tmp_path / "binary").write_bytes(b"\xff" * 40)
    for wrong in ("big", "binary", "."):
        with pytest.raises(SecretUnusable, match="SECRET_KEY"):
            development(tmp_path, environ | {"SECRET_KEY_FILE": str(tmp_path / wrong)})


def test_keys_do_not_show_in_a_traceback_or_log(tmp_path: Path) -> None:
    keys = load_keys(ENVIRON, data_dir=tmp_path, production=True, create=False)
    assert "ssss" not in repr(keys)
    assert repr(keys.draw_key) not in repr(keys)
    assert "environment" in repr(keys)


def test_a_receipt_is_signed_over_its_label_and_hash(tmp_path: Path) -> None:
    keys = load_keys(ENVIRON, data_dir=tmp_path, production=True, create=False)
    digest = hashlib.sha256(b"receipt").hexdigest()

    signature = sign_receipt(keys.receipt_key, digest)

    raw = base64.urlsafe_b64decode(signature + "==")
    assert "=" not in signature
    public = Ed25519PublicKey.from_public_bytes(public_bytes(keys.receipt_key))
    public.verify(raw, f"suicha-receipt-1\n{digest}".encode())
    with pytest.raises(InvalidSignature):
        public.verify(raw, f"suicha-op-1\n{digest}".encode())


def test_a_key_id_names_the_public_key() -> None:
    public = public_bytes(X25519PrivateKey.from_private_bytes(SEED))
    assert key_id(public) == hashlib.sha256(public).hexdigest()[:16]


def test_what_is_sealed_opens_with_the_same_key_and_place_only() -> None:
    key = b"k" * 32
    sealed = seal(key, b"\xe9\xaa\xb0\xe5\xad\x90", aad=b"draw:2026-4")

    assert unseal(key, sealed, aad=b"draw:2026-4") == b"\xe9\xaa\xb0\xe5\xad\x90"
    assert seal(key, b"x", aad=b"") != seal(key, b"x", aad=b"")
    for wrong_key, wrong_bytes, wrong_place in (
        (b"K" * 32, sealed, b"draw:2026-4"),
        (key, sealed, b"draw:2026-3"),
        (key, sealed[:-1], b"draw:2026-4"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"draw:2026-4"),
        (key, b"", b"draw:2026-4"),
        (key, sealed[:12], b"draw:2026-4"),
    ):
        with pytest.raises(SealBroken) as broken:
            unseal(wrong_key, wrong_bytes, aad=wrong_place)
        assert broken.value.code == "seal-broken"
