from __future__ import annotations

from django.apps import AppConfig


class ActionsConfig(AppConfig):
    name = "monitoring.actions"
    label = "actions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.actions.approval_letters import approval_checks_register
        from monitoring.actions.asking_people import people_ask_step
        from monitoring.actions.invitation_watch import invitations_ring, invitations_wait
        from monitoring.actions.letter_checks import letter_checks_register
        from monitoring.actions.own_links import (
            person_links_check,
            person_links_ring,
            person_links_wait,
        )
        from monitoring.actions.working import actions_wait, ring_actions
        from monitoring.alerts.last_checks import check_register
        from monitoring.jobs.bells import Bell, bell_register
        from monitoring.jobs.steps import step_register

        bell_register("actions", Bell(actions_wait, ring_actions, waits_for_runs=True))
        bell_register("invitations", Bell(invitations_wait, invitations_ring))
        bell_register("person_links", Bell(person_links_wait, person_links_ring))
        check_register(["person_link"], person_links_check)
        letter_checks_register()
        approval_checks_register()
        step_register("ask people", people_ask_step)
