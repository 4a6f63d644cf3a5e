"""How each figure of the alliance is made: its value, a sentence for a service manager, and the rows that made it.

Source: rules, section 8. What the sheet does not hold is said in the sentence and never guessed: there is no log of
units used and no stock of the past, and a receipt has a day but no hour. A value with nothing to divide by is None.
"""

from __future__ import annotations

import numpy as np

from rules.dates import day, days
from rules.facts import Facts, Measured, Rows, count, said, yuan
from rules.ladder import COMPENSATED, Ints
from rules.ledger import effective
from rules.rounding import half_up, percent, ratio
from rules.words import Words

YEAR_DAYS = 365
HOUR = 3600
_MOST_YUAN = 10**15  # beyond it a number in a cell is no longer exact, and some price is wrong

# --- requests --------------------------------------------------------------------------------------------------------

_UNDECIDED = Words("还没有求助有结果，算不出", "no request is decided yet, so there is nothing to divide")


def fill_rate(facts: Facts) -> Measured:
    """Requests filled in time ÷ requests decided (see `fulfilment`), in percent."""
    served = facts.served
    decided, filled = count(served.decided), count(served.in_time)
    sentence = said(
        Words(
            f"{decided} 条求助有了结果（收齐、关闭或过了需要日期），{filled} 条按时收齐",
            f"{filled} of {decided} requests decided (filled, closed, or past 需要日期) were filled in time",
        ),
        (count(served.withdrawn), "{n} 条已取消，算没收齐", "{n} cancelled, counted as not filled"),
        (
            count(served.undated),
            "{n} 条没有签收日期，算按时",
            "{n} without a day of receipt, counted as in time",
        ),
    )
    return Measured(percent(filled, decided), sentence if decided else said(_UNDECIDED), _requests(facts))


def units_fill_rate(facts: Facts) -> Measured:
    """Units that came in time ÷ units wanted, over the requests decided, in percent."""
    served = facts.served
    wanted = int(facts.frames["requests"]["qty"].to_numpy()[served.decided].sum())
    units = int(served.units[served.decided].sum())
    sentence = Words(
        f"有结果的求助共要 {wanted} 件，按时收到 {units} 件", f"{units} of {wanted} units wanted came in time"
    )
    return Measured(percent(units, wanted), said(sentence if wanted else _UNDECIDED), _requests(facts))


def _requests(facts: Facts) -> Rows:
    """The requests decided, those not filled in time first, and the loans that came for them."""
    served = facts.served
    came = np.zeros(len(facts.frames["loans"]), dtype=bool)
    came[served.loan[served.decided[served.request]]] = True
    keys = facts.keys
    return {"requests": keys["requests"].of(served.decided, ~served.in_time), "loans": keys["loans"].of(came)}


def median_hours(facts: Facts) -> Measured:
    """Half of the loans received came within so many hours of the request.

    One loan received is one observation. A receipt is a day without an hour and counts as its end, so the true time can
    only be less; loans received before the day of their request are left out.
    """
    hours = np.sort(facts.served.seconds[facts.served.seconds > 0])
    value = middle(hours)
    return _hours(facts, value, Words("一半", "half"))


