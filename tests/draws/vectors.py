"""The three published example draws and the example assignment, built from their rows."""

import hashlib
from dataclasses import dataclass

from app.draws.bundle import make_manifest, write_population, write_reveal
from app.draws.eligibility import Eligible, Need, Officer
from app.draws.rules import Manifest

SECRET = hashlib.sha256(b"test secret").digest()
DEPOSITS = [hashlib.sha256(f"deposit {n}".encode()).digest() for n in (1, 2)]

ROWS = [
    *[(f"U{n:02}", "公共场所", (10, 20, 40)[n % 3]) for n in range(12)],
    *[(f"U{n:02}", "医疗机构", (10, 30)[n % 2]) for n in range(6, 14)],
    ("U99", "公共场所", 0),
]
POPULATION = write_population(ROWS)

FIELDS: dict[str, object] = {
    "commit": "9de1f69991b49e7b079a7c3261c343cbf999c437576199c5d995208d772e2c5b",
    "draw_no": "DEMO-2025-001",
    "entropy_sources": ["dice:20d10", "lottery:ssq:2025001"],
    "plan": {"公共场所": [25, 100], "医疗机构": 3},
    "population_sha256": "265a494685cf5d1474b4b1adc7f415d3f6dd70bb2f07f33dcd6143bd479f2d0e",
    "prev": "0" * 64,
}
MANIFEST_SHA256 = [
    "ae81fe38335d8a47c7059d2a1ac48c8759589a5aa70cd7dcd741d1b9ba477675",
    "c5d8e9526bff6158056dff3cb29d700f2071c06e471e718a74a85ca3fabb78ef",
    "1c6a31aff35096edf1ca0983a4dbde74ee4bfb6294a7b657b79b01862ce7476d",
]
SEALED = [
    "97073a825dfff5cd447ed3581042d58ded843ad71583099a3fc4ad12204caa1c",
    "d83feb30a4d75cbbb732f08a478cafb1f3c22feb9cca4ac2011ef0015ee198f1",
]
CHANGES: list[dict[str, object]] = [
    {},
    {
        "draw_no": "DEMO-2025-002",
        "entropy_sources": ["dice:20d10"],
        "prev": MANIFEST_SHA256[0],
        "reveal_on": "at-draw",
        "plan": {
            "公共场所": {"10": [1, 10], "20": [1, 10], "40": [1, 4]},
            "医疗机构": {"10": [1, 5], "30": [1, 4]},
        },
    },
    {
        "coordination": "independent",
        "deposits": SEALED,
        "draw_no": "DEMO-2025-003",
        "entropy_sources": ["deposit:1", "deposit:2"],
        "prev": MANIFEST_SHA256[1],
        "reveal_on": "2025-12-01",
    },
]
ENTROPY = [
    ["01234567890123456789", "02 07 11 19 25 31 + 08"],
    ["98765432109876543210"],
    [deposit.hex() for deposit in DEPOSITS],
]
X = [
    "7d1023fcdc78b9ffc25289b490fde1fd6f6b4eb9db541c0862cc203b81f108a2",
    "507db1651cd3bcfd7b9a59945bb1b0b3ed01c3ceaff991e4a0611ae6e273273f",
    "7ed775a1b726c7853e9985f9003a75d8104c811e20a414887bd7b5b0fdda60bf",
]
RESULT_SHA256 = [
    "7fde334ba3892db5e2505fb376cfcfcff286615e16eaeca1b0bed1641db3d611",
    "f5388123c44b7146dcf146f08ee9635d567402aece6799c7db861b93be13db62",
    "32361dd67e864d0a5fd2c0ce429a6a22fd071b38055f375e2b796cf9af6eb7a5",
]
SELECTED = [
    {
        ("公共场所", 10): ["U03"],
        ("公共场所", 20): ["U10"],
        ("公共场所", 40): ["U08", "U05"],
        ("医疗机构", 10): ["U10"],
        ("医疗机构", 30): ["U13", "U07"],
    },
    {
        ("公共场所", 10): ["U00"],
        ("公共场所", 20): ["U01"],
        ("公共场所", 40): ["U02"],
        ("医疗机构", 10): ["U08"],
        ("医疗机构", 30): ["U09"],
    },
    {
        ("公共场所", 10): ["U03"],
        ("公共场所", 20): ["U10"],
        ("公共场所", 40): ["U11", "U02"],
        ("医疗机构", 10): ["U08"],
        ("医疗机构", 30): ["U11", "U07"],
    },
]


@dataclass(frozen=True)
class Vector:
    manifest: Manifest
    entropy: list[str]
    x: str
    result_sha256: str
    selected: dict[tuple[str, int], list[str]]

    @property
    def reveal(self) -> bytes:
        return write_reveal(SECRET, self.entropy)


VECTORS = [
    Vector(make_manifest({**FIELDS, **CHANGES[n]}), ENTROPY[n], X[n], RESULT_SHA256[n], SELECTED[n])
    for n in range(3)
]

OFFICERS_SHA256 = "6a0b6885d1bc28a2cec68a9463314addeeca464b5149a169370862c04665b1f1"
ELIGIBLE_SHA256 = "22e697b7b98cacee1bc739d73716376f9cc8c6cf0b108f05e968dd773030f8d8"
LEVELLED_SHA256 = "f875ceb19b9be0426b0856d62528713c855d818f55ac7214669eae9f9754a26e"
ASSIGNMENT_SHA256 = "ecb4335d132ff2cce5fa5b349f47e026fb1caa61d4ed2c877fea6fd5d380708e"


def certificates(digits: str) -> frozenset[str]:
    return frozenset(f"31010500{digit}" for digit in digits)


PLACES, CLINICS = frozenset(["公共场所"]), frozenset(["医疗机构"])
OFFICERS = [
    Officer("310105001", 2, None, PLACES | CLINICS, PLACES),
    Officer("310105002", 0, None, PLACES | CLINICS, CLINICS),
    Officer("310105003", 1, 2, PLACES, PLACES),
    Officer("310105004", 0, None, PLACES | CLINICS, PLACES | CLINICS),
    Officer("310105005", 0, 1, CLINICS, CLINICS),
    Officer("310105006", 1, None, PLACES | CLINICS, frozenset()),
]
ELIGIBLE = [
    Eligible(Need(stratum, id_), certificates(takes), certificates(leads), 1)
    for stratum, id_, takes, leads in [
        ("公共场所", "U00", "1236", "13"),
        ("公共场所", "U01", "12346", "34"),
        ("公共场所", "U02", "1246", "14"),
        ("医疗机构", "U08", "12456", "245"),
        ("医疗机构", "U09", "1456", "45"),
    ]
]
