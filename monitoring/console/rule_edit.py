"""Writing a rule: a new one, or a change of one that is in force. Saving makes a draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_for
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.rule_form import RuleForm
from monitoring.console.rule_layers import (
    OPERATOR,
    OWN,
    layers_of,
    level_of,
    level_words,
    organization_at,
)
from monitoring.console.rule_page import level_in, levels_of
from monitoring.console.rule_samples import (
    DISTINCT,
    SampleTrial,
    Trial,
    error_of_inbox,
    latest_kinds,
    masked_text,
    pasted,
    tried,
    tried_on,
)
from monitoring.console.rule_words import CLASS_HINTS, PROVIDERS
from monitoring.console.rule_writing import definition_of, fields_of, filled, problems_of
from monitoring.errors.changes import RuleChangeRefusedError, newest_number, rule_change_propose
from monitoring.errors.drafts import draft_from
from monitoring.errors.models import RuleChange, RuleState, UnrecognisedError
from monitoring.errors.proposals import checked_reason, sentence_of
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.rules import RulesError

SAVED = "The draft is saved. Test it on what has been before it goes live."
# Fields that stay folded away while there is nothing in them.
MORE = ("subcodes", "patterns", "operations", "whole", "also")
DRAFT_REASON = "No rule knew this error."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a new rule, perhaps for an error of the inbox, and make a draft of it."""
    access = access_for(request.user, slug)
    access.require_change()
    error = error_of_inbox(access, request.POST.get("error") or request.GET.get("error"))
    taken = ids_taken(access, request.POST.get("level"))
    staff = access.user.is_staff
    if request.method == "POST":
        form = RuleForm(request.POST, staff=staff, taken=taken)
        if form.is_valid() and (change := proposed(access, form, form.rule)):
            return saved(request, slug, change)
    else:
        form = RuleForm(initial=first_fields(error, taken), staff=staff, taken=taken)
    return shown(request, access, form, {"error": error, "title": "New rule"})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, rule: str) -> HttpResponse:
    """Change a rule in force, at the level that is chosen, and make a draft of it."""
    access = access_for(request.user, slug)
    access.require_change()
    layers, level = layers_of(access, rule), level_in(request, access)
    definition = layers.seen_from(level)
    if definition is None:
        raise Http404
    staff = access.user.is_staff
    if request.method == "POST":
        form = RuleForm(request.POST, staff=staff)
        if form.is_valid() and (change := proposed(access, form, rule, began=began_in(request))):
            return saved(request, slug, change)
    else:
        form = RuleForm(initial=fields_of(definition) | {"level": level}, staff=staff)
    context = {"rule": rule, "title": definition["title"], "is_built_in": layers.change is None}
    return shown(request, access, form, context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def redraft(request: HttpRequest, slug: str, change_id: int) -> HttpResponse:
    """Write a draft anew; saving takes its place with a draft that is still to be tested."""
    access = access_for(request.user, slug)
    access.require_change()
    drafts = RuleChange.objects.visible_to(access).filter(state=RuleState.DRAFT)
    draft = get_object_or_404(drafts.exclude(after=None), pk=change_id)
    definition = draft.after or {}
    if request.method == "POST":
        form = RuleForm(request.POST, staff=False)
        level, began = level_of(draft), began_in(request)
        if form.is_valid() and (change := proposed(access, form, draft.rule, level, began)):
            return saved(request, slug, change)
    else:
        form = RuleForm(initial=fields_of(definition) | {"reason": draft.reason}, staff=False)
    context = {"rule": draft.rule, "draft": draft, "title": definition["title"]}
    return shown(request, access, form, context)


def ids_taken(access: Access, level: str | None = OWN) -> set[str]:
    """Return the ids that a new rule of a level can't have: of rules in force and open changes.

    One for all organizations must not lie unseen below a rule of any of them.
    """
    rules = rule_sets_of([access.organization.pk])[access.organization.pk].rules
    changes = RuleChange.objects.visible_to(access).open()
    if level == OPERATOR and OPERATOR in levels_of(access):
        changes = RuleChange.objects.live_or_open()
    return {rule.id for rule in rules} | set(changes.values_list("rule", flat=True))


def first_fields(error: UnrecognisedError | None, taken: set[str]) -> dict[str, Any]:
    """Return what a new rule begins with; for an error of the inbox what its sample shows."""
    if error is None:
        return fields_of({"class": "transient", "who": "nobody"})
    draft = draft_from(error, taken=taken)
    return fields_of(draft) | {"rule": draft["id"], "reason": DRAFT_REASON}


def proposed(
    access: Access,
    form: RuleForm,
    rule: str,
    level: str | None = None,
    began: int | None = None,
) -> RuleChange | None:
    """Make a draft of what the form holds; what is refused is said in the form, and None comes.

    Without a `level` it is the one chosen in the form, which offers only those one may change.
    """
    level = level or form.level
    try:
        return rule_change_propose(
            access=access,
            organization=organization_at(level, access),
            rule=rule,
            definition=form.definition,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
            began_from=began,
        )
    except RuleChangeRefusedError as refusal:
        form.add_error("reason" if is_of_reason(form) else None, str(refusal))
        return None


def began_in(request: HttpRequest) -> int | None:
    """Return the newest change of the rule as its page was made, which the form sends back."""
    began = request.POST.get("began", "")
    return int(began) if began.isascii() and began.isdigit() and len(began) < 10 else None


def is_of_reason(form: RuleForm) -> bool:
    try:
        checked_reason(form.cleaned_data["reason"])
    except RuleChangeRefusedError:
        return True
    return False


def saved(request: HttpRequest, slug: str, change: RuleChange) -> HttpResponse:
    messages.success(request, SAVED)
    return redirect("rule_change", slug=slug, change_id=change.pk)


def shown(
    request: HttpRequest, access: Access, form: RuleForm, context: dict[str, Any]
) -> HttpResponse:
    """Render the form, with what the rule would hold for as it is."""
    error, (given, problem) = context.get("error"), given_fields(form)
    if "rule" in context:
        context["began"] = newest_number(access.organization, context["rule"])
    context |= {
        "section": "rules",
        "form": form,
        "hints": CLASS_HINTS,
        "levels": [(level, level_words(level, access)) for level in levels_of(access)],
        "more": any(given.get(name) or form.errors.get(name) for name in MORE),
        "providers": PROVIDERS,
        "sample": masked_text(error.sample) if error else "",
        **trial_of(access, given, error, request.POST, problem),
    }
    return page(request, access, "console/rule_form.html", "form", context)


def given_fields(form: RuleForm) -> tuple[Mapping[str, Any], str]:
    """Return what the form holds, as it was typed or as it begins, and what is wrong with it."""
    return form.conditions() if form.is_bound else (form.initial, "")


@login_required
@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell what the rule in the form would hold for, of errors that were seen; nothing is kept."""
    access = access_for(request.user, slug)
    access.require_change()
    form = RuleForm(request.POST, staff=access.user.is_staff, taken=set())
    error = error_of_inbox(access, request.POST.get("error"))
    given, problem = given_fields(form)
    context = trial_of(access, given, error, request.POST, problem)
    context |= {"access": access, "error": error}
    return kept_by_nobody(render(request, "console/rule_preview.html", context))


def trial_of(
    access: Access,
    fields: Mapping[str, Any],
    error: UnrecognisedError | None,
    posted: Mapping[str, Any],
    problem: str,
) -> dict[str, Any]:
    """Return what a rule would hold for, or what keeps it from being tried.

    With a `problem` nothing of the rule is read or compiled.
    """
    trial: Trial | None = None
    on_sample: SampleTrial | None = None
    definition: dict[str, Any] = {}
    if not problem:
        definition, problem = definition_in(fields)
    if not problem:
        in_force = rule_sets_of([access.organization.pk])[access.organization.pk]
        trial = tried(definition, latest_kinds(access, timezone.now()), in_force)
        if sample := sample_in(error, posted):
            on_sample = tried_on(definition, sample, in_force)
    return {"trial": trial, "on_sample": on_sample, "problem": problem, "distinct": DISTINCT}


def definition_in(fields: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the rule in the fields, its sentences filled in, and what is wrong with it."""
    try:
        definition = definition_of(fields)
    except RulesError as error:
        return {}, sentence_of(error)
    problems = problems_of(definition)
    return filled(definition), next(iter(problems.values()), "")


def sample_in(
    error: UnrecognisedError | None, posted: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the error that the rule is to be tried on besides: one pasted, else the inbox's."""
    text = str(posted.get("sample", ""))
    if text.strip():
        status = str(posted.get("sample_status", ""))
        provider = str(posted.get("sample_provider", ""))
        known = provider if provider in PROVIDERS else "google"
        is_status = status.isascii() and status.isdigit() and len(status) == 3
        return pasted(text, known, int(status) if is_status else None)
    return error.sample if error else None
