"""All workers killed in the middle of bulk actions of every manner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from monitoring.actions.models import PersonState
from tests.monitoring.jobs.service import Service, copy_of_database, kill, lives, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db]

# Begins an action on everybody of an organization, both given by a line; answers its id.
BEGIN = """
import sys
from datetime import UTC, datetime
from accounts.access import access_for
from accounts.models import Connection, Organization, Provider
from monitoring.actions.models import Origin
from monitoring.actions.previews import action_preview
from monitoring.actions.starting import action_confirm
from monitoring.health.models import Health
from tests.factories import make_member
for line in sys.stdin:
    slug, kind = line.split()
    organization = Organization.objects.get(slug=slug)
    people = Health.objects.filter(organization=organization)
    if kind == "sync":
        Connection.objects.bulk_create(
            Connection(
                organization=organization, person_id=health.person_id, provider=provider,
                grant="jwt", granted_at=datetime.now(UTC),
            )
            for health in people for provider in Provider
        )
    action = action_confirm(
        access=(access := access_for(make_member(organization).user, slug)),
        action=action_preview(
            access=access, kind=kind, people=people, origin=Origin.FILTER,
            given={"reason": "Why"}, now=datetime.now(UTC),
        ),
        now=datetime.now(UTC),
    )
    print(action.pk, flush=True)
"""
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.monitoring.actions.slow.settings",
    "ACTION_PEOPLE_PER_SECOND": "100",
    "JOB_DEADLINE": "4",
    "JOB_LEASE": "5",
}


@pytest.fixture(scope="module")
def service(test_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with copy_of_database(test_database) as url:
        service = Service(url, tmp_path_factory.mktemp("service"), **SETTINGS)
        try:
            service.start("tick", "--loop")
            service.start("worker", "--workers", "2", "--fast", "1")
            yield service
        finally:
            service.stop()


def states(service: Service, action: str) -> Counter[PersonState]:
    rows = service.sql("SELECT state FROM actions_actionperson WHERE action_id = %s", [action])
    return Counter(map(PersonState, rows))


def workers(service: Service) -> list[int]:
    beats = service.sql("SELECT worker FROM jobs_workerbeat")
    return [pid for worker in beats if lives(pid := int(worker.rpartition(":")[2]))]


def test_killed_in_the_middle_every_person_has_exactly_one_result(service: Service) -> None:
    held = service.people("held", 200)
    asked, synced = service.people("asked", 40), service.people("synced", 60)
    service.hold()
    with service.conversation("shell", "-v", "0", "-c", BEGIN) as say:
        holds, network, syncs = (
            say(*words)
            for words in (("held", "hold"), ("asked", "reauthorize"), ("synced", "sync"))
        )
    wait_until(
        lambda: (
            states(service, holds)[PersonState.DONE]
            and states(service, network)[PersonState.DONE]
            and states(service, network)[PersonState.RUNNING]
            and service.running()
        ),
        30,
        "all three are in the middle",
    )

    for pid in workers(service):
        kill(pid)
    service.let_go()

    def all_done() -> bool:
        return service.count("actions_action WHERE state = 'done'") == 3

    wait_until(all_done, 40, "all three are done")
    assert states(service, holds) == {PersonState.DONE: 200}
    assert states(service, network) == {PersonState.DONE: 40}
    found = states(service, syncs)
    assert set(found) == {PersonState.DONE, PersonState.FAILED}
    assert sum(found.values()) == 60
    lost = service.sql(
        "SELECT code FROM actions_actionperson WHERE action_id = %s AND state = %s",
        [syncs, PersonState.FAILED],
    )
    assert "lost" in lost

    one_each = "(SELECT person_id FROM {} WHERE {} GROUP BY 1 HAVING count(*) = 1) AS one"
    assert service.count("health_hold") == 200
    assert service.count(one_each.format("health_hold", "true")) == 200
    assert service.count(one_each.format("health_transition", "to_status = 'disabled'")) == 200
    for entry, people in (
        ("person.hold", held),
        ("person.reauthorize", asked),
        ("person.sync_now", synced),
    ):
        assert service.count(one_each.format("audit_auditentry", f"action = '{entry}'")) == len(
            people
        )
