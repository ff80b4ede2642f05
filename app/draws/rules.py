"""Who is drawn: the class-quota draw SSJ1, in integers and hashes only.

A draw is a pure function of the frozen list, the plan and the seed X. Every class (stratum, weight)
gets its exact expected share, rounded by one public lot; inside the class the smallest tickets are
drawn. `docs/draws.md` lets anyone repeat it with a page of code in any language.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import comb, isqrt
from typing import NamedTuple, Protocol

from app.errors import Invalid

LEAST_BITS = 40
LONGEST_ID_BYTES = 23
SECRET_BYTES = 32

Ratio = tuple[int, int]
Plan = Mapping[str, int | Ratio | Mapping[int, Ratio]]
# stratum -> weight -> ids in UTF-8; weight 0 is listed but excluded
Population = Mapping[str, Mapping[int, Sequence[bytes]]]


class DrawRefused(Invalid):
    """Everything this package refuses: a sentence for the reader, details by name in `extras`."""

    code, title = "draw-refused", "抽取不能进行"


class DrawFileMalformed(DrawRefused):
    code, title = "draw-file-malformed", "抽取文件格式不正确"


class DrawFileChanged(DrawRefused):
    code, title = "draw-file-changed", "文件与公告的摘要不符"


class HashUnavailable(DrawRefused):
    code, title = "hash-unavailable", "杂凑算法不可用"


class EntropyTooWeak(DrawRefused):
    code, title = "entropy-too-weak", "公开随机数不足"


class EntropyMismatch(DrawRefused):
    code, title = "entropy-mismatch", "随机数与公告的来源不符"


class SecretMismatch(DrawRefused):
    code, title = "secret-mismatch", "秘密数与承诺值不符"


class PlanIncomplete(DrawRefused):
    code, title = "plan-incomplete", "抽查计划不完整"


# ---- hashes --------------------------------------------------------------------------------------


class Digest(Protocol):
    def digest(self) -> bytes: ...


Hash = Callable[[bytes], Digest]


def hash_named(name: str) -> Hash:
    """Return the hash of a draw, "sha256" or "sm3"; never falls back to another one."""
    if name == "sha256":
        return hashlib.sha256
    if name != "sm3":
        raise HashUnavailable(f"不认识杂凑算法“{name}”，只能使用 sha256 或 sm3。")
    if "sm3" not in hashlib.algorithms_available:
        raise HashUnavailable("本机的 OpenSSL 不支持国密 SM3，请更换 OpenSSL 或改用 sha256。")
    return partial(hashlib.new, "sm3")


def joined(new: Hash, *parts: bytes) -> bytes:
    """Return the digest of all parts, one after another."""
    return new(b"".join(parts)).digest()


def key(new: Hash, x: bytes, purpose: str) -> bytes:
    return joined(new, x, b"\0", purpose.encode())


def ticket(new: Hash, k: bytes, id_: bytes) -> bytes:
    return joined(new, k, id_)


def below(new: Hash, k: bytes, label: str, n: int) -> int:
    """Return an exactly uniform integer in [0, n), by rejection on 256-bit blocks."""
    if not 0 < n <= 1 << 256:
        raise DrawRefused("权重之和不在可以均匀抽取的范围内，请缩小权重。")
    limit = (1 << 256) // n * n
    block = 0
    while True:
        value = joined(new, k, b"\1", label.encode(), block.to_bytes(4, "big"))
        if (number := int.from_bytes(value, "big")) < limit:
            return number % n
        block += 1


# ---- names and weights ---------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Refuse what may not stand in a field: empty, not NFC, not printable, TAB, LF or comma."""
    if not name or "," in name or not name.isprintable():
        raise DrawFileMalformed(f"名称{name!r}为空，或者含有逗号、制表符、换行等不能使用的字符。")
    if not unicodedata.is_normalized("NFC", name):
        raise DrawFileMalformed(f"名称{name!r}不是规范的 Unicode（NFC）写法。")


def check_id(id_: str) -> None:
    """Refuse an archive number that is no name or longer than 23 bytes (one hash block)."""
    check_name(id_)
    if len(id_.encode()) > LONGEST_ID_BYTES:
        raise DrawFileMalformed(
            f"档案编号“{id_}”超过 {LONGEST_ID_BYTES} 个字节（每个汉字三个字节），请改短。"
        )


