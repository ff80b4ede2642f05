"""`make run`: everything set up and served in the foreground, ended together."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from app import clock, config
from app.demo.accounts import ACCOUNTS, PASSWORD

ROOT = Path(__file__).resolve().parent.parent
WAIT_S = 120
GUIDE = """
随查 Suicha 已启动（演示数据）

  首页            {base}/
  抽取公示        {base}/public/draws
  接口文档        {base}/api/docs

演示账号（密码均为 {password}）
{accounts}

试一试
  1. 打开 {base}/public/draws ，按页面步骤自行核对本季度抽取
  2. .venv/bin/suicha simulate --tablets 8 --server {base}
     看八台终端断网检查一天
  3. .venv/bin/suicha audit --ledger ledger.jsonl
     逐条核对收到的每一项操作和照片

Ctrl-C 结束。
"""


def main() -> int:
    """Migrate, create keys, load the demo district, then serve until SIGINT or SIGTERM."""
    settings = config.read(os.environ)
    base = f"http://{settings.text('HOST')}:{settings.number('PORT')}"
    for step in (["db", "upgrade"], ["init"], ["demo"]):
        code = subprocess.call(_suicha(*step), cwd=ROOT, env=_quiet())  # noqa: S603 - ourselves
        if code:
            return code
    processes = [
        subprocess.Popen(_suicha(*command), cwd=ROOT, start_new_session=True)  # noqa: S603
        for command in (["serve"], ["scheduler", "run"])
    ]
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        if _ready(base, processes, stopping):
            _print_guide(base)
        while not stopping and all(process.poll() is None for process in processes):
            _pause()
    finally:
        failed = _end(processes)
    return 0 if stopping else failed or 1


def _suicha(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "wsgi.py"), *arguments]


def _quiet() -> dict[str, str]:
    """Return the environment of the set-up steps: short logs, and hashes of a public password."""
    return {"LOG_LEVEL": "WARNING", "ARGON2_MEMORY_KIB": "8192", **os.environ}


def _ready(base: str, processes: Sequence[subprocess.Popen[bytes]], stopping: list[int]) -> bool:
    until = clock.monotonic() + WAIT_S
    while clock.monotonic() < until and not stopping:
        if any(process.poll() is not None for process in processes):
            return False
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=5) as answer:  # noqa: S310 - http
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            pass
        _pause()
    return False


def _pause() -> None:
    time.sleep(0.2)


def _print_guide(base: str) -> None:
    accounts = "\n".join(f"  {login:14} {meaning}" for login, meaning in ACCOUNTS)
    sys.stdout.write(GUIDE.format(base=base, accounts=accounts, password=PASSWORD))
    sys.stdout.flush()


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """Ask every process to end, insist after a while; return the first bad exit code."""
    codes = [process.poll() for process in processes]
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
