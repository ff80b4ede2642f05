"""Who may read what of a draw at an instant, and what it waits for; nothing here writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from app.access import Actor, ActorKind, Role
from app.draws import bundle, change_queries, queries, rules, stages
from app.draws.changelog import FILE_NAME, write_changes
from app.draws.files import sha256_of
from app.draws.models import Draw, DrawDeposit, DrawFile
from app.draws.stages import AUDIENCES, Audience, Depositor, DrawState, Level
from app.errors import Conflict, NotFound

VERIFIERS = {name: Path(__file__).parent / name for name in ("verify_draw.py", "verify_draw.js")}


class ProofNotNeeded(Conflict):
    code, title = "proof-not-needed", "不需要单独证明"


class DrawFileNotFound(NotFound):
    code, title = "draw-file-not-found", "未找到文件"


class LineProof(NamedTuple):
    """One line of a private list, and the siblings from its leaf to the announced root."""

    line: str
    salt: str
    number: int
    size: int
    proof: Sequence[str]


class Verdict(StrEnum):
    """What became of a unit in a stratum; `excluded` has weight 0."""

    SELECTED = "selected"
    RESERVE = "reserve"
    NOT_DRAWN = "not-drawn"
    EXCLUDED = "excluded"


class OwnLot(NamedTuple):
    """The lot of a unit in a stratum, and the last drawn ticket of its class (None: none drawn)."""

    stratum: str
    weight: int
    ticket: str
    last_drawn: str | None
    verdict: Verdict
    rank: int | None


def is_public(file: DrawFile, at: datetime) -> bool:
    """Tell whether everybody may fetch a file at `at`."""
    return file.public_from is not None and file.public_from <= at


def may_read(file: DrawFile, by: Actor, at: datetime) -> bool:
    """Tell whether somebody of the agency may read a file: reasons of exclusions only auditors."""
    if is_public(file, at):
        return True
    if file.audience == Audience.AUDITORS:
        return by.has(Role.AUDITOR)
    return by.has(Role.AUDITOR, Role.SUPERVISOR)


def readable_files(draw: Draw, by: Actor, at: datetime) -> list[DrawFile]:
    """Return the files of a draw that somebody of the agency may read at `at`."""
    return [file for file in _files_of(draw) if may_read(file, by, at)]


def public_files(draw: Draw, at: datetime) -> list[DrawFile]:
    """Return the files of a draw that are public at `at`."""
    return [file for file in _files_of(draw) if is_public(file, at)]


def _files_of(draw: Draw) -> list[DrawFile]:
    log = changes_file(draw)
    return [*queries.files_of(draw.id), *([] if log is None else [log])]


def changes_file(draw: Draw) -> DrawFile | None:
    """Return changes.json as it stands now, from the stored records; it is public with the result.

    It is not stored: it grows with every change, and each record's hash stands in the journal.
    """
    if draw.state not in (DrawState.DRAWN, DrawState.PUBLISHED):
        return None
    content = write_changes(draw.draw_no, change_queries.records_of(draw.id))
    return DrawFile(
        draw_id=draw.id,
        name=FILE_NAME,
        content=content,
        sha256=sha256_of(content),
        size_bytes=len(content),
        audience=Audience.REVEALED,
        public_from=draw.published_at,
    )


def public_bundle(draw: Draw, at: datetime) -> dict[str, bytes]:
    """Return what everybody may have of a draw at `at`: files, verifier, how to use them."""
    contents = queries.contents_of(draw.id)
    log = changes_file(draw)
    if log is not None:
        contents[log.name] = log.content
    found = {file.name: contents[file.name] for file in public_files(draw, at)}
    found |= {name: path.read_bytes() for name, path in VERIFIERS.items()}
    found["说明.txt"] = _instructions(draw, found).encode()
    return found


def _instructions(draw: Draw, files: Mapping[str, bytes]) -> str:
    complete = "reveal.json" in files and "population.tsv" in files
    own = "档案编号" if "population.tsv" in files else "证明文件"
    lines = [
        f"“双随机”抽取 {draw.draw_no}：{draw.plan.name}（{draw.period}）",
        f"状态：{stages.STATE_NAMES[draw.state]}",
        "",
        "文件（SHA-256）：",
        *(f"  {name}  {sha256_of(content)}" for name, content in sorted(files.items())),
        "",
        "怎样核对：",
        "  1. manifest.json 的 SHA-256 应当与抽取前在公告栏、网站或证明材料上公布的一致。",
        "  2. 在本目录运行（需要 Python 3.8 或更新版本，不需要联网，不需要安装）：",
        "         python3 verify_draw.py",
        "     或者（需要 Node.js 14 或更新版本）：",
        "         node verify_draw.js",
        "     两个程序分别编写，只用公开文件从头重算，逐字节比较 result.tsv 和 assignment.tsv。",
        "     抽取的网页上也可以直接运行 verify_draw.js。程序本身的摘要见上，可以与别处的比较。",
        "  3. 看到“验证通过”，说明名单、权重、计划在随机数产生之前已经固定，结果没有改动。",
        f"  4. 只核对自己一家：python3 verify_draw.py --own {own}",
        "     名单不公开时，证明文件由监督机构提供，只含本单位的一行。",
        "  5. SHA256SUMS 列出全部公开文件（sha256sum -c SHA256SUMS），它的摘要记在日志链上。",
        "",
        "文件含义：",
        "  manifest.json    公告：名单摘要、抽查计划、秘密数的承诺值、随机数来源",
        "  population.tsv   冻结的名单：档案编号、层、权重（0 为本次不抽）",
        "  rules.json       权重规则",
        "  reveal.json      秘密数和公开的随机数",
        "  result.tsv       抽中和备选：层、权重、名次、抽中或备选、档案编号、票号",
        "  officers.tsv     监督员执法证号、原有任务数、名额、可参加和可主办的层",
        "  eligible.tsv     每家抽中单位可以派出的监督员",
        "  assignment.tsv   每家抽中单位的主办人和其他检查人员",
        "  changes.json     结果产生之后的变更：替换单位、重新抽取和改派的检查人员",
        "",
    ]
    if not complete:
        lines += [
            "现在还不能重算：结果在公开日公布，届时请重新下载。",
            f"公开日：{stages.describe_reveal(draw.reveal)}",
            "",
        ]
    return "\n".join(lines)


def get_file(draw: Draw, name: str, by: Actor, at: datetime) -> DrawFile:
    """Return a file that `by` (the public, or somebody of the agency) may read.

    Raises DrawFileNotFound for any other, whether or not there is one.
    """
    file = queries.find_file(draw.id, name) if name in AUDIENCES else None
    if name == FILE_NAME:
        file = changes_file(draw)
    public = by.kind is ActorKind.PUBLIC
    if file is None or not (is_public(file, at) if public else may_read(file, by, at)):
        raise DrawFileNotFound("没有这个文件，或它尚未公开。")
    return file


def prove_lines(draw: Draw, archive_no: str) -> list[LineProof]:
    """Return what shows a unit its own lines of a private list, for a clerk to hand over.

    With line, salt and proof anybody computes the root that the manifest names, and learns nothing
    of other lines. Raises ProofNotNeeded for a public list (or one not announced yet) and
    DrawFileNotFound for a unit that is not on it.
    """
    contents = queries.contents_of(draw.id)
    if draw.list_public or "salts.tsv" not in contents or draw.announced_at is None:
        raise ProofNotNeeded("名单是公开的或尚未公告，不需要单独证明。", state=draw.state)
    lines = contents["population.tsv"].decode().splitlines()
    salts = [line.split("\t")[2] for line in contents["salts.tsv"].decode().splitlines()]
    leaves = [
        bundle.merkle_leaf(bytes.fromhex(salt), line, draw.hash)
        for salt, line in zip(salts, lines, strict=True)
    ]
    found = [n for n, line in enumerate(lines) if line.split("\t")[0] == archive_no]
    if not found:
        raise DrawFileNotFound("名单中没有这个档案编号。")
    return [
        LineProof(
            lines[n],
            salts[n],
            n,
            len(lines),
            [one.hex() for one in bundle.merkle_proof(leaves, n, draw.hash)],
        )
        for n in found
    ]


def lots_of(draw: Draw, archive_no: str, at: datetime) -> list[OwnLot]:
    """Return the lots of a unit from what is public: of a private list only what the result names.

    Empty for a number that the public files do not hold. Raises DrawFileNotFound before result and
    secret are public.
    """
    public = {file.name for file in public_files(draw, at)}
    if not {"manifest.json", "reveal.json", "result.tsv"} <= public:
        raise DrawFileNotFound("结果尚未公开。")
    try:
        rules.check_id(archive_no)
    except rules.DrawFileMalformed:
        return []
    contents = queries.contents_of(draw.id)
    rows = [line.split("\t") for line in contents["result.tsv"].decode().splitlines()]
    if "population.tsv" in public:
        prefix = f"{archive_no}\t".encode()
        lines = contents["population.tsv"].split(b"\n")
        own = [line.decode().split("\t") for line in lines if line.startswith(prefix)]
        listed = [(stratum, weight) for _, stratum, weight in own]
    else:
        listed = [(row[0], row[1]) for row in rows if row[4] == archive_no]
    manifest = bundle.parse_manifest(contents["manifest.json"])
    x = rules.seed(manifest, *bundle.parse_reveal(contents["reveal.json"]))
    return [_lot(manifest, x, archive_no, key, rows) for key in listed]


def _lot(
    manifest: rules.Manifest, x: bytes, archive_no: str, of: tuple[str, str], rows: list[list[str]]
) -> OwnLot:
    stratum, weight = of
    new = rules.hash_named(manifest.hash)
    shared = manifest.coordination == "shared"
    key = rules.key(new, x, "unit" if shared else f"unit\t{stratum}")
    ticket = rules.ticket(new, key, archive_no.encode()).hex()
    rows = [row for row in rows if (row[0], row[1]) == of]
    drawn = [row[5] for row in rows if row[3] == Verdict.SELECTED]
    last_drawn = drawn[-1] if drawn else None
    for _, _, rank, kind, id_, _ in rows:
        if id_ == archive_no:
            return OwnLot(stratum, int(weight), ticket, last_drawn, Verdict(kind), int(rank))
    verdict = Verdict.EXCLUDED if weight == "0" else Verdict.NOT_DRAWN
    return OwnLot(stratum, int(weight), ticket, last_drawn, verdict, None)


def waiting_for(draw: Draw, at: datetime) -> stages.Waiting | None:
    """Return what a draw waits for at `at`, and for whom."""
    deposits = [] if draw.level != Level.SEALED else counting_deposits(draw)
    enough = stages.are_enough(Depositor(one.account_id, one.role) for one in deposits)
    return stages.waiting_for(queries.standing_of(draw, deposits, enough=enough), at)


def counting_deposits(draw: Draw) -> list[DrawDeposit]:
    """Return the deposits that count in a sealed draw, or would if it were announced now."""
    own = list(queries.deposits_of(draw.id))
    if draw.state not in (DrawState.PLANNED, DrawState.FROZEN):
        return own
    standing = queries.standing_deposits(draw.agency_id, draw.hash)
    taken = stages.fill_up(
        [Depositor(one.account_id, one.role) for one in own],
        [Depositor(one.account_id, one.role) for one in standing],
    )
    return own + [standing[number] for number in taken]
