"""What a run keeps of itself: whole, typed, small, private, without secrets; and what can be computed from it again."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import stat
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.policy import Alliance, LoansPolicy, PointsPolicy, Policy
from rules.values import Book, ErrorCell, MailStatus, RawTable, UncachedCell
from sync import compose, evidence, files, still
from sync.config import Config, ReportConfig, load
from sync.errors import SetupError
from sync.snapshot import Snapshot, packed, unpacked
from tests.sync.house import TODAY, book, config, huzhu, run


@pytest.fixture(scope="module")
def ran_demo(fresh_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("evidence") / "demo"
    shutil.copytree(fresh_demo, home)
    run(home)
    return home


@pytest.fixture
def done(ran_demo: Path, tmp_path: Path) -> Path:
    """A demo after its first run."""
    return Path(shutil.copytree(ran_demo, tmp_path / "demo"))


TEXTS = st.text(max_size=8)
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False),
    TEXTS,
    TEXTS.map(ErrorCell),
    TEXTS.map(UncachedCell),
    st.dates(),
    st.datetimes().map(lambda moment: moment.replace(fold=0)),  # no cell holds it
    st.times().map(lambda hour: hour.replace(fold=0)),
    st.timedeltas(),
)
ROWS = st.lists(st.lists(CELLS, max_size=4).map(tuple), max_size=5)


def kept(rows: object = (), **more: object) -> Snapshot:
    made = Snapshot("20251106-090700", date(2025, 11, 6), Policy(), Book({}), {"queue": rows}, {})
    return replace(made, **more)


def exact(rows: object) -> str:
    """Values and their types, so that 1, 1.0 and True differ."""
    return repr([[(type(cell).__name__, cell) for cell in row] for row in rows])


@given(ROWS, ROWS)
def test_every_cell_comes_back_as_it_was(here: list[tuple[object, ...]], there: list[tuple[object, ...]]) -> None:
    tab = RawTable("借调记录", here)
    one = kept(there, book=Book({"loans": tab}), replaced={"queue": tab, "ledger": None})
    back = unpacked(packed(one), "x")
    assert exact(back.rows["queue"]) == exact(there)
    assert exact(back.book.tabs["loans"].rows) == exact(here)
    assert exact(back.replaced["queue"].rows) == exact(here)
    assert back.replaced["ledger"] is None
    assert packed(back) == packed(one)


def test_a_narrower_type_is_kept_as_what_it_is() -> None:
    moment, day = pd.Timestamp(2025, 1, 1, 8), date(2025, 1, 1)
    one = kept([(np.int64(2), np.float64(0.5), np.bool_(1), moment, MailStatus.SENT, day)])
    (row,) = unpacked(packed(one), "x").rows["queue"]
    assert exact([row]) == exact([(2, 0.5, True, moment.to_pydatetime(), "已发送", day)])


def test_every_rule_of_the_settings_comes_back() -> None:
    policy = Policy(
        alliance=Alliance(name="甲", locale="en"),
        points=PointsPolicy(per="unit"),
        loans=LoansPolicy(default_days=9),
        rename={"loans": {"due_on": "应还日"}},
    )
    back = unpacked(packed(kept(policy=policy)), "x")
    assert back.policy == policy
    assert back.zone.key == "Asia/Shanghai"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        packed(kept())[:-20],
        packed(kept())[:40] + b"\x00" * 9,
        gzip.compress(b"[]"),
        gzip.compress(b"{}"),
        gzip.compress(b'{"form":2}'),
        gzip.compress(b"\xff"),
        gzip.compress(gzip.decompress(packed(kept())).replace(b"2025-11-06", b"2025-13-06")),
        gzip.compress(gzip.decompress(packed(kept())).replace(b'"per":"loan"', b'"per":"all"')),
        gzip.compress(gzip.decompress(packed(kept([(date(2025, 1, 1),)]))).replace(b'"date"', b'"week"')),
        gzip.compress(b"[" * 100_000),
    ],
)
def test_a_file_that_is_no_snapshot_is_named_in_one_sentence(data: bytes) -> None:
    with pytest.raises(SetupError, match=re.escape("old.json.gz is not a snapshot")) as error:
        unpacked(data, "old.json.gz")
    assert "\n" not in str(error.value)


# The folder


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def modes(*paths: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}


def test_only_its_owner_may_look_into_the_state_folder_and_others_keep_their_rights(done: Path) -> None:
    """Also where somebody gave it away before."""
    state, page = done / files.STATE, done / "report.html"
    files.keep(done / still.FILE, b"{}")
    leftover = state / ".new"
    for path, mode in {leftover: 0o666, page: 0o644, book(done): 0o640, done / still.FILE: 0o666}.items():
        path.touch()
        path.chmod(mode)
    for folder in (state, state / "runs"):
        folder.chmod(0o777)
    settings = replace(config(done), report=ReportConfig(path=str(page)))
    for _ in range(2):  # the first writes what is new today, the second finds nothing to do
        compose.run(settings, TODAY + timedelta(days=1))
    assert modes(state, state / "runs") == {0o700}
    assert modes(*(path for path in state.rglob("*") if path.is_file())) == {0o600}
    assert "report" in (done / still.FILE).read_text("utf-8")
    assert not leftover.exists()
    assert (modes(page), modes(book(done))) == ({0o644}, {0o640})
    page.chmod(0o600)
    files.write(page, "new")
    assert modes(page) == {0o600}


def test_the_oldest_go_first_and_strangers_stay(tmp_path: Path) -> None:
    folder = tmp_path / evidence.FOLDER
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("ours")
    days = [f"202511{day:02d}-090700" for day in range(1, 8)]
    for day in days:
        assert evidence.keep(folder, kept(run_id=day), most=5, max_mb=1) is None
    assert names(folder) == [*(f"{day}.json.gz" for day in days[2:]), "notes.txt"]
    size = (folder / f"{days[-1]}.json.gz").stat().st_size
    assert evidence.keep(folder, kept(run_id="20251108-090700"), most=5, max_mb=2.5 * size / 1e6) is None
    assert names(folder) == ["20251107-090700.json.gz", "20251108-090700.json.gz", "notes.txt"]
    assert evidence.last(folder).run_id == "20251108-090700"


def test_a_snapshot_too_large_is_not_kept_and_said_so(tmp_path: Path) -> None:
    said = evidence.keep(tmp_path / "runs", kept(), most=5, max_mb=0.0001)
    assert said is not None
    assert "evidence.max_mb" in said.zh
    assert "evidence.max_mb" in said.en
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_stops_no_run(home: Path) -> None:
    (home / ".huzhu").write_text("in the way")
    code, out, err = huzhu("run", "--config", home / "config.yaml", "--as-of", TODAY, "--json", "--lang", "en")
    assert code == 3
    assert json.loads(out)["mails"]["sent"] > 0
    assert err.startswith("huzhu: The snapshot of this run could not be kept in ")
    assert len(err.splitlines()) == 1


def test_nothing_is_kept_when_nothing_is_to_be_kept(home: Path) -> None:
    file = home / "config.yaml"
    file.write_text(file.read_text("utf-8").replace("keep: 20 ", "keep: 0 "), "utf-8")
    run(home)
    assert not (home / evidence.FOLDER).exists()
    with pytest.raises(SetupError, match=re.escape("evidence.keep is 0")):
        compose.undo(load(file))


def test_no_secret_and_no_name_of_one_is_in_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CANARY_USER", "CANARY_PASSWORD", "CANARY_HOOK", "CANARY_SECRET"):
        monkeypatch.setenv(name, f"value of {name}")
    file = home / "config.yaml"
    text = file.read_text("utf-8").replace('username_env: "" ', "username_env: CANARY_USER ")
    text = text.replace('password_env: "" ', "password_env: CANARY_PASSWORD ").replace('host: "" ', "host: CANARY ")
    text = text.replace("webhook_env: HUZHU_GROUP_WEBHOOK ", "webhook_env: CANARY_HOOK ")
    file.write_text(text.replace('link: "" ', "link: https://CANARY.example/?token=1 "), "utf-8")
    run(home)
    (kept_file,) = (home / evidence.FOLDER).iterdir()
    assert b"CANARY" not in gzip.decompress(kept_file.read_bytes())


# Again


def test_every_run_comes_out_the_same_without_the_sheet(done: Path) -> None:
    """A first run by its name, and the last one, after three days with letters."""
    first = evidence.last(done / evidence.FOLDER).run_id
    later = run(done, TODAY + timedelta(days=3))
    book(done).unlink()
    for ident, name in ((later.run_id, None), (first, first)):
        again = compose.replay(config(done), name)
        assert (again.run_id, again.identical) == (ident, True)
        assert again.letters > 0
        assert again.rows > 100


def altered(one: Snapshot, name: str, field: int, cell: object) -> Snapshot:
    head, *rest = one.rows[name]
    return replace(one, rows={**one.rows, name: [(*head[:field], cell, *head[field + 1 :]), *rest]})


def test_a_cell_that_comes_out_otherwise_is_shown(done: Path) -> None:
    folder = done / evidence.FOLDER
    true = evidence.last(folder)
    assert evidence.keep(folder, altered(true, "standings", 5, 99), most=9, max_mb=9) is None
    code, out, _ = huzhu("replay", "--config", done / "config.yaml", "--json")
    told = json.loads(out)
    assert (code, told["identical"]) == (3, False)
    (one,) = told["differences"]
    assert (one["table"], one["field"], one["was"], one["now"]) == ("standings", "balance", 99, 3)
    rows = {**true.rows, "queue": true.rows["queue"][::-1]}
    assert evidence.keep(folder, replace(true, rows=rows), most=9, max_mb=9) is None
    (one,) = compose.replay(config(done), None).differences
    assert (one.table, one.field) == ("queue", "")


def test_a_letter_worded_otherwise_is_shown(done: Path) -> None:
    """Its layout in HTML is changed: no row of the sheet holds that."""
    own = done / "templates" / "mail"
    own.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[2] / "templates" / "mail" / "items.html.j2", own)
    layout = own / "items.html.j2"
    layout.write_text(layout.read_text("utf-8").replace("{% block letter %}", "{% block letter %}<i></i>"), "utf-8")
    file = done / "config.yaml"
    file.write_text(file.read_text("utf-8").replace('templates: "" ', "templates: templates "), "utf-8")
    again = compose.replay(load(file), None)
    assert {(one.table, one.field) for one in again.differences} == {("outbox", "")}


def test_an_unknown_run_is_told_which_there_are(done: Path) -> None:
    ident = evidence.last(done / evidence.FOLDER).run_id
    with pytest.raises(SetupError, match=f"no snapshot of the run R-9.*{ident}"):
        compose.replay(config(done), "R-9")


def test_undo_says_what_it_did_and_what_it_cannot(done: Path) -> None:
    before = book(done).read_bytes()
    code, would, _ = huzhu("undo", "--dry-run", "--config", done / "config.yaml", "--lang", "en")
    assert (code, book(done).read_bytes()) == (0, before)
    code, out, _ = huzhu("undo", "--config", done / "config.yaml", "--lang", "en")
    assert code == 0
    assert would.splitlines()[0] == out.splitlines()[0].replace("undone", "would undo")
    assert re.search(r"undone: the run \d{8}-\d{6}: .*积分榜 -6", out)
    assert re.search(r"\d+ letters had left and cannot be called back", out)
    code, _, err = huzhu("undo", "--config", done / "config.yaml", "--lang", "en")
    assert code == 2
    assert err.startswith("huzhu: nothing to undo")
    assert len(err.splitlines()) == 1


def test_the_moment_of_a_snapshot_changes_none_of_its_bytes() -> None:
    rows = [(1, "a", Decimal("1.50"), datetime(2025, 1, 1, 8), date(2025, 1, 1))]  # noqa: DTZ001 - a sheet has no zones
    assert packed(kept(rows)) == packed(kept([tuple(row) for row in rows]))
    assert packed(kept(rows))[4:8] == bytes(4)


def test_days_of_the_state_are_kept_in_one_order() -> None:
    """A set has another order in each process; without the days a later notice would change what a past run computed."""
    policy = Config().policy
    facts = json.loads(gzip.decompress(packed(kept(policy=policy))))["policy"]["official"]
    assert facts["worked"] == sorted(facts["worked"])
    assert unpacked(packed(kept(policy=policy)), "x").policy.official == policy.official
