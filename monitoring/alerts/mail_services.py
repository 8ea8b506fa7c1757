"""What errors of a mail service are to us: Anymail's as those of `monitoring.alerts.delivery`."""

from __future__ import annotations

from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused

from monitoring.alerts.delivery import NOT_REACHED, ServiceError, is_about_mail

# Postmark tells these with a status that is otherwise about the mail: our sender's address is not
# known or not confirmed there, and we may not send (any more, or yet).
OURS = {"Postmark": frozenset({400, 401, 405, 412})}


def plain(error: Exception) -> Exception:
    """Return an error of a mail service as a ServiceError, and any other as it is."""
    match error:
        case AnymailRecipientsRefused():
            return ServiceError(said_in(error), is_about_mail=not is_ours(error))
        case AnymailAPIError():
            about_mail = is_about_mail(error.status_code) and not is_ours(error)
            return ServiceError(said_in(error), is_about_mail=about_mail)
    return error


def unsaid_refusal(mail: Any) -> ServiceError | None:
    """Return that a service did not take a mail of which Anymail raised nothing; else None.

    It reads some refusals from sentences, and takes one in other words for neither yes nor no.
    """
    status = getattr(mail, "anymail_status", None)
    response = getattr(status, "esp_response", None)
    code = getattr(response, "status_code", None)
    if status is None or (status.status != {"failed"} and (code is None or code < 300)):
        return None
    said = f"{code or 'failed'} {getattr(response, 'text', '')}".strip()
    return ServiceError(said, is_about_mail=True)


def is_ours(error: AnymailError) -> bool:
    """Tell whether the service says, by a code of its own, that it is about us."""
    codes = OURS.get(error.esp_name or "")
    if codes is None or error.response is None:
        return False
    try:
        answer = error.response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ErrorCode") in codes


def said_in(error: AnymailError) -> str:
    """Return what the service said, with its status."""
    if error.response is None:
        return f"{NOT_REACHED}: {error}"
    return f"{error.response.status_code} {error.response.text}".strip()
