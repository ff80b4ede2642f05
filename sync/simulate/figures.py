"""What a fleet measured while it came home: how long answers took, and how often none came."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sync.simulate.tablet import Tablet

KINDS = (("push", "上报一批"), ("pull", "拉取一页"), ("upload", "上传一段"))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of `values` does not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(len(ordered), rank) - 1)]


def lines(tablets: Sequence[Tablet]) -> Iterator[str]:
    """Give the closing lines: one for each kind of request, one for what was refused."""
    for kind, name in KINDS:
        taken = [s for tablet in tablets for s in tablet.counters.seconds.get(kind, [])]
        if taken:
            p50, p95 = (percentile(taken, share) * 1000 for share in (0.5, 0.95))
            yield (
                f"{name} {kind:6} {len(taken):6} 次  p50 {p50:7.0f} ms  p95 {p95:7.0f} ms"
                f"  最长 {max(taken) * 1000:7.0f} ms"
            )
    yield f"现场提示（检查码、单位码、位置） {sum(one.counters.warnings for one in tablets)} 次"
    refused: Counter[int] = Counter()
    for tablet in tablets:
        refused += tablet.counters.refused
    others = {status: count for status, count in refused.items() if status not in {429, 503}}
    said = "，".join(f"{status}：{count} 次" for status, count in sorted(others.items()))
    yield f"拒绝 429：{refused[429]} 次，503：{refused[503]} 次；其他：{said or '无'}"