class Factor(NamedTuple):
    """One line of the weight rules: the multiplier for each value of a unit's field."""

    field: str
    weights: Mapping[str, int]


# ---- seed ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was announced before the draw; `data` are its bytes as published."""

    data: bytes
    draw_no: str
    prev: str
    population_sha256: str
    plan: Plan
    entropy_sources: Sequence[str]
    commit: str
    coordination: str = "shared"
    hash: str = "sha256"
    rules_sha256: str | None = None
    officers_sha256: str | None = None
    exclusions_sha256: str | None = None
    barred_sha256: str | None = None
    code_sha256: str | None = None
    merkle_root: str | None = None
    deposits: Sequence[str] = ()
    deadline: str | None = None
    reveal_on: str = "at-draw"

    @property
    def sha256(self) -> str:
        """The hash that is announced, and `prev` of the next manifest."""
        return hashlib.sha256(self.data).hexdigest()


def commit_of(secret: bytes, hash_name: str = "sha256") -> str:
    """Return the commitment to a secret of 32 random bytes; zeros never stand for a lost one."""
    if len(secret) != SECRET_BYTES or not any(secret):
        raise SecretMismatch("秘密数必须是 32 个随机字节，遗失的秘密数不能用零代替。")
    return joined(hash_named(hash_name), b"SSJ1-COMMIT\n", secret).hex()


def deposit_commitment(deposit: bytes, hash_name: str = "sha256") -> str:
    """Return the commitment that a depositor's 32 random bytes leave in the manifest."""
    if len(deposit) != SECRET_BYTES or not any(deposit):
        raise EntropyMismatch("封存的随机数必须是 32 个随机字节。")
    return joined(hash_named(hash_name), b"SSJ1-DEPOSIT\n", deposit).hex()


# Results of one issue; a lottery that is not named here counts for nothing.
LOTTERIES = {
    "ssq": comb(33, 6) * 16,
    "dlt": comb(35, 5) * comb(12, 2),
    "qlc": comb(30, 7),
    "qxc": 10**6 * 15,
    "pl5": 10**5,
    "pl3": 10**3,
    "3d": 10**3,
}
DICE = re.compile(r"dice:([1-9]\d{0,2})d([1-9]\d{0,2})(?!\d)", re.ASCII)
DEPOSIT = re.compile(r"deposit:([1-9]\d{0,3})(?!\d)", re.ASCII)


def declared_bits(source: str) -> int:
    """Return the whole bits of chance a source promises: dice:20d10, lottery:ssq:…, deposit:1, …

    What follows (issue number, rule for failure) is free text; an unknown source counts 0.
    """
    outcomes: int
    if dice := DICE.match(source):
        outcomes = int(dice[2]) ** int(dice[1])
    elif source.startswith("lottery:"):
        outcomes = LOTTERIES.get(source.split(":")[1], 1)
    elif DEPOSIT.match(source) or source.startswith("beacon:"):
        outcomes = 1 << 256
    else:
        outcomes = 1
    return outcomes.bit_length() - 1


def check_sources(sources: Collection[str]) -> None:
    """Refuse sources that together promise fewer than 40 bits; the same source counts once."""
    bits = sum(declared_bits(source) for source in set(sources))
    if bits < LEAST_BITS:
        raise EntropyTooWeak(
            f"公布的随机数来源合计只有 {bits} 比特，至少需要 {LEAST_BITS} 比特，"
            "例如 20 枚十面骰子（dice:20d10）。"
        )


def check_entropy(manifest: Manifest, entropy: Sequence[str]) -> None:
    """Refuse entropy that does not answer to its sources, one by one and in order.

    Dice of up to ten sides are one digit each (ten sides: 0 to 9); a deposit is the 64 hex digits
    of the value its commitment stands for; other sources are any printable text.
    """
    if len(entropy) != len(manifest.entropy_sources):
        raise EntropyMismatch(
            f"公告的随机数来源有 {len(manifest.entropy_sources)} 个，收到 {len(entropy)} 个。"
        )
    for source, text in zip(manifest.entropy_sources, entropy, strict=True):
        if not text or not text.isprintable():
            raise EntropyMismatch(f"来源“{source}”的随机数为空，或者含有不能显示的字符。")
        if dice := DICE.match(source):
            _check_dice(source, int(dice[1]), int(dice[2]), text)
        elif deposit := DEPOSIT.match(source):
            _check_deposit(manifest, int(deposit[1]), text)


