"""What the spool said yes to is found again, whatever happens to its writer."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from monitoring.errors import spool
from monitoring.errors.spool import Full, Spool


def records(directory: Path) -> list[bytes | None]:
    return [record for path in spool.finished(directory) for record, _ in spool.read(path)]


async def test_many_at_once_are_all_found_in_order(tmp_path: Path) -> None:
    mine = Spool(tmp_path, 10**9)
    said = [f"record {n}".encode() * (n % 7) for n in range(500)]
    await asyncio.gather(*(mine.write(one) for one in said))
    mine.close()
    assert records(tmp_path) == said


async def test_what_comes_in_one_turn_of_the_loop_shares_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_MAX_S", 1000.0)
    mine, real, synced = Spool(tmp_path, 10**9), os.fdatasync, 0
    await mine.write(b"the thread runs now")

    def sync(handle: int) -> None:
        nonlocal synced
        synced += 1
        real(handle)

    monkeypatch.setattr(os, "fdatasync", sync)
    await asyncio.gather(*(mine.write(b"%d" % n) for n in range(20)))
    mine.close()
    assert synced == 1
    assert len(records(tmp_path)) == 21


async def test_a_file_is_handed_over_soon_after_it_was_begun(tmp_path: Path) -> None:
    mine = Spool(tmp_path, 10**9)
    await mine.write(b"one")
    async with asyncio.timeout(10):
        while not spool.finished(tmp_path):
            await asyncio.sleep(0.02)
    assert records(tmp_path) == [b"one"]
    mine.close()


async def test_nobody_reads_a_file_whose_writer_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_MAX_S", 1000.0)
    mine = Spool(tmp_path, 10**9)
    await mine.write(b"one")
    assert list(tmp_path.glob("*.open"))
    assert spool.finished(tmp_path) == []
    mine.close()
    assert records(tmp_path) == [b"one"]


async def test_when_the_spool_is_full_nothing_is_promised(tmp_path: Path) -> None:
    mine = Spool(tmp_path, 1000)
    await mine.write(b"x" * 500)
    with pytest.raises(Full):
        await mine.write(b"x" * 600)
    mine.close()
    assert records(tmp_path) == [b"x" * 500]


async def test_after_room_was_made_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Spool(tmp_path, 1000)
    await mine.write(b"x" * 900)
    mine.close()
    for path in spool.finished(tmp_path):
        path.unlink()
    mine._looked_at = float("-inf")
    await mine.write(b"y" * 900)
    mine.close()
    assert records(tmp_path) == [b"y" * 900]


async def test_when_the_disk_refuses_everybody_who_waited_is_told_and_the_next_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, real = Spool(tmp_path, 10**9), os.fdatasync

    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", refuse)
    results = await asyncio.gather(mine.write(b"a"), mine.write(b"b"), return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]
    monkeypatch.setattr(os, "fdatasync", real)
    await mine.write(b"c")
    mine.close()
    assert b"c" in records(tmp_path)


async def test_too_much_waiting_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "WAITING_MAX_BYTES", 10)
    with pytest.raises(Full):
        await Spool(tmp_path, 10**9).write(b"x" * 11)


def test_a_thread_can_write_too(tmp_path: Path) -> None:
    mine = Spool(tmp_path, 10**9)
    threads = [threading.Thread(target=mine.write_blocking, args=(f"{n}".encode(), 10.0)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mine.close()
    assert sorted(records(tmp_path)) == sorted(f"{n}".encode() for n in range(20))  # type: ignore[type-var]


def written(directory: Path, *said: bytes) -> Path:
    mine = Spool(directory, 10**9)
    for one in said:
        mine.write_blocking(one, 10)
    mine.close()
    return spool.finished(directory)[-1]


def test_a_torn_end_is_not_read_and_costs_nothing_before_it(tmp_path: Path) -> None:
    path = written(tmp_path, b"one", b"two", b"three")
    whole = path.read_bytes()
    for cut in range(1, 8 + len(b"three")):
        path.write_bytes(whole[:-cut])
        assert [record for record, _ in spool.read(path)] == [b"one", b"two"]


def test_a_damaged_record_is_said_so_and_the_next_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, b"one", b"two", b"three")
    path.write_bytes(path.read_bytes().replace(b"two", b"tw0"))
    assert [record for record, _ in spool.read(path)] == [b"one", None, b"three"]


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = written(tmp_path, b"one", b"two", b"three")
    after = next(iter(spool.read(path)))[1]
    assert [record for record, _ in spool.read(path, after)] == [b"two", b"three"]


def test_what_is_no_spool_file_has_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "x.ready").write_bytes(b"something else")
    assert records(tmp_path) == []
    assert spool.finished(tmp_path / "missing") == []


WRITER = """
import sys, asyncio
from pathlib import Path
from monitoring.errors.spool import Spool
async def main():
    mine = Spool(Path(sys.argv[1]), 10**9)
    async def one(name):
        n = 0
        while True:
            record = f"{name}:{n}".encode() + b"x" * (n * 37 % 5000)
            await mine.write(record)
            print(f"{name}:{n}", flush=True)
            n += 1
    await asyncio.gather(*(one(name) for name in "abcdefgh"))
asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 50, 400, 1500])
def test_after_kill_9_everything_acknowledged_is_there(tmp_path: Path, acknowledged: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = [process.stdout.readline().strip() for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    said += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    found = {record.split(b"x")[0].decode() for record in records(tmp_path) if record is not None}
    assert set(said) <= found
    assert len(said) >= acknowledged
