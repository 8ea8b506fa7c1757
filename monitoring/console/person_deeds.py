"""What is done from a person's page: asking for a sync, and notes."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from accounts.models import Person
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import PersonNote
from monitoring.actions.notes import note_owner, person_note_add, person_note_done
from monitoring.actions.parameters import day_of, text_of
from monitoring.actions.people import SyncRefusedError, person_sync_now
from monitoring.console.pages import is_partial, kept_by_nobody
from monitoring.console.person import person_page
from monitoring.console.person_notes import Typed, notes_of
from monitoring.console.progress import Progress, open_progress, progress_of
from monitoring.console.rules import explanations


@login_required
@require_POST
def sync_now(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Ask for a sync of the person now, and show how it gets on."""
    access = access_for(request.user, slug)
    whom = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    now = timezone.now()
    try:
        job = person_sync_now(access=access, person=whom, now=now)
        progress = open_progress(job.attempt_id, job.state, timedelta())
    except SyncRefusedError as refusal:
        progress = Progress("refused", str(refusal))
    if is_partial(request):
        return shown_progress(request, access, whom, progress, int(now.timestamp()))
    level = messages.ERROR if progress.state == "refused" else messages.INFO
    sentence = progress.sentence if progress.state == "refused" else "Sync asked for."
    messages.add_message(request, level, sentence)
    return redirect("person", slug=slug, person_id=whom.pk)


@login_required
@require_safe
def attempt(request: HttpRequest, slug: str, person_id: int, attempt_id: UUID) -> HttpResponse:
    """Tell how an attempt gets on; nothing (204) while that is what the page already says."""
    access = access_for(request.user, slug)
    whom = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    if not is_partial(request):
        return redirect("person", slug=slug, person_id=whom.pk)
    since, now = number(request.GET.get("since")), timezone.now()
    waited = timedelta(seconds=max(now.timestamp() - since, 0)) if since else timedelta()
    rules = explanations(access.organization.pk)
    progress = progress_of(access, whom, attempt_id, rules, waited)
    if progress.open and progress.state == request.GET.get("seen"):
        return kept_by_nobody(HttpResponse(status=204))
    return shown_progress(request, access, whom, progress, since or int(now.timestamp()))


def number(text: str | None) -> int:
    """Return the whole number in a parameter of ours, 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else 0


def shown_progress(
    request: HttpRequest, access: Access, whom: Person, progress: Progress, since: int
) -> HttpResponse:
    """Render how a sync gets on; once it is over, the rest of the page is told to look again."""
    context = {"access": access, "person": whom, "progress": progress, "since": since}
    response = render(request, "console/progress.html", context)
    if progress.state in {"done", "gone"}:
        response.headers["HX-Trigger"] = "person-changed"
    return kept_by_nobody(response)


@login_required
@require_POST
def note_add(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Write a note about a person; what was typed stays where it is refused."""
    access = access_for(request.user, slug)
    whom = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    now = timezone.now()
    try:
        owner, _ = note_owner(access, text_of(request.POST, "owner"))
        person_note_add(
            access=access,
            person=whom,
            text=text_of(request.POST, "text"),
            owner=None if owner is None else get_user_model().objects.get(pk=owner),
            due_on=day_of(request.POST, "due_on"),
            now=now,
        )
    except ActionRefusedError as refusal:
        typed = Typed(request.POST.dict(), str(refusal), refusal.field)
        if is_partial(request):
            return shown_notes(request, access, whom, typed)
        return person_page(request, access, person_id, typed)
    return answered(request, access, whom, "Note added.")


@login_required
@require_POST
def note_done(request: HttpRequest, slug: str, person_id: int, note_id: int) -> HttpResponse:
    """Tick a note off."""
    access = access_for(request.user, slug)
    whom = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    notes = PersonNote.objects.visible_to(access).filter(person=whom)
    note = get_object_or_404(notes, pk=note_id)
    person_note_done(access=access, note=note, now=timezone.now())
    return answered(request, access, whom, "Note done.")


def answered(request: HttpRequest, access: Access, whom: Person, said: str) -> HttpResponse:
    if is_partial(request):
        return shown_notes(request, access, whom, said=said)
    messages.success(request, said)
    return redirect("person", slug=access.organization.slug, person_id=whom.pk)


def shown_notes(
    request: HttpRequest, access: Access, whom: Person, typed: Typed | None = None, said: str = ""
) -> HttpResponse:
    context = {"access": access, "person": whom, "said": said}
    context |= notes_of(access, whom.pk, timezone.now(), typed)
    return kept_by_nobody(render(request, "console/person_notes.html", context))