def _check_dice(source: str, count: int, sides: int, text: str) -> None:
    if sides > 10:
        return
    faces = "0123456789" if sides == 10 else "123456789"[:sides]
    if len(text) != count or set(text) - set(faces):
        raise EntropyMismatch(
            f"来源“{source}”应当是 {count} 个数字（{faces[0]} 至 {faces[-1]}），中间不留空格。"
        )


def _check_deposit(manifest: Manifest, number: int, text: str) -> None:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise EntropyMismatch(f"第 {number} 份封存的随机数应当是 64 位小写十六进制数。")
    opened = deposit_commitment(bytes.fromhex(text), manifest.hash)
    if number > len(manifest.deposits) or opened != manifest.deposits[number - 1]:
        raise EntropyMismatch(f"第 {number} 份封存的随机数与公告的承诺值不符。")


def seed(manifest: Manifest, secret: bytes, entropy: Sequence[str]) -> bytes:
    """Return X, from which all chance of a draw is derived.

    Raises SecretMismatch and EntropyMismatch: secret and deposits must be those committed to.
    """
    if commit_of(secret, manifest.hash) != manifest.commit:
        raise SecretMismatch("秘密数与公告的承诺值不符，抽取不能进行。")
    check_entropy(manifest, entropy)
    new = hash_named(manifest.hash)
    texts = [text.encode() for text in entropy]
    parts = [part for text in texts for part in (len(text).to_bytes(4, "big"), text)]
    count = len(texts).to_bytes(4, "big")
    return joined(new, b"SSJ1-SEED\n", joined(new, manifest.data), secret, count, *parts)


# ---- quotas --------------------------------------------------------------------------------------


class Quota(NamedTuple):
    """How many units of one class are drawn; `expected` is the exact mean over all seeds."""

    drawn: int
    expected: Fraction


