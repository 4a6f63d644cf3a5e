"""The schedule: its times, its patience with failure, its end."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import pytest

from sync.config import WatchConfig
from sync.errors import Busy, SetupError
from sync.watch import cautious, slots
from tests.sync.house import started


def nothing() -> None:
    """A cycle that is never due in a test."""


def test_there_is_a_weekly_a_daily_and_a_frequent_slot_in_the_alliances_zone() -> None:
    jobs = slots(WatchConfig(), "Asia/Shanghai", cycle=nothing, look=nothing).jobs
    assert [(job.unit, job.interval, str(job.at_time)) for job in jobs] == [
        ("weeks", 1, "09:07:00"),
        ("days", 1, "09:07:00"),
        ("minutes", 15, "None"),
    ]
    assert {str(job.at_time_zone) for job in jobs[:2]} == {"Asia/Shanghai"}


@pytest.mark.parametrize(
    "settings", [WatchConfig(weekly="someday 09:07"), WatchConfig(daily="half past"), WatchConfig(weekly="monday")]
)
def test_a_time_nobody_understands_is_a_sentence(settings: WatchConfig) -> None:
    with pytest.raises(SetupError, match="watch"):
        slots(settings, "Asia/Shanghai", cycle=nothing, look=nothing)


def test_a_failing_cycle_is_logged_and_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    def busy() -> None:
        raise Busy("另一次运行正在进行", "another run is on")

    with caplog.at_level(logging.ERROR):
        cautious(busy, "zh")()
    assert "另一次运行正在进行" in caplog.text


def test_sigterm_ends_the_watch_with_exit_0(home: Path) -> None:
    process = started("watch", "--config", home / "config.yaml", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    assert "按计划运行中" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
