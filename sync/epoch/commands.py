"""`suicha backup`, `restore`, `adopt`: to the safe side, and back."""

import tarfile
from pathlib import Path

import click
from flask.cli import with_appcontext

from app import clock
from app.access import Actor, ActorKind
from app.errors import DomainError
from sync.epoch import adoption, places, restoring
from sync.epoch import backup as backing_up
from sync.epoch.adoption import Adopted
from sync.epoch.rules import HeadBroken, read_kept

OPERATOR = Actor(ActorKind.USER)  # whoever has the machine; no account
SHOWN = 10


@click.command("backup")
@click.argument("to")
@click.option("--with-keys", is_flag=True, help="Also the four secrets. Keep it locked away.")
@with_appcontext
def backup(to: str, *, with_keys: bool) -> None:
    """Write database and photos to TO: a directory, a .tar file or s3://bucket/prefix.

    The server may go on. Into the same directory only new photos are copied. Ends with 1 when the
    storage lacks photos that the database knows; the backup is whole all the same.
    """
    try:
        with places.to_write(to) as place:
            made = backing_up.make_backup(place, with_keys=with_keys, by=OPERATOR, at=clock.now())
    except (DomainError, OSError, ValueError) as error:
        raise _refusal(error) from error
    manifest = made.manifest
    rows = sum(one.rows for one in manifest.tables)
    click.echo(f"备份完成：{to}")
    click.echo(f"  数据库  {len(manifest.tables)} 张表，{rows} 行，版本 {manifest.revision}")
    size = manifest.objects_bytes // 2**20
    click.echo(f"  文件    {manifest.objects_count} 个，{size} MiB，本次复制 {made.copied} 个")
    if with_keys:
        click.echo("  密钥    在备份中：得到备份的人可以提前打开封存的抽取，请单独妥善保管。")
    else:
        click.echo(
            "  密钥    不在备份中，请另行保存：没有抽取密钥，已封存的抽取无法开启；"
            "没有回执密钥，旧回执无法再签发核对；没有救援密钥，终端的救援文件无法打开。"
        )
    if manifest.missing:
        for key in manifest.missing[:SHOWN]:
            click.echo(f"MISSING {key}")
        click.echo(f"存储中缺少或损坏 {len(manifest.missing)} 个文件，备份中没有它们。")
        raise click.exceptions.Exit(1)


@click.command("restore")
@click.argument("from_")
@click.option("--adopt", "adopting", is_flag=True, help="Let the database be served at once.")
@click.option("--replace", "replacing", is_flag=True, help="Put aside the database that is there.")
@click.option("--other-keys", is_flag=True, help="Go on although the keys are not the backup's.")
@with_appcontext
def restore(from_: str, *, adopting: bool, replacing: bool, other_keys: bool) -> None:
    """Make a backup the database and the photos of this server, which must not be running.

    Every byte is compared first. Without --adopt nothing is served until `suicha adopt`.
    """
    try:
        with places.to_read(from_) as place:
            done = restoring.restore(
                place, replacing=replacing, other_keys=other_keys, say=click.echo, at=clock.now()
            )
    except restoring.BackupUnusable as error:
        for file in error.extras["files"][:SHOWN]:
            click.echo(f"WRONG {file}", err=True)
        raise click.ClickException(error.detail) from error
    except (DomainError, OSError, ValueError, tarfile.TarError) as error:
        raise _refusal(error) from error
    click.echo(f"恢复完成：{done.rows} 行，{done.photos} 个文件，其中写入 {done.copied} 个。")
    for key in done.missing[:SHOWN]:
        click.echo(f"MISSING {key}")
    if adopting:
        _adopt(anyway=True)
    else:
        click.echo("数据库尚未接管，服务器不会提供服务。核对后请运行 suicha adopt。")


@click.command("adopt")
@click.option("--anyway", is_flag=True, help="Also where nothing looks restored.")
@click.option(
    "--head",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A copy of head.json, or a published entry, that somebody kept elsewhere.",
)
@with_appcontext
def adopt(*, anyway: bool, files: tuple[Path, ...]) -> None:
    """Let a restored database be served: new epoch, and numbers above all that were given out."""
    _adopt(anyway=anyway, files=files)


def _adopt(*, anyway: bool, files: tuple[Path, ...] = ()) -> None:
    try:
        kept = [read_kept(file.read_text(encoding="utf-8")) for file in files]
        _print(adoption.adopt(anyway=anyway, kept=kept, by=OPERATOR, at=clock.now()))
    except (DomainError, HeadBroken, OSError) as error:
        raise _refusal(error) from error


def _print(found: Adopted) -> None:
    click.echo(f"已接管，新的时期 {found.epoch}。终端会重新上报最近 30 天的操作。")
    if found.blind:
        click.echo("存储中没有恢复前的记录：不知道丢失了什么，编号留出较大间隔后继续。")
    _print_numbers(found)
    for line in found.devices:
        click.echo(f"  终端 {line}")
    if found.photos:
        click.echo(f"  缺少 {len(found.photos)} 个文件，等待终端重新上传：")
        for sha256 in found.photos[:SHOWN]:
            click.echo(f"    MISSING {sha256}")
    click.echo(f"  人员会话已结束 {found.sessions} 个，请重新登录。")
    click.echo("  备份之后撤销的 API 令牌重新有效，备份之后停用的账号重新可用，请核对。")


def _print_numbers(found: Adopted) -> None:
    for one in found.lost:
        known = "没有已知的丢失"
        if one.known >= one.first:
            known = f"丢失 {one.first}–{one.known}"
        click.echo(f"  日志 {one.stream:10} {known}，从 {one.goes_on_at} 继续")
    for series, (before, floor) in found.numbers.items():
        click.echo(f"  编号 {series}：备份中到 {before}，从 {floor + 1} 继续")
    for district, period, detail in found.held:
        click.echo(f"  暂停抽取 {district} {period}：{detail}")
    if found.held:
        click.echo("  核对公告和结果后，由管理员解除：suicha draw release 行政区划 周期 --reason …")


def _refusal(error: Exception) -> click.ClickException:
    return click.ClickException(error.detail if isinstance(error, DomainError) else str(error))


COMMANDS = (backup, restore, adopt)