def wanted(rule: int | Ratio, listed: int, eligible: int) -> int:
    """Return n of a stratum: a ratio is of all listed units, rounded up, at most the eligible."""
    n = rule if isinstance(rule, int) else -(-listed * rule[0] // rule[1])
    return min(n, eligible)


def certain(sizes: Mapping[int, int], n: int) -> tuple[set[int], int]:
    """Return the weights whose classes are taken whole, and how many units remain to be drawn."""
    left, whole = dict(sizes), set[int]()
    total = sum(weight * size for weight, size in sizes.items())
    while left and n * (weight := max(left)) >= total:
        size = left.pop(weight)
        whole.add(weight)
        n, total = n - size, total - weight * size
    return whole, n


def systematic(classes: Sequence[tuple[int, int]], n: int, start: int) -> dict[int, int]:
    """Round the shares n·w·N/W of the (weight, size) classes by one start in [0, W).

    The sum is n, each is its share rounded down or up, and over all starts the mean is exact.
    """
    total = sum(weight * size for weight, size in classes)
    quotas, before = dict[int, int](), start
    for weight, size in classes:
        after = before + n * weight * size
        quotas[weight] = after // total - before // total
        before = after
    return quotas


def quotas(stratum: str, sizes: Mapping[int, int], n: int, k: bytes, new: Hash) -> dict[int, Quota]:
    """Return the quota of every class (weight -> size, no weight 0) of a stratum of n to draw."""
    whole, m = certain(sizes, n)
    drawn = {weight: Quota(sizes[weight], Fraction(sizes[weight])) for weight in whole}
    rest = sorted(
        ((weight, size) for weight, size in sizes.items() if weight not in whole),
        key=lambda one: joined(new, k, b"\2", f"{stratum}\t{one[0]}".encode()),
    )
    if rest:
        total = sum(weight * size for weight, size in rest)
        start = below(new, k, f"start\t{stratum}", total)
        for weight, count in systematic(rest, m, start).items():
            drawn[weight] = Quota(count, Fraction(m * weight * sizes[weight], total))
    return drawn


def quotas_by_ratio(
    stratum: str, sizes: Mapping[int, int], ratios: Mapping[int, Ratio]
) -> dict[int, Quota]:
    """Return the quota of every class where the plan states a ratio for each; nothing is left
    to chance but who is drawn inside the class."""
    if missing := sorted(set(sizes) - set(ratios)):
        raise PlanIncomplete(f"“{stratum}”有权重为 {missing[0]} 的单位，计划没有规定它的抽查比例。")
    counts = {weight: wanted(ratios[weight], size, size) for weight, size in sizes.items()}
    return {weight: Quota(count, Fraction(count)) for weight, count in counts.items()}


# ---- selection -----------------------------------------------------------------------------------


class Lot(NamedTuple):
    rank: int
    id: str
    ticket: str


@dataclass(frozen=True, slots=True)
class ClassResult:
    """The drawn units of one class and after them its reserves, in the order of their tickets."""

    weight: int
    listed: int
    quota: Quota
    smallest: Sequence[tuple[bytes, bytes]]

    def lots(self) -> list[Lot]:
        """All lots by rank; those above `quota.drawn` are reserves."""
        return [Lot(n, id_.decode(), t.hex()) for n, (t, id_) in enumerate(self.smallest, 1)]

    @property
    def selected(self) -> list[Lot]:
        return self.lots()[: self.quota.drawn]

    @property
    def reserves(self) -> list[Lot]:
        return self.lots()[self.quota.drawn :]

    @property
    def threshold(self) -> str | None:
        """The last ticket drawn: a unit of this class was drawn if its own is not above it."""
        return self.smallest[self.quota.drawn - 1][0].hex() if self.quota.drawn else None


@dataclass(frozen=True, slots=True)
class StratumResult:
    """One stratum with both bases: all units on the list, and those not excluded by weight 0."""

    stratum: str
    listed: int
    eligible: int
    classes: Sequence[ClassResult]

    @property
    def drawn(self) -> int:
        return sum(result.quota.drawn for result in self.classes)


def smallest(new: Hash, k: bytes, ids: Sequence[bytes], q: int) -> list[tuple[bytes, bytes]]:
    """Return the q smallest (ticket, id) in order.

    Only tickets below a bound are kept and sorted; where too few are, all are. The bound changes
    time and memory, never the result.
    """
    keep = q + 8 * isqrt(q) + 50
    if keep < len(ids):
        bound = ((keep << 256) // len(ids)).to_bytes(32, "big")
        kept = [(t, id_) for id_ in ids if (t := new(k + id_).digest()) < bound]
        if len(kept) >= q:
            return sorted(kept)[:q]
    return all_tickets(new, k, ids)[:q]


def all_tickets(new: Hash, k: bytes, ids: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Return every (ticket, id) of a class in order, equal tickets by the bytes of the id."""
    return sorted((ticket(new, k, id_), id_) for id_ in ids)


def select(
    population: Population,
    plan: Plan,
    x: bytes,
    coordination: str = "shared",
    hash_name: str = "sha256",
) -> list[StratumResult]:
    """Draw every stratum of the plan, in byte order of their names.

    The chance of a unit is exactly proportional to its weight; reserves are the ranks k+1 … 2k+5 of
    each class. Raises PlanIncomplete where the plan does not name a stratum or one of its classes.
    """
    if unplanned := sorted(set(population) - set(plan)):
        raise PlanIncomplete(f"计划没有规定“{unplanned[0]}”抽查多少。")
    if coordination not in ("shared", "independent"):
        raise DrawRefused(f"不认识的票号规则“{coordination}”，只能是 shared 或 independent。")
    new = hash_named(hash_name)
    purposes = {name: "unit" if coordination == "shared" else f"unit\t{name}" for name in plan}
    return [
        _select_stratum(
            name,
            population.get(name, {}),
            plan[name],
            quota_key=key(new, x, "quota"),
            unit_key=key(new, x, purposes[name]),
            new=new,
        )
        for name in sorted(plan, key=str.encode)
    ]


def _select_stratum(
    name: str,
    classes: Mapping[int, Sequence[bytes]],
    rule: int | Ratio | Mapping[int, Ratio],
    *,
    quota_key: bytes,
    unit_key: bytes,
    new: Hash,
) -> StratumResult:
    sizes = {weight: len(ids) for weight, ids in classes.items() if weight and ids}
    listed, eligible = sum(map(len, classes.values())), sum(sizes.values())
    if isinstance(rule, Mapping):
        shares = quotas_by_ratio(name, sizes, rule)
    else:
        shares = quotas(name, sizes, wanted(rule, listed, eligible), quota_key, new)
    results = [
        ClassResult(
            weight,
            sizes[weight],
            shares[weight],
            smallest(
                new, unit_key, classes[weight], min(sizes[weight], 2 * shares[weight].drawn + 5)
            ),
        )
        for weight in sorted(sizes)
    ]
    return StratumResult(name, listed, eligible, results)
