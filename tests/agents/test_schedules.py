from __future__ import annotations

import pytest

from perdure.agents.amounts import Duration
from perdure.agents.schedules import Schedule, check, first_due, next_due, of_triggers, plan
from perdure.agents.spec import Trigger
from perdure.base.codec import pack
from perdure.base.errors import InputError

NOW = 1_750_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def fired(schedule: Schedule, due: int, now: int) -> tuple[list[int], int | None]:
    firing = plan("sch_1", pack(schedule), due, now)
    return [alarm.at for alarm in firing.alarms], firing.next


def test_once_is_once() -> None:
    schedule = Schedule(at=NOW)
    assert first_due(schedule, NOW - HOUR) == NOW
    assert fired(schedule, NOW, NOW + 5) == ([NOW], None)
    assert first_due(schedule, NOW + HOUR) == NOW  # it has passed: due at once


def test_an_interval_keeps_its_step_however_late_it_is_fired() -> None:
    schedule = Schedule(every=15 * MINUTE, start=NOW)
    assert first_due(schedule, NOW) == NOW + 15 * MINUTE
    assert fired(schedule, NOW + 15 * MINUTE, NOW + 16 * MINUTE) == ([NOW + 15 * MINUTE], NOW + 30 * MINUTE)
    assert next_due(schedule, NOW + 15 * MINUTE) == NOW + 30 * MINUTE
    assert next_due(schedule, NOW - DAY) == NOW + 15 * MINUTE


@pytest.mark.parametrize("rule", [{"every": HOUR, "start": NOW}, {"cron": "0 * * * *"}], ids=["every", "cron"])
def test_what_was_missed_is_made_up_for_as_the_policy_says(rule: dict[str, object]) -> None:
    due = first_due(Schedule(**rule), NOW)
    assert due is not None
    late = due + 10 * HOUR + 30 * MINUTE
    assert fired(Schedule(**rule), due, late) == ([due + 10 * HOUR], due + 11 * HOUR)
    assert fired(Schedule(missed="skip", **rule), due, late) == ([], due + 11 * HOUR)
    assert fired(Schedule(missed="skip", **rule), due, due + 10 * HOUR + 999) == ([due + 10 * HOUR], due + 11 * HOUR)
    three = [due + hours * HOUR for hours in (8, 9, 10)]
    assert fired(Schedule(missed="catch_up", most=3, **rule), due, late) == (three, due + 11 * HOUR)
    all_of_them = [due + hours * HOUR for hours in range(11)]
    assert fired(Schedule(missed="catch_up", most=50, **rule), due, late) == (all_of_them, due + 11 * HOUR)


def test_years_of_missed_seconds_cost_no_more_than_one() -> None:
    schedule = Schedule(every=1_000, start=NOW, missed="catch_up", most=2)
    now = NOW + 10 * 365 * DAY
    assert fired(schedule, NOW + 1_000, now) == ([now - 1_000, now], now + 1_000)


def test_an_alarm_says_what_it_is_or_asks_what_it_is_told_to() -> None:
    def payload(**fields: object) -> object:
        return plan("sch_1", pack(Schedule(at=NOW, **fields)), NOW, NOW + 7).alarms[0].payload

    told = {"alarm_id": "sch_1", "scheduled_at": NOW, "fired_at": NOW + 7}
    assert payload() == told
    assert payload(payload=[1]) == told | {"payload": [1]}
    assert payload(input="Write the report.") == "Write the report."


def test_the_same_trigger_is_the_same_schedule_at_every_deployment() -> None:
    triggers = (Trigger(schedule="0 9 * * mon", timezone="Europe/Zurich"), Trigger(every=Duration(15 * MINUTE)))
    first, again = of_triggers("ann", triggers), of_triggers("ann", (*triggers, Trigger(topic="x")))
    assert list(first) == list(again) and len(first) == 2
    assert not set(first) & set(of_triggers("bob", triggers))
    changed = of_triggers("ann", (Trigger(schedule="0 10 * * mon", timezone="Europe/Zurich"),))
    assert not set(first) & set(changed)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(at=1, every=HOUR),
        Schedule(every=999),
        Schedule(cron="x"),
        Schedule(cron="@daily", timezone="Mars/Base"),
        Schedule(at=1, most=0),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(schedule: Schedule) -> None:
    with pytest.raises(InputError):
        check(schedule)


def test_a_value_that_is_no_schedule_says_so() -> None:
    with pytest.raises(InputError, match="sch_1 cannot be read"):
        plan("sch_1", pack({"every": "often"}), NOW, NOW)
