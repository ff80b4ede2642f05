"""The files of a draw, read and written byte for byte.

Written files are canonical, so that anyone with the same rows gets the same digest. Reading refuses
whatever the format does not name: an unknown field, a doubled key, a value of another shape.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from app.draws.files import (
    NUMBER,
    blocks_of,
    check_digest,
    line_blocks,
    read_json,
    sha256_of,
    write_json,
    write_tsv,
)
from app.draws.rules import (
    DEPOSIT,
    LONGEST_ID_BYTES,
    DrawFileMalformed,
    Factor,
    Manifest,
    Population,
    Ratio,
    StratumResult,
    check_id,
    check_name,
    check_sources,
    hash_named,
    joined,
    seed,
    select,
)

HEX64 = re.compile("[0-9a-f]{64}")


class ManifestFieldUnknown(DrawFileMalformed):
    """What nobody understands may change what the rest means, so it is never passed over."""

    code, title = "manifest-field-unknown", "公告含有不认识的字段"


# ---- manifest ------------------------------------------------------------------------------------


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and HEX64.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""


def _is_ratio(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(map(_is_integer, value))
        and value[0] <= value[1] > 0
    )


def _is_weight(value: str) -> bool:
    return NUMBER.fullmatch(value) is not None and value != "0"


def _is_rule(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_weight(weight) and _is_ratio(ratio) for weight, ratio in value.items())
    return _is_integer(value) or _is_ratio(value)


def _is_plan(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    for stratum in value:
        check_name(stratum)
    return all(map(_is_rule, value.values()))


def _is_time(value: object, form: str) -> bool:
    try:
        instant = datetime.strptime(str(value), form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return instant.strftime(form) == value


def _list_of(check: Callable[[object], bool], least: int = 0) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(check, value))


REQUIRED: Mapping[str, Callable[[object], bool]] = {
    "alg": lambda value: value == "SSJ1",
    "draw_no": _is_text,
    "prev": _is_digest,
    "population_sha256": _is_digest,
    "plan": _is_plan,
    "entropy_sources": _list_of(_is_text, least=1),
    "commit": _is_digest,
}
OPTIONAL: Mapping[str, Callable[[object], bool]] = {
    "coordination": lambda value: value in ("shared", "independent"),
    "hash": lambda value: value in ("sha256", "sm3"),
    "rules_sha256": _is_digest,
    "officers_sha256": _is_digest,
    "exclusions_sha256": _is_digest,
    "barred_sha256": _is_digest,
    "code_sha256": _is_digest,
    "merkle_root": _is_digest,
    "deposits": _list_of(_is_digest),
    "deadline": lambda value: _is_time(value, "%Y-%m-%dT%H:%M:%SZ"),
    "reveal_on": lambda value: (
        value in ("at-draw", "after-last-visit") or _is_time(value, "%Y-%m-%d")
    ),
}


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest as published; raises DrawFileMalformed for anything the format lacks."""
    fields = read_json("manifest.json", data)
    checks = {**REQUIRED, **OPTIONAL}
    if missing := sorted(REQUIRED.keys() - fields.keys()):
        raise DrawFileMalformed(f"manifest.json 缺少字段 {missing[0]}。")
    for name, value in fields.items():
        if name not in checks:
            raise ManifestFieldUnknown(f"manifest.json 含有不认识的字段 {name}。")
        if not checks[name](value):
            raise DrawFileMalformed(f"manifest.json 字段 {name} 的值不符合格式。")
    _check_deposit_sources(fields["entropy_sources"], fields.get("deposits", []))
    del fields["alg"]
    plan = {stratum: _rule(rule) for stratum, rule in fields.pop("plan").items()}
    return Manifest(data=data, plan=plan, **fields)


def _rule(rule: Any) -> int | Ratio | dict[int, Ratio]:
    if isinstance(rule, dict):
        return {int(weight): cast(Ratio, tuple(ratio)) for weight, ratio in rule.items()}
    return rule if isinstance(rule, int) else cast(Ratio, tuple(rule))


