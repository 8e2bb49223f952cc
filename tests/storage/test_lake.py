from __future__ import annotations

import msgspec

from fairday.storage.lake import MOST_FILES, Lake, LakeFollower, months
from fairday.storage.log import Happening


def track(n: int, at: int = 0, who: str = "ann") -> Happening:
    return Happening(
        message_id=f"m{n}", kind="track", name="Product Viewed", at=at, received=at, source="test",
        ids=(("user_id", who),), body={"properties": {"product_id": f"商品{n}"}},
    )  # fmt: skip


def test_the_lake_holds_every_happening_by_month_once(shop, tmp_path):
    lake = Lake(tmp_path / "lake's")
    shop.followers.register(LakeFollower(lake))
    month = 31 * 86_400_000
    for n in range(40):
        shop.append([track(n, at=(n % 2) * month)]).result()
        shop.followers.catch_up()
    shop.append([track(100 + n) for n in range(100)]).result()
    shop.followers.catch_up("identity")
    shop.followers.catch_up("lake", limit=7)
    assert dict(months(lake)) == {"1970-01": 120, "1970-02": 20}
    before = dict(months(lake))
    shop.followers.rebuild("lake")
    assert dict(months(lake)) == before


def test_a_run_written_twice_is_there_once(tmp_path):
    lake = Lake(tmp_path)
    rows = [
        Happening(**{**{f: getattr(track(n), f) for f in Happening.__struct_fields__}, "pos": n}) for n in range(1, 9)
    ]
    lake.write((0, 0), rows[:5])
    lake.write((0, 0), rows)
    assert dict(months(lake)) == {"1970-01": 8}


def test_many_small_runs_become_one_file(tmp_path):
    lake = Lake(tmp_path)
    for n in range(1, MOST_FILES + 10):
        lake.write((0, n - 1), [msgspec.structs.replace(track(n), pos=n)])
    assert dict(months(lake)) == {"1970-01": MOST_FILES + 9}
    assert len(lake.files()) < 12


def test_erased_happenings_are_in_no_file(shop, tmp_path):
    lake = Lake(tmp_path / "lake")
    shop.followers.register(LakeFollower(lake))
    shop.append([track(1, who="ann"), track(2, who="bob-the-secret")]).result()
    shop.followers.catch_up()
    assert lake.erase([2]) == 1
    assert dict(months(lake)) == {"1970-01": 1}
    assert not any(b"bob-the-secret" in f.read_bytes() for f in lake.files())


def numbered(first: int, last: int, at: int = 0) -> list[Happening]:
    return [msgspec.structs.replace(track(n, at=at), pos=n) for n in range(first, last + 1)]


def test_a_run_written_again_after_a_merge_loses_nothing(tmp_path):
    lake = Lake(tmp_path)
    for n in range(1, MOST_FILES + 2):
        lake.write((0, n - 1), numbered(n, n))
    assert len(lake.files()) < 12
    lake.write((0, MOST_FILES), numbered(MOST_FILES + 1, MOST_FILES + 1))  # killed before its cursor was saved
    assert dict(months(lake)) == {"1970-01": MOST_FILES + 1}


def test_what_a_process_killed_while_merging_left_is_not_counted_twice(tmp_path):
    lake = Lake(tmp_path)
    for n in range(1, MOST_FILES + 1):
        lake.write((0, n - 1), numbered(n, n))
    kept = {f: f.read_bytes() for f in lake.files()[:40]}
    for n in range(MOST_FILES + 1, 2 * MOST_FILES + 2):
        lake.write((0, n - 1), numbered(n, n))
        for file, data in kept.items():
            if n == MOST_FILES + 1:
                file.write_bytes(data)
    assert dict(months(lake)) == {"1970-01": 2 * MOST_FILES + 1}


def test_a_run_written_again_shorter_leaves_no_month_behind(tmp_path):
    lake, february = Lake(tmp_path), 31 * 86_400_000
    lake.write((0, 0), [*numbered(1, 3), *numbered(4, 5, february)])
    lake.write((0, 0), numbered(1, 2))
    lake.write((0, 2), [*numbered(3, 3), *numbered(4, 5, february)])
    assert dict(months(lake)) == {"1970-01": 3, "1970-02": 2}
