"""Published draws in a folder, and what may be done to them that no verifier may accept."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from app.draws import verify_draw
from app.draws.bundle import (
    draw,
    make_manifest,
    merkle_leaf,
    merkle_proof,
    merkle_root,
    parse_population,
    write_population,
    write_result,
)
from app.draws.eligibility import write_eligible, write_officers
from app.draws.files import write_json
from app.draws.rules import select
from tests.draws.vectors import (
    ELIGIBLE,
    FIELDS,
    OFFICERS,
    POPULATION,
    SEALED,
    SECRET,
    VECTORS,
    Vector,
)

SOURCE = Path(verify_draw.__file__)


def bundle(folder: Path, vector: Vector) -> Path:
    """Write a published draw into a folder, the verifier beside it."""
    drawn = draw(vector.manifest, POPULATION, SECRET, vector.entropy)
    files = {
        "manifest.json": vector.manifest.data,
        "population.tsv": POPULATION,
        "reveal.json": vector.reveal,
        "result.tsv": drawn.result_tsv,
        "verify_draw.py": SOURCE.read_bytes(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def with_officers(folder: Path) -> Path:
    bundle(folder, VECTORS[1])
    (folder / "officers.tsv").write_bytes(write_officers(OFFICERS))
    (folder / "eligible.tsv").write_bytes(write_eligible(ELIGIBLE))
    return folder


Damage = Callable[[Path], None]


def replaced(name: str, old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        assert old.encode() in data
        (folder / name).write_bytes(data.replace(old.encode(), new.encode(), 1))

    return damage


def written(name: str, data: bytes) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return damage


def both(*damages: Damage) -> Damage:
    def damage(folder: Path) -> None:
        for one in damages:
            one(folder)

    return damage


def manifest(**changes: object) -> Damage:
    """Change the manifest and with it nothing else: the digests still fit."""

    def damage(folder: Path) -> None:
        fields = {"alg": "SSJ1", **FIELDS, **changes}
        (folder / "manifest.json").write_bytes(write_json(fields))

    return damage


def manifest_text(field: str) -> Damage:
    """Write one field of the manifest as no writer of JSON would."""
    return both(
        manifest(draw_no="here"),
        replaced("manifest.json", '"draw_no":"here"', field),
    )


def without(field: str) -> Damage:
    def damage(folder: Path) -> None:
        fields = {"alg": "SSJ1", **FIELDS}
        del fields[field]
        (folder / "manifest.json").write_bytes(write_json(fields))

    return damage


def population(data: bytes) -> Damage:
    def damage(folder: Path) -> None:
        manifest(population_sha256=hashlib.sha256(data).hexdigest())(folder)
        (folder / "population.tsv").write_bytes(data)

    return damage


def listed(*left_out: str) -> Damage:
    """List the public files and their digests, as a publication does."""

    def damage(folder: Path) -> None:
        names = sorted(path.name for path in folder.iterdir() if path.suffix in {".json", ".tsv"})
        lines = [
            f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
            for name in names
            if name not in left_out
        ]
        (folder / "SHA256SUMS").write_text("".join(lines))

    return damage


def rules_file(folder: Path) -> None:
    (folder / "rules.json").write_bytes(b'{"factors":[]}')


def reveal(**changes: object) -> Damage:
    def damage(folder: Path) -> None:
        fields = {"secret": SECRET.hex(), "entropy": VECTORS[0].entropy, **changes}
        (folder / "reveal.json").write_bytes(write_json(fields))

    return damage


def zeros(folder: Path) -> None:
    commit = hashlib.sha256(b"SSJ1-COMMIT\n" + bytes(32)).hexdigest()
    manifest(commit=commit)(folder)
    reveal(secret="0" * 64)(folder)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "one letter of the list": (replaced("population.tsv", "U99", "U98"), "population.tsv is not"),
    "one byte of the result": (replaced("result.tsv", "selected", "reserve"), "result.tsv differs"),
    "another secret": (reveal(secret="1" * 64), "secret is not"),
    "zeros for a lost secret": (zeros, "secret is not"),
    "other dice": (reveal(entropy=["1" * 20, "x"]), "result.tsv differs"),
    "one value too few": (reveal(entropy=["1" * 20]), "differ in number"),
    "a third field in reveal": (reveal(more=1), "nothing else"),
    "secret in upper case": (reveal(secret=SECRET.hex().upper()), "malformed"),
    "an empty value": (reveal(entropy=["1" * 20, ""]), "malformed"),
    "an unknown field": (manifest(note="x"), "unknown field note"),
    "a wrong algorithm": (manifest(alg="SSJ2"), "alg is malformed"),
    "a doubled key": (replaced("manifest.json", '{"alg"', '{"prev":"0","alg"'), "twice"),
    "a broken plan": (manifest(plan={"公共场所": [2, 1], "医疗机构": 3}), "plan is malformed"),
    "half a number": (replaced("manifest.json", "3}", "3.0}"), "no integer"),
    "an unnamed stratum": (manifest(plan={"公共场所": 3}), "does not name"),
    "a class without ratio": (
        manifest(plan={"公共场所": {"10": [1, 2]}, "医疗机构": 3}),
        "no ratio for 20",
    ),
    "weak dice": (manifest(entropy_sources=["dice:5d10", "dice:3d6"]), "at least 40"),
    "a deposit not announced": (
        manifest(entropy_sources=["deposit:1", "x"], deposits=[]),
        "no commitment",
    ),
    "another deposit": (
        both(
            manifest(entropy_sources=["deposit:2", "x"], deposits=SEALED),
            reveal(entropy=["1" * 64, "x"]),
        ),
        "not the value committed",
    ),
    "no final LF": (population(POPULATION[:-1]), "no LF"),
    "unsorted": (population(b"U2\tS\t1\nU1\tS\t1\n"), "byte order"),
    "a line twice": (population(b"U1\tS\t1\nU1\tS\t1\n"), "byte order"),
    "a unit twice": (population(b"U1\tS\t1\nU1\tS\t2\n"), "stands twice"),
    "CR": (population(b"U1\tS\t1\r\n"), "bad characters"),
    "not NFC": (population(b"e\xcc\x81\tS\t1\n"), "bad characters"),
    "BOM": (population(b"\xef\xbb\xbfU1\tS\t1\n"), "bad characters"),
    "not UTF-8": (population(b"\xff\tS\t1\n"), "not UTF-8"),
    "a comma": (population(b"U,1\tS\t1\n"), "comma"),
    "24 bytes": (population(b"A" * 24 + b"\tS\t1\n"), "longer than 23"),
    "leading zero": (population(b"U1\tS\t01\n"), "no decimal"),
    "two columns": (population(b"U1\tS\n"), "3 columns"),
    "other weight rules": (
        both(manifest(rules_sha256="1" * 64), written("rules.json", b"{}")),
        "rules.json is not",
    ),
    "no reveal yet": (lambda folder: (folder / "reveal.json").unlink(), "cannot read reveal.json"),
    "text behind the manifest": (
        replaced("manifest.json", '"}', '"}x'),
        "manifest.json is malformed",
    ),
    "a lone surrogate": (manifest_text('"draw_no":"\\ud800"'), "manifest.json is malformed"),
    "a list for a manifest": (written("manifest.json", b"[]"), "no JSON object"),
    "no number": (manifest_text('"draw_no":NaN'), "no integer"),
    "a day that is none": (manifest(reveal_on="2026-02-30"), "reveal_on is malformed"),
    "an hour that is none": (manifest(deadline="2026-02-03T24:00:00Z"), "deadline is malformed"),
    "a hash nobody knows": (manifest(hash="md5"), "hash is malformed"),
    "no commitment": (without("commit"), "lacks commit"),
    "a weight of zero with a ratio": (
        manifest(plan={"公共场所": {"0": [1, 2]}, "医疗机构": 3}),
        "plan is malformed",
    ),
    "a weight of 78 digits": (population(b"U1\tS\t1%s\n" % (b"0" * 77)), "no decimal"),
    "a file beside the list of files": (listed("result.tsv"), "does not list result.tsv"),
    "another file than listed": (
        both(listed(), replaced("SHA256SUMS", "  reveal.json", "  rules.json"), rules_file),
        "rules.json is not the file SHA256SUMS",
    ),
    "a list of files out of order": (
        both(listed(), written("SHA256SUMS", b"0" * 64 + b"  b\n" + b"0" * 64 + b"  a\n")),
        "SHA256SUMS is malformed",
    ),
    "a list of files without LF": (written("SHA256SUMS", b"0" * 64 + b"  a"), "SUMS is malformed"),
    "a list of files in Latin-1": (written("SHA256SUMS", b"\xff\n"), "SUMS is malformed"),
    "an empty list of files": (written("SHA256SUMS", b""), "SUMS is malformed"),
}


OFFICER_DAMAGES: dict[str, tuple[Damage, str]] = {
    "a drawn unit left out": (
        replaced("eligible.tsv", "医疗机构\tU09\t2\t", "医疗机构\tU10\t2\t"),
        "does not list the drawn",
    ),
    "an officer who is not listed": (
        replaced("eligible.tsv", "310105001,310105002,310105003,310105006", "3,310105001"),
        "may not go",
    ),
    "a lead who may not lead": (
        replaced("eligible.tsv", "\t310105001,310105003\t1", "\t310105002\t1"),
        "may not go",
    ),
    "level 4": (replaced("eligible.tsv", "\t1\n", "\t4\n"), "level of U00 is wrong"),
    "no lead": (replaced("eligible.tsv", "\t310105001,310105003\t1", "\t\t1"), "is wrong"),
    "an officer twice": (
        replaced("officers.tsv", "310105002\t0", "310105001\t9"),
        "a certificate stands twice",
    ),
    "a load with a sign": (replaced("officers.tsv", "310105002\t0", "310105002\t-0"), "no decimal"),
    "another assignment": (
        written("assignment.tsv", b"x\n"),
        "assignment.tsv differs",
    ),
    "no room below the top level": (
        both(
            replaced("officers.tsv", "310105001\t2\t-", "310105001\t2\t0"),
            replaced("officers.tsv", "310105003\t1\t2", "310105003\t1\t0"),
        ),
        "below level 3",
    ),
}


# ---- one's own line ------------------------------------------------------------------------------

LINES = POPULATION.decode().splitlines()
SALTS = [hashlib.sha256(f"salt {n}".encode()).digest()[:16] for n in range(len(LINES))]
LEAVES = [merkle_leaf(salt, line) for salt, line in zip(SALTS, LINES, strict=True)]
PRIVATE = make_manifest({**FIELDS, "merkle_root": merkle_root(LEAVES).hex()})


def private(folder: Path) -> Path:
    """Publish the first draw with a list that is not public."""
    drawn = draw(PRIVATE, POPULATION, SECRET, VECTORS[0].entropy)
    (folder / "manifest.json").write_bytes(PRIVATE.data)
    (folder / "reveal.json").write_bytes(VECTORS[0].reveal)
    (folder / "result.tsv").write_bytes(drawn.result_tsv)
    return folder


def own_items(items: list[dict[str, object]], **more: object) -> Damage:
    """Write a file for one unit's lines."""
    return written("line.json", write_json({"items": items, **more}))


