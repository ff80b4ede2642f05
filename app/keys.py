"""The four secrets of an installation: where they come from, and the few things done with them.

| Secret | Environment | Is |
|---|---|---|
| `secret_key` | SECRET_KEY | text of 32 bytes or more: sessions, cursors and other HMACs |
| `receipt_key` | SUICHA_RECEIPT_KEY | Ed25519 seed: signs receipts |
| `draw_key` | SUICHA_DRAW_KEY | AES-256 key: draw secrets and deposits at rest |
| `rescue_key` | SUICHA_RESCUE_KEY | X25519 private key: opens rescue files of tablets |

The last three are 32 bytes as base64url or hex. Each name with `_FILE` behind it names a file that
holds the value instead. Where neither is set, development keeps its own in `DATA_DIR/keys`;
production refuses to start, because a secret beside the data is stolen with the data.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from app.errors import Unavailable

SECRET_BYTES = 32
SECRET_FILE_BYTES_MAX = 4096
NONCE_BYTES = 12
RECEIPT_LABEL = "suicha-receipt-1"

VARIABLES: Mapping[str, str] = {
    "secret_key": "SECRET_KEY",
    "receipt_key": "SUICHA_RECEIPT_KEY",
    "draw_key": "SUICHA_DRAW_KEY",
    "rescue_key": "SUICHA_RESCUE_KEY",
}

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{43}=?")


class SecretMissing(Exception):
    """No source names this secret; the process must not start."""


class SecretUnusable(Exception):
    """A source names the secret, but it cannot be used; the process must not start."""


class SealBroken(Unavailable):
    code, title = "seal-broken", "密封内容无法解开"


@dataclass(frozen=True)
class Keys:
    """The secrets of this process; `sources` says where each came from, for `suicha doctor`."""

    secret_key: bytes = field(repr=False)
    receipt_key: Ed25519PrivateKey = field(repr=False)
    draw_key: bytes = field(repr=False)
    rescue_key: X25519PrivateKey = field(repr=False)
    sources: Mapping[str, str]


def load_keys(
    environ: Mapping[str, str], *, data_dir: Path, production: bool, create: bool
) -> Keys:
    """Return the secrets, each from the environment, a named file or `data_dir/keys`.

    In production only the first two count. Elsewhere, with `create`, a missing one is made once:
    of several processes that start together all get the same. Raises SecretMissing and
    SecretUnusable, which name the variable and never the value.
    """
    values: dict[str, bytes] = {}
    sources: dict[str, str] = {}
    for name, variable in VARIABLES.items():
        text, source = _given(environ, variable) or _kept(
            name, variable, data_dir=data_dir, production=production, create=create
        )
        values[name] = (
            _as_text_key(text, variable) if name == "secret_key" else _raw(text, variable)
        )
        sources[name] = source
    return Keys(
        secret_key=values["secret_key"],
        receipt_key=Ed25519PrivateKey.from_private_bytes(values["receipt_key"]),
        draw_key=values["draw_key"],
        rescue_key=X25519PrivateKey.from_private_bytes(values["rescue_key"]),
        sources=sources,
    )


def public_bytes(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    """Return the raw public key, 32 bytes."""
    return key.public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """Return the name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def sign_receipt(key: Ed25519PrivateKey, receipt_hash: str) -> str:
    """Return the signature over label, LF and the hash (lower-case hex), as base64url."""
    message = f"{RECEIPT_LABEL}\n{receipt_hash}".encode("ascii")
    return _encode(crypto_sign(message, _signing(key))[:crypto_sign_BYTES])


@lru_cache(maxsize=8)
def _signing(key: Ed25519PrivateKey) -> bytes:
    """Return the same key for libsodium, which signs the same bytes in less time."""
    _public, secret = crypto_sign_seed_keypair(key.private_bytes_raw())
    return secret


def seal(key: bytes, plaintext: bytes, *, aad: bytes) -> bytes:
    """Return nonce ‖ ciphertext ‖ tag (AES-256-GCM); `aad` binds it to its place, unsealed.

    The nonce is random: good for 2³² seals under one key.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def unseal(key: bytes, sealed: bytes, *, aad: bytes) -> bytes:
    """Return what was sealed. Raises SealBroken for another key, another `aad` or altered bytes."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise SealBroken(
            "密封内容无法解开：密钥与封存时不一致，或内容已被改动。请管理员核对密钥后重试。",
            retry_after_s=3600,
        ) from error


def _given(environ: Mapping[str, str], variable: str) -> tuple[str, str] | None:
    value, named = environ.get(variable, ""), environ.get(f"{variable}_FILE", "")
    if value and named:
        raise SecretUnusable(f"{variable} 与 {variable}_FILE 只能设置一个。")
    if value:
        return value.strip(), "environment"
    if named:
        return _read(Path(named), variable), f"file:{named}"
    return None


def _kept(
    name: str, variable: str, *, data_dir: Path, production: bool, create: bool
) -> tuple[str, str]:
    if production:
        raise SecretMissing(
            f"生产环境缺少密钥：请设置环境变量 {variable}，或用 {variable}_FILE 指明密钥文件。"
        )
    path = data_dir / "keys" / name
    if not path.exists():
        if not create:
            raise SecretMissing(f"缺少密钥：请运行 suicha init 生成，或设置环境变量 {variable}。")
        _create(path)
    if path.stat().st_mode & 0o077:
        raise SecretUnusable(f"密钥文件 {path} 可被其他用户读取，请执行 chmod 600 后重新启动。")
    return _read(path, variable), f"file:{path}"


def _read(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_FILE_BYTES_MAX + 1)
        if len(content) > SECRET_FILE_BYTES_MAX:
            raise SecretUnusable(f"{variable} 的密钥文件 {path} 过大，不是密钥。")
        return content.decode("utf-8").strip()
    except FileNotFoundError as error:
        raise SecretMissing(f"{variable}_FILE 指明的密钥文件 {path} 不存在。") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnusable(f"{variable} 的密钥文件 {path} 无法读取。") from error


def _create(path: Path) -> None:
    """Make a secret that all who race for it will share.

    It is written aside, synced, and given its name by a hard link, which only one can win: nobody
    ever reads half a key, and no second key takes the place of one that is already in use.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(f"{_encode(secrets.token_bytes(SECRET_BYTES))}\n".encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _as_text_key(text: str, variable: str) -> bytes:
    value = text.encode("utf-8")
    if len(value) < SECRET_BYTES:
        raise SecretUnusable(f"{variable} 过短：至少 {SECRET_BYTES} 个字节，请使用随机值。")
    return value


def _raw(text: str, variable: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if _BASE64URL.fullmatch(text):
        value = base64.urlsafe_b64decode(text.rstrip("=") + "=")
        if _encode(value) == text.rstrip("="):
            return value
    raise SecretUnusable(
        f"{variable} 应为 {SECRET_BYTES} 字节，写成 base64url（43 个字符）或十六进制（64 个字符）。"
    )


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
