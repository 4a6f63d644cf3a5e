"""The schedule: a cycle every week, every day, and a look for new P0 requests every few minutes.

One cycle at a time. A cycle that fails is logged and tried again at its next slot; SIGTERM lets the one in hand finish.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from threading import Event

import schedule

from sync.config import WatchConfig
from sync.errors import HuzhuError, SetupError

log = logging.getLogger(__name__)


def slots(
    settings: WatchConfig, zone: str, *, cycle: Callable[[], None], look: Callable[[], None]
) -> schedule.Scheduler:
    """The slots of *settings* in *zone*: *cycle* weekly and daily, *look* every few minutes.

    Raises SetupError when a time cannot be understood.
    """
    scheduler = schedule.Scheduler()
    try:
        day, _, at = settings.weekly.partition(" ")
        getattr(scheduler.every(), day).at(at, zone).do(cycle)
        scheduler.every().day.at(settings.daily, zone).do(cycle)
        scheduler.every(settings.p0_minutes).minutes.do(look)
    except (schedule.ScheduleError, AttributeError, ValueError, TypeError) as error:
        raise SetupError(
            f'watch 的时间看不懂：{error}。写成 weekly: monday 09:07，daily: "09:07"',
            f'the times under watch cannot be understood: {error}. Write weekly: monday 09:07, daily: "09:07"',
        ) from error
    return scheduler


def cautious(cycle: Callable[[], object], locale: str) -> Callable[[], None]:
    """*cycle*, which never raises what another slot may mend: `schedule` would not call it again."""

    def job() -> None:
        try:
            cycle()
        except HuzhuError as error:
            log.error("%s", error.words.in_(locale))  # noqa: TRY400  # a sentence, not a traceback

    return job


def told_to_stop() -> Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def watch(scheduler: schedule.Scheduler, stop: Event) -> None:
    """Runs the slots until *stop* is set; a cycle in hand is finished first."""
    while not stop.is_set():
        scheduler.run_pending()
        stop.wait(max(0.0, min(scheduler.idle_seconds or 0.0, 60.0)))
