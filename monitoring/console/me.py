"""The door to one's own page: by sign-in, or by a link that is mailed."""

from __future__ import annotations

from allauth.core import ratelimit
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import people_of
from monitoring.actions.links import PERSON_LINK_GOOD_FOR, person_token
from monitoring.actions.own_links import person_link_ask
from monitoring.console.quiet import quiet_page

TOO_OFTEN = "That was asked for often enough for now. Look into your mail, or ask again in an hour."
TOO_MANY_HERE = (
    "Too many links were asked for from your network within an hour, so none was mailed to you."
    " Ask again in an hour, or ask your Salesforce administrator."
)


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="Your work e-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": "Enter your e-mail address.",
            "invalid": "Enter your whole e-mail address, like ada@example.com.",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """Lead who is signed in to their page; mail everybody else a link to it.

    The answer is the same whether the address is known or not, and so is the work.
    """
    if request.method == "POST":
        return ask(request)
    if request.user.is_authenticated:
        people = list(people_of(request.user))
        if len(people) == 1:
            return redirect("own_page", person_token(people[0], timezone.now()))
        if people:
            now = timezone.now()
            choice = [(each.organization.name, person_token(each, now)) for each in people]
            return quiet_page(request, "choice", {"choice": choice})
    given = getattr(request.user, "email", "")
    return quiet_page(request, "ask", {"form": AddressForm(initial={"email": given})})


def ask(request: HttpRequest) -> HttpResponse:
    form = AddressForm(request.POST)
    if not form.is_valid():
        return quiet_page(request, "ask", {"form": form}, status=400)
    address = form.cleaned_data["email"].lower()
    if too_much := refusal(request, address):
        form.add_error("email", too_much)
        return quiet_page(request, "ask", {"form": form}, status=429)
    person_link_ask(address=address, now=timezone.now())
    return redirect("me_asked")


def refusal(request: HttpRequest, address: str) -> str:
    """Count that a link is asked for, and return why it can't be now, if it can't.

    A network that asks too much uses up nobody's own allowance.
    """
    if not ratelimit.consume(request, action="person_link_network"):
        return TOO_MANY_HERE
    if not ratelimit.consume(request, action="person_link", key=address):
        return TOO_OFTEN
    return ""


@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    """Say what happens now, to everybody the same."""
    return quiet_page(request, "asked", {"days": PERSON_LINK_GOOD_FOR.days})
