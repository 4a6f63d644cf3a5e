"""polars: one lazy query for points and ladder, one for the queue, on all cores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from bench.data import (
    AS_OF,
    CUSTOMERS,
    DECLARED,
    PLANS,
    REASONS,
    RISKS,
    STATUSES,
    TABLE,
    Alliance,
    Columns,
    request_key,
)
from bench.engines import DATES, GROUPS, LONG, OFFSETS, SENSITIVE, SOON, Answers, Texts, declared, plans, returned

_CODED = (
    "center",
    "lender",
    "borrower",
    "requester",
    "plan",
    "declared_level",
    "customer_type",
    "sentiment_risk",
    "status",
)


@dataclass(frozen=True, slots=True)
class Frames:
    """What the queries take."""

    members: pl.DataFrame
    requests: pl.DataFrame
    loans: pl.DataFrame
    adjustments: pl.DataFrame


def typed(alliance: Alliance, *, requests: bool) -> Frames:
    """The frames with text as String, days as Date."""
    centers = pl.Series(alliance.centers(), dtype=pl.String)
    ids = pl.Series([request_key(i + 1) for i in range(alliance.requests)] if requests else [], dtype=pl.String)
    members, changes = alliance.member_columns(), alliance.adjustment_columns()
    return Frames(
        pl.DataFrame({"center": centers, "left_on": members["left_on"]}),
        _requests(alliance, centers, ids) if requests else pl.DataFrame(),
        pl.concat([_loans(block, centers, ids) for block in alliance.blocks()]),
        pl.DataFrame({"date": changes["date"], "center": centers[changes["center"]], "points": changes["points"]}),
    )


def categorical(alliance: Alliance, *, requests: bool) -> Frames:
    """The same with names and choices as Categorical."""
    form = typed(alliance, requests=requests)
    return Frames(*(_coded(frame) for frame in (form.members, form.requests, form.loans, form.adjustments)))


def _coded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(name).cast(pl.Categorical) for name in _CODED if name in frame.columns)


def _loans(columns: Columns, centers: pl.Series, ids: pl.Series) -> pl.DataFrame:
    made: dict[str, object] = {name: columns[name] for name in DATES}
    if len(ids):
        served = columns["request"]
        made["request_id"] = pl.select(
            pl.when(pl.Series(served >= 0)).then(ids[np.maximum(served, 0)]).otherwise(None)
        ).to_series()
    return pl.DataFrame(
        {
            **made,
            "lender": centers[columns["lender"]],
            "borrower": centers[columns["borrower"]],
            "qty": columns["qty"],
            "returned_qty": returned(columns),
            "cancelled": columns["cancelled"],
            "plan": _words(PLANS, plans(columns)),
        }
    )


def _requests(alliance: Alliance, centers: pl.Series, ids: pl.Series) -> pl.DataFrame:
    columns = alliance.request_columns()
    return pl.DataFrame(
        {
            "request_id": ids,
            "requester": centers[columns["requester"]],
            "qty": columns["qty"],
            "requested_at": columns["requested_at"].astype("datetime64[ms]"),
            "needed_by": columns["needed_by"],
            "declared_level": _words(DECLARED, declared(columns)),
            "customer_type": _words(CUSTOMERS, columns["customer"]),
            "waiting_since": columns["waiting_since"],
            "sentiment_risk": _words(RISKS, columns["risk"]),
            "reason": _words(REASONS, columns["reason"]),
            "status": _words(STATUSES, columns["status"]),
        }
    )


def _words(words: tuple[str, ...], codes: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(words, dtype=pl.String)[codes]


_SHIPPED = (pl.col("lent_on") <= AS_OF).fill_null(value=False)


def points_and_ladder(form: Frames) -> list[pl.DataFrame]:
    """Points and loans in one go, so that polars may share work between them."""
    live = form.loans.lazy().filter(~pl.col("cancelled"))
    return pl.collect_all([_points(form, live), _ladder(live)])


def _points(form: Frames, live: pl.LazyFrame) -> pl.LazyFrame:
    effective = live.filter(_SHIPPED)
    totals = (
        effective.group_by(center="lender").agg(helped=pl.len()),
        effective.group_by(center="borrower").agg(received=pl.len()),
        live.filter(~_SHIPPED).group_by(center="borrower").agg(waiting=pl.len()),
        form.adjustments.lazy().filter(pl.col("date") <= AS_OF).group_by("center").agg(adjusted=pl.col("points").sum()),
    )
    points = form.members.lazy().select("center")
    for total in totals:
        points = points.join(total, on="center", how="left", maintain_order="left")
    counted = points.with_columns(pl.col("helped", "received", "waiting", "adjusted").cast(pl.Int64).fill_null(0))
    balance = pl.col("helped") - pl.col("received") + pl.col("adjusted")
    return counted.select("center", "helped", "received", balance=balance, available=balance - pl.col("waiting"))


def _ladder(live: pl.LazyFrame) -> pl.LazyFrame:
    agreed = pl.coalesce("extended_to", "due_on", pl.col("lent_on") + pl.duration(days=14))
    due = pl.min_horizontal(agreed, pl.col("recall_on") + pl.duration(days=1))
    days, outstanding = pl.col("days"), pl.col("outstanding")
    state = (
        pl.when(pl.col("compensated_on") <= AS_OF).then(pl.lit("已赔偿"))
        .when(outstanding == 0).then(pl.lit("已归还"))
        .when((pl.col("plan") == PLANS[1]) & _SHIPPED).then(pl.lit("已互换"))
        .when(~_SHIPPED).then(pl.lit("待发出"))
        .when(days > 0).then(pl.lit("已逾期"))
        .when(days == 0).then(pl.lit("今日到期"))
        .when(days >= -7).then(pl.lit("即将到期"))
        .otherwise(pl.lit("在借"))
    )  # fmt: skip
    exists = [pl.col("out") & (pl.col("term") > -offset) for offset in OFFSETS]
    rungs = list(enumerate(zip(exists, OFFSETS, strict=True)))
    return (
        live.with_columns(due=due, outstanding=pl.col("qty") - pl.col("returned_qty"))
        .with_columns(
            days=(pl.lit(AS_OF) - pl.col("due")).dt.total_days().fill_null(0),
            term=(pl.col("due") - pl.col("lent_on")).dt.total_days(),
        )
        .with_columns(state=state)
        .with_columns(out=pl.col("state").is_in(["已逾期", "今日到期", "即将到期", "在借"]))
        .select(
            "outstanding",
            "due",
            "days",
            "state",
            reached=pl.max_horizontal(pl.when(e & (days >= o)).then(i) for i, (e, o) in rungs).fill_null(-1),
            next_rung=pl.min_horizontal(pl.when(e & (days < o)).then(i) for i, (e, o) in rungs).fill_null(-1),
        )
    )


def queue(form: Frames, result: list[pl.DataFrame]) -> pl.DataFrame:
    """The open requests in order, without the words that say why."""
    live = form.loans.lazy().filter(~pl.col("cancelled") & pl.col("request_id").is_not_null())
    lent = live.group_by("request_id").agg(lent=pl.col("qty").sum())
    members = form.members.lazy().with_columns(left=(pl.col("left_on") <= AS_OF).fill_null(value=False))
    points = result[0].lazy().select("center", "available")
    waited = (pl.lit(AS_OF) - pl.col("waiting_since")).dt.total_days().fill_null(0)
    place = ["level", "needed_by", "requested_at", "request_id"]
    asked = pl.int_range(pl.len()).over("requester")
    group = pl.when(pl.col("level") == "P0").then(0).when(pl.col("projected") >= 0).then(1).otherwise(2)
    return (
        form.requests.lazy()
        .filter(~pl.col("status").is_in(["已满足", "已取消"]))
        .join(lent, on="request_id", how="left")
        .with_columns(open_qty=pl.col("qty") - pl.col("lent").fill_null(0), waited=waited)
        .join(members, left_on="requester", right_on="center", how="left")
        .filter((pl.col("open_qty") > 0) & ~pl.col("left"))
        .join(points, left_on="requester", right_on="center", how="left")
        .with_columns(level=_level())
        .sort(place, nulls_last=True)
        .with_columns(projected=pl.col("available") - asked)
        .with_columns(group=group)
        .with_columns(rank=pl.when(pl.col("group") > 0).then(-pl.col("projected")).otherwise(0))
        .sort(["group", "rank", *place], nulls_last=True)
        .collect()
    )


def _level() -> pl.Expr:
    declared_level, waited = pl.col("declared_level"), pl.col("waited")
    sensitive = pl.col("customer_type").is_in(list(SENSITIVE))
    proof = (pl.col("sentiment_risk") == "高") | (sensitive & ((waited >= LONG) | (declared_level == "P0")))
    soon = (pl.col("needed_by") <= SOON).fill_null(value=False)
    urgent = (declared_level == "P0") | (declared_level == "P1") | soon | (waited >= LONG)
    return (
        pl.when(proof & (pl.col("reason") != ""))
        .then(pl.lit("P0"))
        .when(urgent)
        .then(pl.lit("P1"))
        .otherwise(pl.lit("P2"))
    )


def from_texts(texts: Texts) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """The frames from rows of text, of which only the columns needed are given their types; then the queries."""
    form = Frames(*(_parsed(name, texts[name]) for name in ("members", "requests", "loans", "adjustments")))
    result = points_and_ladder(form)
    return result, queue(form, result)


def _parsed(name: str, rows: list[list[str]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows[1:], schema=dict.fromkeys(TABLE[name].fields, pl.String), orient="row")
    return frame.lazy().select(_TYPED[name]).collect()


def _dates(*names: str) -> pl.Expr:
    return pl.col(names).str.to_date("%Y-%m-%d", strict=False)


def _whole(*names: str) -> pl.Expr:
    return pl.col(names).cast(pl.Int64, strict=False)


def _or(name: str, default: str) -> pl.Expr:
    return pl.when(pl.col(name) == "").then(pl.lit(default)).otherwise(pl.col(name)).alias(name)


_BACK = pl.when(pl.col("returned_on") == "").then(0).otherwise(_whole("qty"))
_TYPED = {
    "members": [pl.col("center"), _dates("left_on")],
    "adjustments": [pl.col("center"), _dates("date"), _whole("points")],
    "requests": [
        pl.col("request_id", "requester", "customer_type", "sentiment_risk", "reason", "status"),
        _or("declared_level", "P2"),
        _whole("qty"),
        _dates("needed_by", "waiting_since"),
        pl.col("requested_at").str.to_datetime("%Y-%m-%d %H:%M"),
    ],
    "loans": [
        pl.col("lender", "borrower"),
        pl.when(pl.col("request_id") != "").then(pl.col("request_id")).alias("request_id"),
        _whole("qty"),
        pl.coalesce(_whole("returned_qty"), _BACK).alias("returned_qty"),
        _dates(*DATES),
        (pl.col("cancelled") == "是").alias("cancelled"),
        _or("plan", PLANS[0]),
    ],
}


def answers(result: list[pl.DataFrame], placed: pl.DataFrame) -> Answers:
    """In the common form."""
    points, loans = result
    standing = [GROUPS[group] for group in placed["group"]]
    return Answers(
        points.select("helped", "received", "balance", "available").to_numpy(),
        loans.select(pl.col("outstanding", "days", "reached", "next_rung").cast(pl.Int64)).to_numpy(),
        loans["state"].to_list(),
        list(zip(placed["request_id"], placed["level"], standing, placed["projected"], strict=True)),
    )
