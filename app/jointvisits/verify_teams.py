#!/usr/bin/env python3
"""验证一次联合检查组队抽取。Check a lot over teams of joint visits (algorithm SSJ1-TEAMS).

    python verify_teams.py [folder]

The folder, else the one this program lies in, holds what was published: manifest.json, reveal.json,
teams.json. It needs Python 3.11 or newer and nothing else, opens no network connection and writes
no file. It draws the teams again from the first two and compares them with the third.
Exit code 0: everything agrees; 1: something does not, or a file is not as it must be.
"""

import hashlib
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from app.errors import DomainError
from app.jointvisits import teaming

FILES = ("manifest.json", "reveal.json", "teams.json")


def check(folder: Path) -> bool:
    """Say of a lot's files what agrees and what does not; True where everything does."""
    manifest, reveal, teams = ((folder / name).read_bytes() for name in FILES)
    opened = json.loads(reveal)
    found = teaming.read_manifest(manifest)
    secret = bytes.fromhex(opened["secret"])
    wrong = teaming.verify(manifest, secret, opened["entropy"], teams)
    print(f"  {found.lot} 公告摘要 | manifest.json {hashlib.sha256(manifest).hexdigest()}")
    print(f"  前一次 | the one before {found.prev}")
    print("  √ 秘密数与承诺值相符 | the secret is the one that was promised")
    for source, text in zip(found.sources, opened["entropy"], strict=True):
        print(f"  {source} {text}")
    for visit in wrong:
        print(f"  × {visit} 的人员不符 | these are not the officers of the lot")
    if not wrong:
        print(f"  √ {len(found.visits)} 次检查的人员全部相符 | all teams are those of the lot")
    return not wrong


def main(arguments: list[str]) -> int:
    """Check the files of a folder; return the exit code."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        agrees = check(folder)
    except DomainError as error:
        print(f"  × {error.detail}")
        agrees = False
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"  × 文件缺失或者不完整 | a file is missing or not whole: {error}")
        agrees = False
    print("验证通过 | verified" if agrees else "验证不通过 | NOT verified")
    return 0 if agrees else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
