"""What the life of a year would find. `tests/chaos/test_chaos.py` lives two weeks of it."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from rules.values import Mail, MailStatus
from tests.chaos.endurance import START, Run, of_mail, of_runs

RUNS = [Run(START + timedelta(7 * n), 9, 45, 5, 7 * (n == 45), 20 * n, 125.0, 150.0, 100_000, 1.0) for n in range(60)]
MAIL = Mail("0123456789abcdef", date(2025, 6, 2), "a@example.cn", (), "", "", ("k:1", "k:2"), MailStatus.SENT)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"calls": 10}, ["runs cost 4 to 5 calls"]),
        ({"filed": 1}, ["2 years were filed, not 1"]),
        ({"memory": 132.0}, ["the process grew from 125 to 132 MB"]),
        ({"objects": 104_000}, ["the process held 100000 objects, and holds 104000"]),
    ],
)
def test_a_life_that_costs_more_and_more_is_told(changed, said):
    assert list(of_runs("google", [*RUNS[:-1], replace(RUNS[-1], **changed)])) == said


def test_a_base_may_be_read_in_pages():
    """The calls for them are not held against a run; more are."""
    pages = [replace(run, calls=80 + (10 * n >= 500 + 1) + max(20 * n - 1, 0) // 500) for n, run in enumerate(RUNS, 1)]
    assert list(of_runs("feishu", pages)) == []
    assert list(of_runs("feishu", [*pages[:-1], replace(pages[-1], calls=pages[-1].calls + 9)]))


@pytest.mark.parametrize(
    ("left", "told", "taken", "said"),
    [
        ([MAIL], MAIL.items, {MAIL.mail_id: 1}, []),
        ([MAIL], MAIL.items, {MAIL.mail_id: 2}, ["left more than once", "1 mails came"]),
        ([MAIL], MAIL.items, {}, ["0 mails came"]),
        ([MAIL], ["k:1"], {MAIL.mail_id: 1}, ["not on record"]),
        ([MAIL, replace(MAIL, mail_id="2")], MAIL.items, {MAIL.mail_id: 1, "2": 1}, ["left more than once"]),
    ],
)
def test_mail_that_is_lost_or_left_twice_is_told(left, told, taken, said):
    found = list(of_mail(left, told, Counter(taken)))
    assert [any(words in each for each in found) for words in said] == [True] * len(said)
    assert len(found) == len(said)