def _check_deposit_sources(sources: Sequence[str], deposits: Sequence[str]) -> None:
    for source in sources:
        if not source.startswith("deposit:"):
            continue
        found = DEPOSIT.match(source)
        if not found or int(found[1]) > len(deposits):
            raise DrawFileMalformed(f"随机数来源 {source} 没有对应的封存承诺值。")


def make_manifest(fields: Mapping[str, object]) -> Manifest:
    """Write the manifest of a new draw in canonical form; `alg` is added.

    Raises DrawFileMalformed, and EntropyTooWeak when the sources promise fewer than 40 bits.
    """
    manifest = parse_manifest(write_json({**fields, "alg": "SSJ1"}))
    check_sources(manifest.entropy_sources)
    return manifest


# ---- other JSON files ----------------------------------------------------------------------------


def write_reveal(secret: bytes, entropy: Sequence[str]) -> bytes:
    return write_json({"secret": secret.hex(), "entropy": list(entropy)})


def parse_reveal(data: bytes) -> tuple[bytes, list[str]]:
    """Return (secret, entropy) of reveal.json."""
    fields = read_json("reveal.json", data)
    if fields.keys() != {"secret", "entropy"}:
        raise DrawFileMalformed("reveal.json 应当只有 secret 和 entropy 两个字段。")
    if not _is_digest(fields["secret"]) or not _list_of(_is_text)(fields["entropy"]):
        raise DrawFileMalformed("reveal.json 的秘密数或随机数不符合格式。")
    return bytes.fromhex(fields["secret"]), fields["entropy"]


def write_rules(factors: Sequence[Factor]) -> bytes:
    data = write_json(
        {"factors": [{"field": one.field, "weights": one.weights} for one in factors]}
    )
    parse_rules(data)
    return data


def parse_rules(data: bytes) -> list[Factor]:
    """Return the multipliers of rules.json, whole numbers from 0."""
    fields = read_json("rules.json", data)
    if fields.keys() != {"factors"} or not _list_of(_is_factor)(fields["factors"]):
        raise DrawFileMalformed("rules.json 的权重规则不符合格式。")
    return [Factor(factor["field"], factor["weights"]) for factor in fields["factors"]]


def _is_factor(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"field", "weights"}
        and _is_text(value["field"])
        and isinstance(value["weights"], dict)
        and all(map(_is_integer, value["weights"].values()))
    )


# ---- population ----------------------------------------------------------------------------------


def write_population(rows: Iterable[tuple[str, str, int]]) -> bytes:
    """Return population.tsv of (archive number, stratum, weight), in byte order.

    Raises DrawFileMalformed for a name that may not stand there or a unit twice in a stratum.
    """

    def row(id_: str, stratum: str, weight: int) -> tuple[str, str, str]:
        check_id(id_)
        return id_, stratum, str(weight)

    data = write_tsv(row(*one) for one in rows)
    parse_population(data)
    return data


def parse_population(data: bytes | Iterable[bytes]) -> Population:
    """Read population.tsv, whole or as a stream of blocks, into ids by stratum and weight.

    Raises DrawFileMalformed at the first line that is out of order, double, or not well formed.
    """
    found: dict[tuple[bytes, bytes], list[bytes]] = {}
    last = b""
    blocks = blocks_of(data) if isinstance(data, bytes) else data
    for lines in line_blocks("population.tsv", blocks):
        for line in lines:
            head, _, weight = line.rpartition(b"\t")
            id_, _, stratum = head.partition(b"\t")
            if head == last or not 0 < len(id_) <= LONGEST_ID_BYTES or b"," in id_:
                raise DrawFileMalformed(f"population.tsv 有重复或不合格的行“{line.decode()}”。")
            last = head
            found.setdefault((stratum, weight), []).append(id_)
    population: dict[str, dict[int, Sequence[bytes]]] = {}
    for (stratum, weight), ids in found.items():
        check_name(stratum.decode())
        if not NUMBER.fullmatch(weight.decode()):
            raise DrawFileMalformed(f"population.tsv 的权重“{weight.decode()}”不是十进制整数。")
        population.setdefault(stratum.decode(), {})[int(weight)] = ids
    return population


