"""What the lines of a batch say, read before anything is locked: form, signature, today's fields,
and what follows from these alone.

Checking fifty signatures takes longer than writing what they sign. It needs nothing of the database
but the device's key, which never changes: so it is done before the transaction begins, and other
tablets push meanwhile.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from uuid import UUID

from app.beside import begin_beside
from sync.inbox import forms, rules
from sync.operations import OPERATION_LABEL, Malformed, PublicKey, is_signed, parse_line
from sync.operations import Operation as Pushed
from sync.operations import load_public_key as _load_public_key

load_public_key = lru_cache(maxsize=4096)(_load_public_key)
# one thread at a time: of many batches at once the first is then ready to be written when one is
_one_at_a_time = Lock()
FEW = 8  # sooner checked than handed over


@dataclass(frozen=True)
class Read:
    """The lines of a batch with what each says: an operation of this device, or why it is none.

    `order` names their places, parents before children; `plain` are the hashes of what may be
    carried out together.
    """

    lines: Sequence[bytes]
    said: Sequence[Pushed | Malformed]
    order: Sequence[int]
    plain: Collection[str]


def read_lines(
    lines: Sequence[bytes],
    device_id: UUID,
    *,
    alg: str,
    public_key: bytes,
    between: Callable[[], None] = lambda: None,
) -> Read:
    """Read every line as the operation of a device; what is not, says why. Never raises.

    `between` is called before each, in more than one thread: there the reading may give way to what
    is more urgent.
    """
    key = load_public_key(alg, public_key)
    said: list[Pushed | Malformed] = []
    with _one_at_a_time:
        for line in lines:
            between()
            said.append(_read(line, device_id))
        signed = _signed([one for one in said if isinstance(one, Pushed)], key, between)
    said = [_as_signed(one, signed) for one in said]
    plain = {one.digest for one in said if isinstance(one, Pushed) and rules.is_plain(one)}
    return Read(lines, said, _order(said), plain)


def _order(said: Sequence[Pushed | Malformed]) -> list[int]:
    return rules.in_causal_order(
        [
            (one.op_id, one.device_seq, one.depends_on)
            if isinstance(one, Pushed)
            else (None, 0, ())
            for one in said
        ]
    )


def _read(line: bytes, device_id: UUID) -> Pushed | Malformed:
    try:
        pushed = parse_line(line)
    except Malformed as error:
        return error
    if pushed.device_id != device_id:
        return Malformed("of another device", digest=pushed.digest, op_id=pushed.op_id)
    return pushed


def _signed(
    operations: Sequence[Pushed], key: PublicKey, between: Callable[[], None]
) -> set[tuple[str, str]]:
    """Return hash and signature of those that are signed; of many, half are checked beside."""

    def checked(some: Sequence[Pushed]) -> set[tuple[str, str]]:
        found = set()
        for one in some:
            between()
            if is_signed(key, OPERATION_LABEL, one.digest, one.sig):
                found.add((one.digest, one.sig))
        return found

    if len(operations) <= FEW:
        return checked(operations)
    half = len(operations) // 2
    rest = begin_beside(lambda: checked(operations[half:]))
    return checked(operations[:half]) | rest()


def _as_signed(one: Pushed | Malformed, signed: Collection[tuple[str, str]]) -> Pushed | Malformed:
    if isinstance(one, Malformed):
        return one
    if (one.digest, one.sig) not in signed:
        return Malformed("wrongly signed", digest=one.digest, op_id=one.op_id)
    return forms.as_today(one)
