"""Small parts of pages: icons, times, what charts need."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitoring.console.alerts_pages import alerts_address
from monitoring.console.rows import Moment
from monitoring.console.wording import Look

register = template.Library()


@register.simple_tag
def icon(
    name: str, classes: str = "slds-icon slds-icon_x-small slds-icon-text-default"
) -> SafeString:
    """Draw a utility icon of the design system; it is decoration, so it has no words."""
    address = static("vendor/slds/icons/utility.svg")
    return drawing(address, name, classes)


@register.simple_tag
def standard_icon(name: str, classes: str = "slds-icon slds-page-header__icon") -> SafeString:
    """Draw the coloured icon of a kind of object."""
    address = static("vendor/slds/icons/standard.svg")
    return format_html(
        '<span class="slds-icon_container slds-icon-standard-{}">{}</span>',
        name.replace("_", "-"),
        drawing(address, name, classes),
    )


@register.simple_tag
def status_icon(look: Look, classes: str = "") -> SafeString:
    """Draw the icon of a status; its word always stands beside it."""
    address = static("console/status.svg")
    return drawing(address, look.icon, f"slds-icon status-icon tone-{look.tone} {classes}".strip())


def drawing(address: str, name: str, classes: str) -> SafeString:
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>', classes, address, name
    )


@register.simple_tag
def moment(time: Moment | None, empty: str = "never") -> SafeString | str:
    """Write a time to read, with the exact one for hovering and for who listens."""
    if time is None:
        return empty
    return format_html(
        '<time datetime="{}" title="{}">{}<span class="slds-assistive-text">, {}</span></time>',
        time.iso,
        time.exact,
        time.said,
        time.exact,
    )


@register.simple_tag(takes_context=True)
def chart_support(context: Context) -> SafeString:
    """Write what a page with a chart needs in its head.

    plotly fills the style element it finds by this id; one of its own our policy would refuse.
    """
    return format_html(
        '<style id="plotly.js-style-global" nonce="{}"></style>'
        '<link rel="stylesheet" href="{}"><script src="{}" data-bundle="{}"></script>',
        str(context["request"].csp_nonce),
        static("console/charts.css"),
        static("console/charts.js"),
        static("vendor/plotly/plotly-basic.min.js"),
    )


@register.simple_tag(takes_context=True)
def alerts_url(context: Context, name: str, **given: Any) -> str:
    """Return the address of a page on who is told, of the organization or the service's."""
    return alerts_address(context["desk"], name, **given)


@register.simple_tag(takes_context=True)
def address_with(context: Context, name: str, value: str) -> str:
    """Return this page's address with one thing asked for otherwise, from the first page on."""
    asked = context["request"].GET.copy()
    asked.pop("page", None)
    asked[name] = value
    if not value:
        del asked[name]
    path: str = context["request"].path
    return f"{path}?{asked.urlencode()}" if asked else path


@register.simple_tag
def field_input(field: BoundField) -> SafeString:
    """Draw the input of a form's field as the design system does."""
    attributes: dict[str, str | bool] = {"class": "slds-input"}
    if field.errors:
        attributes["aria-describedby"] = f"{field.id_for_label}_error"
    return field.as_widget(attrs=attributes)


@register.simple_tag
def button_class(attributes: dict[str, Any]) -> str:
    """Return how an account page's button looks, from the tags its template gave it."""
    tags = str(attributes.get("tags", "")).split(",")
    if "danger" in tags:
        return "slds-button_destructive"
    quiet = {"outline", "secondary", "link"} & set(tags)
    # One button of a page leads; an address or one action of several does not.
    leads = not (quiet or attributes.get("href") or attributes.get("name"))
    return "slds-button_brand" if leads else "slds-button_neutral"


@register.filter
def number(value: int) -> str:
    """Return a whole number as people read it: "1,234"."""
    return f"{value:,}"