def write_exclusions(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """Return exclusions.tsv, for auditors only: (archive number, stratum, reason code)."""
    return write_tsv(rows)


# ---- result --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw as its files give it."""

    x: bytes
    results: Sequence[StratumResult]
    result_tsv: bytes

    @property
    def sha256(self) -> str:
        """The result digest."""
        return sha256_of(self.result_tsv)


def write_result(results: Sequence[StratumResult]) -> bytes:
    """Return result.tsv, by stratum bytes, weight and rank; reserves after the selected."""
    return "".join(
        f"{stratum.stratum}\t{one.weight}\t{lot.rank}\t"
        f"{'selected' if lot.rank <= one.quota.drawn else 'reserve'}\t{lot.id}\t{lot.ticket}\n"
        for stratum in results
        for one in stratum.classes
        for lot in one.lots()
    ).encode()


def draw(manifest: Manifest, population: bytes, secret: bytes, entropy: Sequence[str]) -> Drawn:
    """Draw from the frozen bytes.

    Raises DrawFileChanged when the list is not the announced one, SecretMismatch, EntropyMismatch,
    PlanIncomplete.
    """
    check_digest("population.tsv", population, manifest.population_sha256)
    x = seed(manifest, secret, entropy)
    listed = parse_population(population)
    results = select(listed, manifest.plan, x, manifest.coordination, manifest.hash)
    return Drawn(x, results, write_result(results))


def write_sums(digests: Mapping[str, str]) -> bytes:
    """Return SHA256SUMS: a line for each file of a draw, by name, as `sha256sum -c` reads it."""
    lines = [f"{digests[name]}  {name}\n" for name in sorted(digests, key=str.encode)]
    return "".join(lines).encode()


# ---- private lists -------------------------------------------------------------------------------


def merkle_leaf(salt: bytes, line: str, hash_name: str = "sha256") -> bytes:
    """Return the leaf of one line (without LF); the 16-byte salt keeps it from being guessed."""
    if len(salt) != 16:
        raise DrawFileMalformed("名单每行的盐应当是 16 个随机字节。")
    return joined(hash_named(hash_name), b"\0", salt, line.encode())


def merkle_root(leaves: Sequence[bytes], hash_name: str = "sha256") -> bytes:
    """Return the root of a private list in the order of population.tsv (RFC 6962)."""
    return _levels(leaves, hash_name)[-1][0]


def merkle_proof(leaves: Sequence[bytes], index: int, hash_name: str = "sha256") -> list[bytes]:
    """Return the siblings from leaf to root with which a unit proves its own line."""
    proof = []
    for level in _levels(leaves, hash_name)[:-1]:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        index //= 2
    return proof


def merkle_holds(
    leaf: bytes,
    index: int,
    size: int,
    proof: Sequence[bytes],
    root: bytes,
    hash_name: str = "sha256",
) -> bool:
    """Tell whether the leaf stands at this index of a list of this size with this root."""
    new, left = hash_named(hash_name), list(proof)
    if not 0 <= index < size:
        return False
    while size > 1:
        if index ^ 1 < size:
            if not left:
                return False
            pair = (left.pop(0), leaf) if index & 1 else (leaf, left.pop(0))
            leaf = joined(new, b"\1", *pair)
        index, size = index // 2, (size + 1) // 2
    return not left and leaf == root


def _levels(leaves: Sequence[bytes], hash_name: str) -> list[Sequence[bytes]]:
    """Return the tree from the leaves up; the last node of an odd level goes up as it is."""
    if not leaves:
        raise DrawFileMalformed("空名单没有默克尔根。")
    new, levels = hash_named(hash_name), [leaves]
    while len(below := levels[-1]) > 1:
        pairs = [new(b"\1" + below[i] + below[i + 1]).digest() for i in range(0, len(below) - 1, 2)]
        levels.append(pairs + list(below[len(pairs) * 2 :]))
    return levels
