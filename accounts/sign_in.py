"""Sign-in policy for django-allauth."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignUpAdapter(DefaultAccountAdapter):
    """Members are invited; nobody opens an account by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
