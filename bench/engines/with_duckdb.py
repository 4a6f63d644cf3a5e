"""duckdb: SQL over tables of its own, on all cores. The answers become tables of its own too."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd

from bench.data import AS_OF, PLANS, Alliance
from bench.engines import GROUPS, LONG, OFFSETS, SENSITIVE, SOON, Answers, Texts, with_rules

_DAY = f"DATE '{AS_OF}'"
_TEXT = ("center", "lender", "borrower", "request_id", "requester", "plan")


def typed(alliance: Alliance, *, requests: bool) -> duckdb.DuckDBPyConnection:
    """The tables, with VARCHAR for text and DATE for days."""
    form = with_rules.typed(alliance, requests=requests)
    database = duckdb.connect()
    frames = {"members": form.members, "adjustments": form.adjustments, "loans": form.loans}
    if requests:
        frames["requests"] = form.requests.drop(columns=["part_no"])
    for name, frame in frames.items():
        database.register("given", _plain(frame))
        chosen = ", ".join(_cast(column, dtype) for column, dtype in frame.dtypes.items())
        database.execute(f"CREATE TABLE {name} AS SELECT {chosen} FROM given")
        database.unregister("given")
    return database


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: "int64" for name in frame.columns if frame[name].dtype == "int32"})


def _cast(column: Any, dtype: Any) -> str:
    if column in _TEXT:
        return f"CAST({column} AS VARCHAR) AS {column}"
    if dtype.kind == "M" and column != "requested_at":
        return f"CAST({column} AS DATE) AS {column}"
    return str(column)


_POINTS = f"""
CREATE OR REPLACE TABLE points AS
WITH live AS (SELECT lender, borrower, coalesce(lent_on <= {_DAY}, false) AS shipped FROM loans WHERE NOT cancelled),
given AS (SELECT lender AS center, count(*) AS helped FROM live WHERE shipped GROUP BY 1),
taken AS (SELECT borrower AS center, count(*) FILTER (shipped) AS received, count(*) FILTER (NOT shipped) AS waiting
          FROM live GROUP BY 1),
changed AS (SELECT center, sum(points)::BIGINT AS adjusted FROM adjustments WHERE date <= {_DAY} GROUP BY 1),
counted AS (SELECT m.rowid AS place, center, coalesce(helped, 0) AS helped, coalesce(received, 0) AS received,
                   coalesce(waiting, 0) AS waiting, coalesce(adjusted, 0) AS adjusted
            FROM members m LEFT JOIN given USING (center) LEFT JOIN taken USING (center)
            LEFT JOIN changed USING (center))
SELECT place, center, helped, received, helped - received + adjusted AS balance,
       helped - received + adjusted - waiting AS available
FROM counted ORDER BY place
"""
_REACHED = ", ".join(f"CASE WHEN out AND term > {-o} AND days >= {o} THEN {i} END" for i, o in enumerate(OFFSETS))
_NEXT = ", ".join(f"CASE WHEN out AND term > {-o} AND days < {o} THEN {i} END" for i, o in enumerate(OFFSETS))
_LADDER = f"""
CREATE OR REPLACE TABLE ladder AS
WITH dues AS (
  SELECT *, least(coalesce(extended_to, due_on, lent_on + 14), recall_on + 1) AS due,
         coalesce(lent_on <= {_DAY}, false) AS shipped, qty - returned_qty AS outstanding
  FROM loans WHERE NOT cancelled),
counted AS (SELECT *, coalesce({_DAY} - due, 0) AS days, due - lent_on AS term FROM dues),
named AS (
  SELECT outstanding, due, days, term,
    CASE WHEN compensated_on <= {_DAY} THEN '已赔偿' WHEN outstanding = 0 THEN '已归还'
         WHEN plan = '{PLANS[1]}' AND shipped THEN '已互换' WHEN NOT shipped THEN '待发出'
         WHEN days > 0 THEN '已逾期' WHEN days = 0 THEN '今日到期' WHEN days >= -7 THEN '即将到期'
         ELSE '在借' END AS state
  FROM counted),
placed AS (SELECT *, state IN ('已逾期', '今日到期', '即将到期', '在借') AS out FROM named)
SELECT outstanding, due, days, state,
       coalesce(greatest({_REACHED}), -1) AS reached, coalesce(least({_NEXT}), -1) AS next_rung
FROM placed
"""
_LIST = ", ".join(f"'{name}'" for name in SENSITIVE)
_QUEUE = f"""
CREATE OR REPLACE TABLE queue AS
WITH lent AS (SELECT request_id, sum(qty) AS lent FROM loans WHERE NOT cancelled AND request_id IS NOT NULL GROUP BY 1),
waiting AS (
  SELECT r.*, coalesce({_DAY} - waiting_since, 0) AS waited, customer_type IN ({_LIST}) AS sensitive, available
  FROM requests r LEFT JOIN lent USING (request_id)
  JOIN members m ON m.center = r.requester JOIN points p ON p.center = r.requester
  WHERE r.qty > coalesce(lent, 0) AND status NOT IN ('已满足', '已取消') AND NOT coalesce(left_on <= {_DAY}, false)),
judged AS (
  SELECT *, CASE
    WHEN reason <> '' AND (sentiment_risk = '高' OR (sensitive AND (waited >= {LONG} OR declared_level = 'P0')))
      THEN 'P0'
    WHEN declared_level IN ('P0', 'P1') OR coalesce(needed_by <= DATE '{SOON}', false) OR waited >= {LONG} THEN 'P1'
    ELSE 'P2' END AS level
  FROM waiting),
counted AS (
  SELECT *, available - row_number() OVER (
    PARTITION BY requester ORDER BY level, needed_by NULLS LAST, requested_at, request_id) + 1 AS projected
  FROM judged),
grouped AS (SELECT *, CASE WHEN level = 'P0' THEN 0 WHEN projected >= 0 THEN 1 ELSE 2 END AS standing FROM counted)
SELECT request_id, level, standing, projected FROM grouped
ORDER BY standing, CASE WHEN standing > 0 THEN -projected ELSE 0 END, level, needed_by NULLS LAST, requested_at,
         request_id
"""


def points_and_ladder(form: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Two tables."""
    form.execute(_POINTS)
    return form.execute(_LADDER)


def queue(form: duckdb.DuckDBPyConnection, _result: object) -> duckdb.DuckDBPyConnection:
    """A table in order."""
    return form.execute(_QUEUE)


def from_texts(texts: Texts) -> tuple[Any, Any]:
    """Not done: duckdb reads files and frames, it has no quick way in for rows that Python holds."""
    raise NotImplementedError(len(texts))


def answers(result: duckdb.DuckDBPyConnection, _placed: object) -> Answers:
    """In the common form."""
    points = result.execute("SELECT helped, received, balance, available FROM points ORDER BY place").fetchnumpy()
    ladder = result.execute(
        "SELECT outstanding, days, reached, next_rung, state FROM ladder ORDER BY rowid"
    ).fetchnumpy()
    states = list(ladder.pop("state"))
    placed = result.execute("SELECT request_id, level, standing, projected FROM queue ORDER BY rowid").fetchall()
    return Answers(
        np.stack([np.asarray(column) for column in points.values()], axis=1).astype(np.int64),
        np.stack([np.asarray(column) for column in ladder.values()], axis=1).astype(np.int64),
        states,
        [(key, level, GROUPS[standing], projected) for key, level, standing, projected in placed],
    )
