from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from synccenter import embedded
from tests.monitoring.intake.makers import as_lines, make_error, make_line

SUMMARY = [
    "people",
    "disabled",
    "incidents",
    "mails",
    "minutes_to_all_healthy",
    "max_requests_per_second",
    "disabled_under_2008_rules",
]


def replay(*arguments: str) -> tuple[list[str], list[str]]:
    """Return the lines of standard output and of standard error."""
    printed, complained = io.StringIO(), io.StringIO()
    call_command("replay", *arguments, stdout=printed, stderr=complained)
    return printed.getvalue().splitlines(), complained.getvalue().splitlines()


def replayed(*arguments: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the objects of the hours, and the summary."""
    lines, complaints = replay(*arguments, "--json")
    assert complaints == []
    *hours, summary = [json.loads(line) for line in lines]
    return hours, summary


def busy(**overrides: Any) -> dict[str, Any]:
    return make_error(
        provider="salesforce", channel="html", status=503, body="Service Unavailable"
    ) | {"operation": "login"} | overrides  # fmt: skip


def outage_of(people: int, **overrides: Any) -> list[dict[str, Any]]:
    """Return the outcomes of people who fail together for two hours and are well again."""
    lines = []
    for person in range(people):
        for hour, failing in enumerate((False, True, True, False)):
            told = {"result": "failure", "error": busy(), "counts": None} if failing else {}
            minutes = -600 + hour * 60 + person / 2
            lines.append(make_line(f"p{person}@acme.example", minutes, **told, **overrides))
    return lines


def test_june_2008_as_json_ends_with_the_summary() -> None:
    hours, summary = replayed("summer08")
    assert list(summary) == SUMMARY
    assert summary | {"minutes_to_all_healthy": 0, "max_requests_per_second": 0} == {
        "people": 430,
        "disabled": 0,
        "incidents": 1,
        "mails": 4,
        "minutes_to_all_healthy": 0,
        "max_requests_per_second": 0,
        "disabled_under_2008_rules": 430,
    }
    assert 0 < summary["minutes_to_all_healthy"] <= 90
    assert 0 < summary["max_requests_per_second"] <= 5
    assert hours[0] == {
        "hour": "2008-06-06T12:00:00-07:00",
        "zone": "America/Los_Angeles",
        "statuses": {"healthy": 430, "degraded": 0, "stalled": 0, "disabled": 0},
        "intervals": {"7200": 430},
        "runs": hours[0]["runs"],
        "incidents": {"opened": 0, "open": 0, "closed": 0},
        "mails": {},
        "disabled_under_2008_rules": 0,
    }
    assert all(sum(hour["statuses"].values()) == 430 for hour in hours)
    assert hours[-1]["disabled_under_2008_rules"] == 430
    assert sum(count for hour in hours for count in hour["mails"].get("opened", {}).values()) == 2


def test_june_2008_in_words_has_a_line_an_hour_and_the_summary_last() -> None:
    lines, complaints = replay("summer08")
    assert complaints == []
    assert lines[0] == "June 2008: a bad night at Salesforce: 430 people."
    assert sum(line.startswith("Fri 06 Jun 22:00 PDT") for line in lines) == 2
    assert "1 opened, 1 open, mail 'opened' to admin and support" in "\n".join(lines)
    assert lines[-1].startswith("430 people; 0 disabled by errors; 1 incident; 4 mails; everybody")
    assert lines[-1].endswith("The rules of 2008: 430 disabled.")


def test_a_seed_tells_another_night() -> None:
    assert replayed("flapping", "--seed", "2")[0] != replayed("flapping")[0]


def test_recorded_outcomes_are_played_in_order_of_time(tmp_path: Path) -> None:
    lines = outage_of(30)
    file = tmp_path / "outcomes.jsonl"
    file.write_bytes(as_lines(*reversed(lines), lines[0]))
    hours, summary = replayed(str(file))
    assert summary == {
        "people": 30,
        "disabled": 0,
        "incidents": 1,
        "mails": 2,
        "minutes_to_all_healthy": summary["minutes_to_all_healthy"],
        "max_requests_per_second": None,
        "disabled_under_2008_rules": 30,
    }
    assert sum(hour["runs"] for hour in hours) == len(lines)
    assert [hour["zone"] for hour in hours] == ["UTC"] * len(hours)


def test_each_organization_has_a_story_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    lines = outage_of(30, organization="acme") + outage_of(3, organization="zeta")
    file.write_bytes(as_lines(*lines))
    hours, summary = replayed(str(file))
    assert {hour["organization"] for hour in hours} == {"acme", "zeta"}
    assert summary["people"] == 33
    told, _ = replay(str(file))
    assert [line for line in told if line.startswith("Recorded")] == [
        "Recorded outcomes of acme: 30 people.",
        "Recorded outcomes of zeta: 3 people.",
    ]


def test_hours_in_which_nothing_happened_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    lines = [make_line("a@acme.example", minutes) for minutes in (-60 * 24 * 200, -60)]
    file.write_bytes(as_lines(*lines))
    hours, _ = replayed(str(file))
    # The first run, the hours in which it is overdue and then silent, and the last run; besides
    # them only those in which somebody is reminded, once a day.
    assert len([hour for hour in hours if set(hour["mails"]) != {"reminder"}]) <= 6
    assert len(hours) <= 6 + 200


def test_bad_lines_are_named_and_the_good_ones_used(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    future = make_line("b@acme.example", (timedelta(days=9_000)).total_seconds() / 60)
    file.write_bytes(as_lines(make_line("a@acme.example", -60), future) + b"\n{oops\n")
    told, complaints = replay(str(file), "--json")
    assert json.loads(told[-1])["people"] == 1
    assert [line.partition(":")[0] for line in complaints] == ["line 2, started_at", "line 3"]
    assert "in the future" in complaints[0]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"{}\n", b"nonsense"])
def test_nothing_readable_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "outcomes.jsonl"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="No outcome could be read"):
        replay(str(file))


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.TextIOWrapper(io.BytesIO(as_lines(make_line("a@acme.example", -60))))
    monkeypatch.setattr("sys.stdin", given)
    assert replayed("-")[1]["people"] == 1


def test_an_unknown_name_lists_the_stories() -> None:
    with pytest.raises(CommandError, match=r"no story and no file 'winter09'; stories: summer08"):
        replay("winter09")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read"):
        replay(str(tmp_path))


def test_it_needs_no_database() -> None:
    assert not embedded.needs_database(["manage.py", "replay", "summer08"])