def proven(archive_no: str) -> Damage:
    """Write what the agency hands a unit for its lines."""
    items: list[dict[str, object]] = [
        {
            "line": line,
            "salt": SALTS[n].hex(),
            "number": n,
            "size": len(LINES),
            "proof": [one.hex() for one in merkle_proof(LEAVES, n)],
        }
        for n, line in enumerate(LINES)
        if line.startswith(f"{archive_no}\t")
    ]
    return own_items(items, draw_no=FIELDS["draw_no"])


def without_row(name: str, start: str) -> Damage:
    def damage(folder: Path) -> None:
        lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        left = [line for line in lines if not line.startswith(start)]
        assert len(left) == len(lines) - 1
        (folder / name).write_text("".join(left), encoding="utf-8")

    return damage


def crowded(folder: Path) -> None:
    """Publish six reserves of a class of which none was drawn; five are what the format has."""
    x = draw(PRIVATE, POPULATION, SECRET, VECTORS[0].entropy).x
    k = hashlib.sha256(x + b"\0unit").digest()
    lots = sorted((hashlib.sha256(k + f"U{n:02}".encode()).hexdigest(), n) for n in range(6))
    (folder / "result.tsv").write_text(
        "".join(
            f"公共场所\t10\t{rank}\treserve\tU{n:02}\t{ticket}\n"
            for rank, (ticket, n) in enumerate(lots, 1)
        ),
        encoding="utf-8",
    )