def p90_hours(facts: Facts) -> Measured:
    """Nine of ten loans received came within so many hours of the request: the time of one of them (nearest rank)."""
    hours = np.sort(facts.served.seconds[facts.served.seconds > 0])
    value = ratio(int(hours[(9 * len(hours) + 9) // 10 - 1]), HOUR, 1) if len(hours) else None
    return _hours(facts, value, Words("九成", "nine of ten"))


def middle(seconds: Ints) -> float | None:
    """The median of sorted *seconds*, in hours; None when there are none."""
    n = len(seconds)
    return ratio(int(seconds[(n - 1) // 2]) + int(seconds[n // 2]), 2 * HOUR, 1) if n else None


def _hours(facts: Facts, value: float | None, share: Words) -> Measured:
    served = facts.served
    dated = ~np.isnat(served.day)
    timed = served.seconds > 0
    n = count(timed)
    seconds, asked = (np.zeros(len(facts.frames[name]), dtype=np.int64) for name in ("loans", "requests"))
    seconds[served.loan[timed]] = served.seconds[timed]
    asked[served.request[timed]] = 1
    in_days = round((value or 0) / 24, 1)
    main = Words(
        f"{n} 笔借调从求助到签收，{share.zh}不超过 {value} 小时（{in_days} 天）；"
        "签收只有日期，按当天 24 时算，实际只会更短",
        f"{share.en} of {n} loans came within {value} hours ({in_days} days) of the request; a receipt is a day"
        " without an hour and counts as its end, so the true time can only be less",
    )
    none = Words("还没有借调同时写了求助编号和签收日期，算不出", "no loan has both 求助编号 and 签收日期 yet")
    backwards = count(dated & ~timed)
    sentence = said(
        none if value is None else main,
        (backwards, "{n} 笔签收日期早于求助，没有计入", "{n} received before the request, left out"),
    )
    keys = facts.keys
    return Measured(
        value, sentence, {"loans": keys["loans"].of(seconds > 0, seconds), "requests": keys["requests"].of(asked > 0)}
    )


# --- stock -----------------------------------------------------------------------------------------------------------


def turnover(facts: Facts) -> Measured:
    """Units lent in the last 365 days ÷ units in stock now, of the members that are there.

    The sheet keeps neither units used nor the stock of the past: so used units are missing above, and the stock as it
    was counted last stands for the mean stock below.
    """
    loans, today = facts.frames["loans"], day(facts.states.as_of)
    recent = days(loans["lent_on"]) > today - np.timedelta64(YEAR_DAYS, "D")
    lent = effective(loans, facts.states.as_of) & recent & facts.present[loans["lender"].cat.codes.to_numpy()]
    held = facts.stocked & (facts.frames["inventory"]["on_hand"].to_numpy() > 0)
    units = int(loans["qty"].to_numpy()[lent].sum())
    stock = int(facts.frames["inventory"]["on_hand"].to_numpy()[held].sum())
    main = Words(
        f"近 {YEAR_DAYS} 天借出 {units} 件，现有库存 {stock} 件；表里不记自用和过去的库存，"
        "所以只算借出，并用现有库存代替平均库存",
        f"{units} units lent in {YEAR_DAYS} days, {stock} in stock; the sheet keeps neither units used nor past stock,"
        " so only loans count, and the stock now stands for the mean",
    )
    none = Words("库存表里没有库存，算不出", "nothing is in stock, so there is nothing to divide by")
    rows = {"loans": facts.keys["loans"].of(lent), "inventory": facts.keys["inventory"].of(held)}
    return Measured(ratio(units, stock, 2), said(main if stock else none), rows)


def dead_stock_rate(facts: Facts) -> Measured:
    """Value of the stock unused for 90 days or more ÷ value of the stock, in percent.

    Units as counted last × unit value, at the members that are there; a part without a price counts in neither. Stock
    without 最近出库 is not taken for dead.
    """
    on_hand = facts.frames["inventory"]["on_hand"].to_numpy()
    held = facts.stocked & (on_hand > 0)
    dead = held & facts.stock.dead
    (value, unpriced), (lost, _) = (facts.worth("inventory", which, on_hand) for which in (held, dead))
    limit = facts.policy.dead_days
    main = Words(
        f"库存共值 {yuan(value)} 元，其中 {yuan(lost)} 元 {limit} 天以上没有出库",
        f"stock is worth {yuan(value)} yuan, {yuan(lost)} of it unused for {limit} days or more",
    )
    none = Words("库存都没有单价或数量为零，算不出", "no stock has both units and a price")
    sentence = said(
        main if value else none,
        (count(unpriced), "{n} 行没有单价，没有计入", "{n} rows without a price, left out"),
        (
            count(held & (facts.stock.idle < 0)),
            "{n} 行没有写最近出库，不算呆滞",
            "{n} rows without 最近出库, not taken for dead",
        ),
    )
    return Measured(percent(lost, value), sentence, {"inventory": facts.keys["inventory"].of(held & ~unpriced, dead)})


def stale_rows(facts: Facts) -> Measured:
    """Inventory rows, of members that are there, that were counted longer ago than the policy allows (7 days)."""
    stale = facts.stocked & facts.stock.stale
    centers = len(np.unique(facts.frames["inventory"]["center"].cat.codes.to_numpy()[stale]))
    sentence = said(
        Words(
            f"{count(stale)} 行库存超过 {facts.policy.stale_days} 天没有更新，涉及 {centers} 个服务中心",
            f"{count(stale)} rows of stock not counted for more than {facts.policy.stale_days} days,"
            f" at {centers} centers",
        ),
        (count(facts.stocked & (facts.stock.age < 0)), "另有 {n} 行没有写更新日期", "{n} more without 更新日期"),
    )
    return Measured(float(count(stale)), sentence, {"inventory": facts.keys["inventory"].of(stale, facts.stock.age)})


# --- loans -----------------------------------------------------------------------------------------------------------


def on_time_rate(facts: Facts) -> Measured:
    """Loans given back in time ÷ loans settled or overdue, in percent.

    Of 信用档案: the sum of 按时 ÷ the sums of 已结清 and 当前逾期. So one never given back counts too.
    """
    states, returns, overdue = facts.states, facts.returns, facts.overdue
    due = returns.settled | overdue
    main = Words(
        f"{count(due)} 笔借调已了结或已逾期，{count(returns.on_time)} 笔按时归还",
        f"{count(returns.on_time)} of {count(due)} loans settled or overdue came back in time",
    )
    none = Words("还没有借调了结或逾期，算不出", "no loan is settled or overdue yet")
    sentence = said(
        main if due.any() else none,
        (count(returns.late), "{n} 笔迟还", "{n} came back late"),
        (count(overdue), "{n} 笔逾期未还", "{n} overdue"),
        (count(returns.settled & (states.state == COMPENSATED)), "{n} 笔赔偿了结", "{n} paid for"),
    )
    rows = {"loans": facts.keys["loans"].of(due, ~returns.on_time)}
    return Measured(percent(count(returns.on_time), count(due)), sentence, rows)


def open_loans(facts: Facts) -> Measured:
    """Loans whose units are with the borrower."""
    states = facts.states
    units = int(states.outstanding[states.out].sum())
    loans = count(states.out)
    sentence = said(Words(f"{loans} 笔借调还没有还清，共 {units} 件", f"{loans} loans are out, {units} units"))
    return Measured(float(loans), sentence, {"loans": facts.keys["loans"].of(states.out, states.days)})


def overdue_loans(facts: Facts) -> Measured:
    """Loans past their due date that are not settled."""
    states, overdue = facts.states, facts.overdue
    longest = int(states.days[overdue].max(initial=0))
    main = Words(
        f"{count(overdue)} 笔借调过了应还日期，最久的逾期 {longest} 天",
        f"{count(overdue)} loans past their due date, the longest by {longest} days",
    )
    sentence = main if longest else Words("没有逾期的借调", "no loan is overdue")
    return Measured(float(count(overdue)), said(sentence), {"loans": facts.keys["loans"].of(overdue, states.days)})


def value_at_risk(facts: Facts) -> Measured:
    """Unit value × units not back yet, over the overdue loans, in yuan. The sentence also gives the value of all
    that is out.

    None when no overdue loan has a price.
    """
    states, overdue = facts.states, facts.overdue
    (lost, unpriced), (out, _) = (facts.worth("loans", which, states.outstanding) for which in (overdue, states.out))
    main = Words(
        f"逾期未还的配件值 {yuan(lost)} 元；全部在借的共值 {yuan(out)} 元",
        f"units overdue are worth {yuan(lost)} yuan; all that is out, {yuan(out)}",
    )
    none = Words("逾期未还的配件都没有单价，算不出", "none of the parts overdue has a price")
    absurd = Words("单价大得不可能，请改正配件表", "a unit value is impossibly large, mend it in 配件")
    known = lost < _MOST_YUAN and not (overdue.any() and unpriced[overdue].all())
    sentence = said(
        absurd if lost >= _MOST_YUAN else main if known else none,
        (count(unpriced), "{n} 笔没有单价，没有计入", "{n} loans without a price, left out"),
    )
    value = half_up(100 * lost, 1) / 100 if known else None
    return Measured(value, sentence, {"loans": facts.keys["loans"].of(overdue & ~unpriced, states.days)})


# --- members ---------------------------------------------------------------------------------------------------------


def gini(facts: Facts) -> Measured:
    """The Gini coefficient of how often each member that is there has helped: 0 when all helped alike, towards 1 when
    few did it all. None while nobody has helped.
    """
    loans = facts.frames["loans"]
    lender = loans["lender"].cat.codes.to_numpy()
    given = effective(loans, facts.states.as_of) & facts.present[lender]
    helped = np.bincount(lender[given], minlength=len(facts.present))
    counts = np.sort(helped[facts.present])
    n, total = len(counts), int(counts.sum())
    spread = int(((2 * np.arange(1, n + 1) - n - 1) * counts).sum())
    main = Words(
        f"{n} 个成员共帮助 {total} 次；0 是大家帮得一样多，越近 1 越靠少数几家",
        f"{n} members helped {total} times; 0 means all alike, towards 1 that few did it all",
    )
    none = Words("还没有成员帮助过别人，算不出", "nobody has helped yet, so there is nothing to share out")
    sentence = said(
        main if total else none, (count(facts.present & (helped == 0)), "{n} 个还没有帮过", "{n} have not yet")
    )
    rows = {"members": facts.keys["members"].of(facts.present, helped), "loans": facts.keys["loans"].of(given)}
    return Measured(ratio(spread, n * total, 2), sentence, rows)
