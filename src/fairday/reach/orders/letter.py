"""What a mail about an order looks like: read on a phone first, one column, its button wide. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from jinja2 import Environment, StrictUndefined


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a mail about an order says, in the reader's language and written amounts.

    Attributes:
        number: the order's, as people say it.
        lead: sentences under the heading.
        code: what is shown at the counter, with ``code_label`` over it; "" without.
        lines: (goods, detail, amount); ``sums``: (label, amount, whether it is the last).
        place: label and lines of where it goes or is collected; empty without.
        action: (label, address) of the button; ``more``: of the plain link under it, or None.
    """

    shop: str
    language: str
    subject: str
    number: str
    heading: str
    lead: Sequence[str]
    foot: str
    action: tuple[str, str]
    more: tuple[str, str] | None = None
    code: str = ""
    code_label: str = ""
    lines: Sequence[tuple[str, str, str]] = ()
    sums: Sequence[tuple[str, str, bool]] = ()
    place: tuple[str, Sequence[str]] | None = None


_HTML = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="{{ x.language }}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\
<meta name="color-scheme" content="light">
<title>{{ x.subject }}</title></head>
<body style="margin:0;background:#f4f2ee;font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei',\
sans-serif;color:#1f1d1a">
<div style="display:none;max-height:0;overflow:hidden">{{ x.lead | join(" ") }}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>\
<td align="center" style="padding:20px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" \
style="max-width:560px;background:#fff;border-radius:14px;text-align:left">
<tr><td style="padding:26px 24px 0;font-size:14px;font-weight:600">{{ x.shop }}\
<span style="float:right;font-weight:400;color:#7a746b">{{ x.number }}</span></td></tr>
<tr><td style="padding:18px 24px 0;font-size:26px;line-height:1.25;font-weight:700">{{ x.heading }}</td></tr>
<tr><td style="padding:10px 24px 0;font-size:16px;line-height:1.6;color:#3d3933">
{% for said in x.lead %}<p style="margin:0 0 6px">{{ said }}</p>{% endfor %}</td></tr>
{% if x.code %}
<tr><td style="padding:14px 24px 0"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" \
style="background:#faf6ef;border:1px solid #ecdfc9;border-radius:12px"><tr>\
<td align="center" style="padding:14px 12px 16px">\
<div style="font-size:13px;color:#7a746b">{{ x.code_label }}</div>
<div style="padding-top:4px;font-size:34px;line-height:1.2;font-weight:700;letter-spacing:6px;\
font-family:ui-monospace,Menlo,Consolas,monospace">{{ x.code }}</div></td></tr></table></td></tr>
{% endif %}
<tr><td style="padding:18px 24px 0"><a href="{{ x.action[1] }}" style="display:block;padding:15px 20px;\
background:#b4451f;color:#fff;border-radius:10px;text-align:center;text-decoration:none;font-size:16px;\
font-weight:600">{{ x.action[0] }}</a></td></tr>
{% if x.more %}
<tr><td align="center" style="padding:12px 24px 0"><a href="{{ x.more[1] }}" \
style="font-size:15px;color:#b4451f">{{ x.more[0] }}</a></td></tr>
{% endif %}
{% if x.lines %}
<tr><td style="padding:22px 24px 0"><table role="presentation" width="100%" cellpadding="0" cellspacing="0">
{% for goods, detail, amount in x.lines %}
<tr><td style="padding:12px 12px 12px 0;border-top:1px solid #eee7dc;font-size:15px;line-height:1.45">{{ goods }}\
{% if detail %}<br><span style="font-size:13px;color:#7a746b">{{ detail }}</span>{% endif %}</td>\
<td align="right" valign="top" style="padding:12px 0;border-top:1px solid #eee7dc;font-size:15px;white-space:nowrap">\
{{ amount }}</td></tr>
{% endfor %}
{% for label, amount, last in x.sums %}
{% set top = "border-top:1px solid #eee7dc;padding-top:12px;" if loop.first or last else "padding-top:6px;" %}
{% set rule = top ~ ("padding-bottom:12px;" if loop.revindex == 2 else "") %}
{% set size = "font-size:17px;font-weight:700" if last else "font-size:14px;color:#7a746b" %}
<tr><td style="{{ rule }}{{ size }}">{{ label }}</td>\
<td align="right" style="{{ rule }}{{ size }};white-space:nowrap">{{ amount }}</td></tr>
{% endfor %}
</table></td></tr>
{% endif %}
{% if x.place %}
<tr><td style="padding:22px 24px 0;font-size:14px;line-height:1.6"><span style="color:#7a746b">{{ x.place[0] }}</span>\
{% for one in x.place[1] %}<br>{{ one }}{% endfor %}</td></tr>
{% endif %}
<tr><td style="padding:24px"><div style="padding-top:16px;border-top:1px solid #eee7dc;font-size:12px;line-height:1.6;\
color:#7a746b">{{ x.foot }}</div></td></tr>
</table></td></tr></table></body></html>
""")


def render(letter: Letter) -> tuple[str, str]:
    """The mail as (HTML, plain text)."""
    lines = [letter.heading, "", *letter.lead, ""]
    if letter.code:
        lines += [f"{letter.code_label}: {letter.code}", ""]
    lines += [f"{letter.action[0]}: {letter.action[1]}"]
    if letter.more is not None:
        lines.append(f"{letter.more[0]}: {letter.more[1]}")
    lines += ["", *(f"- {goods} {detail}  {amount}" for goods, detail, amount in letter.lines), ""]
    lines += [f"{label}: {amount}" for label, amount, _ in letter.sums]
    if letter.place is not None:
        lines += ["", letter.place[0], *letter.place[1]]
    lines += ["", letter.foot]
    return _HTML.render(x=letter), re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