def left_out(folder: Path) -> None:
    """Publish the result of a list without the unit that should have been drawn first."""
    rows = [(f"U{n:03}", "S", 1) for n in range(60)]
    whole = write_population(rows)
    digest = hashlib.sha256(whole).hexdigest()
    made = make_manifest({**FIELDS, "plan": {"S": 4}, "population_sha256": digest})
    honest = draw(made, whole, SECRET, VECTORS[0].entropy)
    first = honest.results[0].classes[0].selected[0].id
    others = parse_population(write_population(row for row in rows if row[0] != first))
    forged = write_result(select(others, made.plan, honest.x, made.coordination, made.hash))
    (folder / "manifest.json").write_bytes(made.data)
    (folder / "result.tsv").write_bytes(forged)
    own_items([{"line": f"{first}\tS\t1"}])(folder)


# done to the private draw with the proof of U05 in line.json
OWN_DAMAGES: dict[str, tuple[Damage, str]] = {
    "another weight in the line": (replaced("line.json", "\\t40", "\\t20"), "not covered"),
    "another salt": (replaced("line.json", SALTS[5].hex(), "0" * 32), "not covered"),
    "half a salt": (replaced("line.json", SALTS[5].hex(), "0" * 30), "is malformed"),
    "a place beyond the list": (replaced("line.json", '"number":5', '"number":50'), "not covered"),
    "a list of another size": (replaced("line.json", '"size":21', '"size":16'), "not covered"),
    "a longer proof": (
        replaced("line.json", '"proof":[', f'"proof":["{"0" * 64}",'),
        "not covered",
    ),
    "a proof that goes on": (
        replaced("line.json", '"],"salt"', f'","{"0" * 64}"],"salt"'),
        "not covered",
    ),
    "a result drawn without the unit": (left_out, "leaves out U"),
    "a proof without a root": (
        written("manifest.json", VECTORS[0].manifest.data),
        "not covered",
    ),
    "no salt": (own_items([{"line": "U05\t公共场所\t40", "proof": []}]), "is malformed"),
    "no line": (own_items([]), "is malformed"),
    "an unknown field": (own_items([{"line": "U05\t公共场所\t40"}], more=1), "is malformed"),
    "two lines in one": (
        own_items([{"line": "U05\t公共场所\t40\nU06\t公共场所\t10"}]),
        "is malformed",
    ),
    "half a line": (own_items([{"line": "U05\t公共场所"}]), "3 columns"),
    "an unknown stratum": (own_items([{"line": "U05\tS\t1"}]), "does not name S"),
    "another draw": (own_items([{"line": "U05\tS\t1"}], draw_no="X"), "of another draw"),
    "another weight in the result": (
        own_items([{"line": "U05\t公共场所\t20"}]),
        "gives U05 another weight",
    ),
    "a row that is missing": (without_row("result.tsv", "公共场所\t40\t2"), "row of U08 is wrong"),
    "the last row that is missing": (
        both(proven("U02"), without_row("result.tsv", "公共场所\t40\t4")),
        "leaves out U02",
    ),
    "another ticket in the result": (
        replaced("result.tsv", "selected\tU11\t", "selected\tU08\t"),
        "row of U08 is wrong",
    ),
    "a drawn unit of weight 0": (
        both(proven("U99"), replaced("result.tsv", "公共场所\t40\t1", "公共场所\t0\t1")),
        "units of weight 0",
    ),
    "too many reserves": (
        both(crowded, own_items([{"line": "U00\t公共场所\t10"}])),
        "too many reserves",
    ),
    "a list that is none": (written("population.tsv", POPULATION[:-1]), "population.tsv is not"),
    "another secret": (reveal(secret="1" * 64), "secret is not"),
    "no result": (lambda folder: (folder / "result.tsv").unlink(), "cannot read result.tsv"),
    "a changed public file": (both(listed(), replaced("result.tsv", "U0", "U9")), "SHA256SUMS"),
}
