"""What can be wrong with the data, as a table: code -> sentence and what to type instead, in both languages.

A problem is a row in 数据问题, never an exception. An `error` leaves its row out of every rule; a `warning` does not.
Codes are stable identifiers. Source: rules, section 1.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from rules.schema import TABLES, Table
from rules.values import Row
from rules.words import Words

Severity = Literal["error", "warning"]
SEVERITIES: Mapping[Severity, Words] = {"error": Words("错误", "error"), "warning": Words("警告", "warning")}


class ProblemKind(NamedTuple):
    """What is wrong and what to type instead; {names} are filled from the problem's args, value and column."""

    problem: Words
    fix: Words


def _kind(zh: str, zh_fix: str, en: str, en_fix: str) -> ProblemKind:
    return ProblemKind(Words(zh, en), Words(zh_fix, en_fix))


PROBLEMS: Mapping[str, ProblemKind] = {
    # cells
    "required_blank": _kind("没有填「{column}」", "请填写：{doc}", "{column} is blank", "Fill it in: {doc}"),
    "error_value": _kind(
        "单元格里是公式错误 {value}",
        "修好公式，或直接填写：{doc}",
        "the cell holds the formula error {value}",
        "Mend the formula or type the value: {doc}",
    ),
    "not_whole": _kind(
        "「{value}」不是整数", "写成数字，例如 2", "{value!r} is not a whole number", "Type digits, e.g. 2"
    ),
    "not_number": _kind(
        "「{value}」不是数字", "写成数字，例如 12.5", "{value!r} is not a number", "Type a number, e.g. 12.5"
    ),
    "not_money": _kind(
        "「{value}」不是金额", "写成数字，例如 12000", "{value!r} is not an amount", "Type a number, e.g. 12000"
    ),
    "below_least": _kind(
        "{value} 小于 {least}", "写 {least} 或更大的数", "{value} is below {least}", "Type {least} or more"
    ),
    "not_date": _kind(
        "「{value}」看不出是哪一天",
        "写成年-月-日，例如 2025-10-23",
        "{value!r} is not a date",
        "Write it as 2025-10-23",
    ),
    "year_out_of_range": _kind(
        "「{value}」的年份不在 2000 到 2100 之间",
        "检查年份，写成 2025-10-23",
        "the year of {value!r} is not within 2000..2100",
        "Check the year, write it as 2025-10-23",
    ),
    "not_email": _kind(
        "「{value}」不是一个邮箱地址",
        "写一个地址，例如 name@company.com",
        "{value!r} is not one e-mail address",
        "Type one address, e.g. name@company.com",
    ),
    "not_flag": _kind("「{value}」不是 是/否", "写 是 或 否", "{value!r} is not yes or no", "Type 是 or 否"),
    "not_choice": _kind(
        "「{value}」不在可选项中", "从这些里选：{choices}", "{value!r} is not one of the choices", "One of: {choices}"
    ),
    "unit_dropped": _kind(
        "「{value}」按 {read} 计算", "只写数字 {read}", "{value!r} is read as {read}", "Type just {read}"
    ),
    "numeric_key": _kind(
        "「{column}」是数字，按文本 {read} 处理；前面的 0 可能已丢失",
        "把单元格设为文本格式再输入，例如 '00{read}",
        "{column} is a number, read as the text {read}; leading zeros may be lost",
        "Format the cell as text and type it again, e.g. '00{read}",
    ),
    # rows
    "unknown_ref": _kind(
        "{table}表里没有「{value}」",
        "在{table}表加一行，或改成已有的名称",
        "{value!r} is not in {table}",
        "Add a row to {table}, or use a name that is there",
    ),
    "near_ref": _kind(
        "{table}表里没有「{value}」", "是否指 {closest}？", "{value!r} is not in {table}", "Do you mean {closest}?"
    ),
    "broken_ref": _kind(
        "{table}表里「{value}」那一行有错误，不能引用",
        "先改好{table}表第 {rows} 行",
        "the row of {value!r} in {table} has an error, so nothing can refer to it",
        "Mend row {rows} of {table} first",
    ),
    "duplicate_key": _kind(
        "「{value}」重复：第 {rows} 行也是它，这些行都不参与计算",
        "给其中一行换一个编号，或删去多余的一行",
        "{value!r} stands in row {rows} too; none of these rows is used",
        "Give one of them another number, or delete it",
    ),
    "blank_key": _kind(
        "没有编号，暂用 {value}", "在「{column}」填 {next}", "no number; {value} stands in for it", "Type {next}"
    ),
    "before_other": _kind(
        "{column} {value} 早于 {other} {bound}",
        "检查这两个日期，{column}不能更早",
        "{column} {value} is before {other} {bound}",
        "Check the two dates; {column} cannot be earlier",
    ),
    "above_other": _kind(
        "{column} {value} 大于 {other} {bound}",
        "写 {bound} 或更小的数",
        "{column} {value} is above {other} {bound}",
        "Type {bound} or less",
    ),
    "same_as_other": _kind(
        "{column}与{other}都是「{value}」",
        "改成另一个",
        "{column} and {other} are both {value!r}",
        "Change one of them",
    ),
    "header_twice": _kind(
        "有两列都叫「{column}」，只用左边的一列",
        "给另一列改名",
        "two columns are called {column}; the left one is used",
        "Rename the other one",
    ),
    "lookup_blocked": _kind(
        "「{column}」列由公式自动显示，这一格里的内容挡住了它",
        "清空这一格",
        "a formula fills the column {column}, and what stands here is in its way",
        "Clear this cell",
    ),
    # what the rules find
    "partly_returned": _kind(
        "填了归还日期，但只还了 {value} 个，共 {bound} 个",
        "还清了就把已还数量改成 {bound}，没还清就先不填归还日期",
        "a return date is set, but {value} of {bound} are back",
        "Set the returned units to {bound}, or clear the return date until all are back",
    ),
    "under_insured": _kind(
        "保价 {value} 低于配件价值 {bound}",
        "下次按 单价×数量 保价，并核对这一笔",
        "insured for {value}, below the value {bound}",
        "Insure unit value × quantity, and check this one",
    ),
    "no_tracking": _kind(
        "{lent_on} 借出，还没有快递单号",
        "请 {lender} 填上快递公司和单号；已经收到就填签收日期",
        "lent on {lent_on}, and there is no tracking number",
        "Ask {lender} for the carrier and number; if it is there, fill in the day of receipt",
    ),
    "not_received": _kind(
        "{lent_on} 借出，到现在还没有签收",
        "收到了就填签收日期；没收到就查快递，有异常马上联系快递公司，并告诉 {lender}",
        "lent on {lent_on}, and not received yet",
        "If it is there, fill in the day of receipt; if not, trace it, call the carrier and tell {lender}",
    ),
    "damaged_units": _kind(
        "损坏 {value} 个，由 {borrower} 赔给 {lender}，应赔 {claim} 元",
        "马上走运输保险理赔，并向 {lender} 说明；赔付后填赔偿日期",
        "{value} damaged: {borrower} owes {lender} {claim} yuan",
        "File the claim with the transport insurance at once and tell {lender}; once paid, fill in 赔偿日期",
    ),
    "promise_retracted": _kind(
        "{value} 谈妥后不借了，求助 {request} 有 {units} 个要另找",
        "按匹配建议联系下一家；这一行标作废，并把 {value} 写进该求助的「已婉拒」",
        "{value} had agreed and does not lend after all; units of request {request} open again: {units}",
        "Ask the next lender in 匹配建议; mark this row 作废 and add {value} to 已婉拒 of the request",
    ),
    "no_unit_value": _kind(
        "配件没有单价，借调 {loan} 的赔偿金额算不出",
        "在配件表填写单价",
        "the part has no unit value, so the claim of loan {loan} cannot be worked out",
        "Fill in the unit value in the parts table",
    ),
    "no_supervisor": _kind(
        "「{center}」没有上级邮箱，逾期上报改发联盟协调人",
        "在成员表填写上级邮箱",
        "{center} has no supervisor address; escalation goes to the coordinator",
        "Fill in the supervisor's address in the members table",
    ),
    "stale_stock": _kind(
        "「{center}」有 {count} 行库存超过 {most} 天没有更新，最久的是 {value} 盘点的",
        "请这家中心重新盘点，改在库数量和更新日期",
        "{center} has {count} rows of stock counted more than {most} days ago, the oldest on {value}",
        "Ask the center to count again, and to fill in the quantity and the day of the count",
    ),
    "p0_unproven": _kind(
        "申报 P0，但{lack}，按 {level} 处理",
        "写明原因，并填写舆情风险（高）或敏感客户类型",
        "declared P0, but {lack_en}; treated as {level}",
        "Give the reason, and the sentiment risk (高) or a sensitive customer type",
    ),
    "no_place": _kind(
        "不知道「{center}」在哪里，它与求助方或出借方的路程算不出，排序按最远处理",
        "在成员表填城市（例如 北京）或经纬度，或在路程表填公里",
        "the place of {center} is unknown, so distances to and from it count as the farthest",
        "Fill in the city (e.g. 北京) or the coordinates in the members table, or kilometres in the routes table",
    ),
    "unproven_cost": _kind(
        "「{value}」的建议数量已尽量满足，但没能证明是最省的分法",
        "可以照用；想更省就人工比较几个出借方",
        "the units proposed for {value} fill as much as can be, but are not proven to cost least",
        "They can be used as they are; compare the lenders by hand to save more",
    ),
    "year_unpublished": _kind(
        "{value} 年的放假安排还没有数据（未公布），这一年暂时只按周末算休息",
        "国家公布后更新程序 huzhu；也可以在「{tab}」表逐日填写",
        "the holidays of {value} are not known (unpublished); only its weekends count as days off for now",
        "Once they are published, update huzhu, or type them into {tab} day by day",
    ),
    "history_changed": _kind(
        "借调 {ref} 的积分记录变了：原来 {before}，现在 {after}",
        "确认是有意修改；若不是，把借调记录改回去",
        "the postings of {ref} changed: they were {before}, they are {after}",
        "Make sure it was meant; if not, put the row back",
    ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, what stands there, and the facts its sentence needs.

    row is the number the person sees in the sheet, 0 when the problem is not in one row.
    """

    severity: Severity
    code: str
    table: str
    key: str
    row: int
    field: str
    value: str
    args: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)


def ordered(problems: Iterable[Problem], tables: Mapping[str, Table]) -> list[Problem]:
    """Errors first, then by table, row and column."""
    order = {table.name: i for i, table in enumerate(TABLES)}

    def place(p: Problem) -> tuple[object, ...]:
        column = [c.field for c in tables[p.table].columns].index(p.field) if p.field else -1
        return p.severity, order[p.table], p.row, column, p.code, p.key, p.value

    return sorted(problems, key=place)


def rows_of(problems: Iterable[Problem], tables: Mapping[str, Table], locale: str) -> list[Row]:
    """The rows of 数据问题, one for each problem in the order given; sentences in *locale*."""
    return [_row(problem, tables[problem.table], locale) for problem in problems]


def facts_in(code: str, sentence: str, locale: str) -> dict[str, str] | None:
    """The facts that *sentence* states, when it is the sentence of *code*; None when it is not."""
    pattern = re.escape(PROBLEMS[code].problem.in_(locale))
    match = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*?)", pattern), sentence, re.DOTALL)
    return match.groupdict() if match else None


def _row(problem: Problem, table: Table, locale: str) -> Row:
    column = table[problem.field] if problem.field else None
    facts = {
        "value": problem.value,
        "column": column.header if column else "",
        "doc": column.doc.in_(locale) if column else "",
        **problem.args,
    }
    kind = PROBLEMS[problem.code]
    return (
        SEVERITIES[problem.severity].zh,
        table.title,
        problem.key,
        problem.row or None,
        facts["column"],
        problem.value,
        kind.problem.in_(locale).format_map(facts),
        kind.fix.in_(locale).format_map(facts),
    )
