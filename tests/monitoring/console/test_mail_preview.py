from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.mails import Picture, mail_of
from monitoring.console.mail_preview import preview_of
from tests.monitoring.alerts.test_mails import LINK, PERSONAL, context
from tests.monitoring.console.markup import Markup


@pytest.mark.parametrize("stem", PERSONAL)
def test_a_mail_is_shown_whole_without_anything_the_policy_refuses(stem: str) -> None:
    html = mail_of(stem, context(message="Two\nlines")).html
    preview = preview_of(html, "abc")
    assert Markup(html).violations != []
    assert Markup(preview).violations == []
    for words in ("Hello Ada Lovelace", "You get this because"):
        assert words in Markup(preview).text
    assert LINK in Markup(preview).links


def test_styles_become_classes_of_one_element() -> None:
    html = (
        "<html><head><title>A</title></head><body style='margin:0'>"
        '<p style="color:red">One</p><p style="color:red">Two &amp; &#8230;</p></body></html>'
    )
    assert preview_of(html, "n") == (
        '<html><head><title>A</title><style nonce="n">.s0{margin:0}.s1{color:red}</style></head>'
        '<body class="s0"><p class="s1">One</p><p class="s1">Two &amp; &#8230;</p></body></html>'
    )


def test_a_link_opens_beside_the_console_and_one_that_is_cut_does_not() -> None:
    here, cut = '<a href="https://a.example/x">x</a>', '<a href="https://a.example/…">x</a>'
    opens = '<a href="https://a.example/x" target="_blank" rel="noopener noreferrer">x</a>'
    assert preview_of(here, "n") == opens
    assert preview_of(cut, "n") == "<a>x</a>"
    assert preview_of('<a href="javascript:run()">x</a>', "n") == "<a>x</a>"


@pytest.mark.parametrize(
    "html",
    [
        "<script>run()</script>",
        "<style>p {}</style>",
        "<link rel=stylesheet href=https://a.example>",
        "<base href=https://a.example>",
        "<iframe src=x></iframe>",
        "<script>run()</style></script>",
    ],
)
def test_what_runs_or_loads_is_left_out(html: str) -> None:
    assert preview_of(f"<p>a{html}b</p>", "n") == "<p>ab</p>"


def test_nothing_ends_the_style_element_early() -> None:
    html = "<html><head></head><p style='color:red}</style><script>run()</script>'>a</p></html>"
    assert Markup(preview_of(html, "n")).violations == []


@given(st.text())
def test_whatever_a_mail_holds_the_policy_holds(html: str) -> None:
    assert Markup(preview_of(html, "n")).violations == []


TAGS = st.builds(
    '<{} {}="{}">'.format,
    st.sampled_from(["p", "a", "script", "img", "svg", "style", "form"]),
    st.sampled_from(["style", "onclick", "onload", "href", "src", "class"]),
    st.sampled_from(["run()", "javascript:run()", "color:red", "</style>", "}{"]),
)


@given(st.lists(TAGS).map("".join))
def test_whatever_tags_it_holds_too(html: str) -> None:
    assert Markup(preview_of(html, "n")).violations == []


def test_a_picture_of_the_mail_is_written_into_it_and_no_other_is_loaded() -> None:
    html = '<img src="cid:chart" alt="A"><img src="cid:other"><img src="https://a.example/b.png">'
    preview = preview_of(html, "n", [Picture("chart", b"PNG")])
    assert preview == '<img alt="A" src="data:image/png;base64,UE5H"><img><img>'
    assert Markup(preview).violations == []
