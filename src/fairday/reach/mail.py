"""What a mail looks like: a subject, a greeting, floors of goods with reasons, and the way out. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from jinja2 import Environment, StrictUndefined

MAIL_WORDS = {
    "zh": {"why": "您收到此邮件，是因为您同意接收{shop}的消息。", "leave": "退订", "more": "去看看"},
    "en": {"why": "You receive this because you agreed to hear from {shop}.", "leave": "Unsubscribe", "more": "Look"},
    "es": {"why": "Recibes este correo porque aceptaste noticias de {shop}.", "leave": "Darse de baja", "more": "Ver"},
}


class MailGoods(msgspec.Struct, frozen=True, kw_only=True):
    """One article in a mail: ``price`` is already written for the reader ("¥12.50"), ``reason`` in their words.

    ``id`` is the product's number, or "" for what is no product (a coupon), which leads to what the reader has.
    """

    id: str
    title: str
    price: str
    reason: str


class MailFloor(msgspec.Struct, frozen=True):
    """A titled row of goods."""

    title: str
    goods: Sequence[MailGoods]


class MailContent(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a mail says, in the reader's language (zh, en or es)."""

    shop: str
    language: str
    subject: str
    greeting: str
    floors: Sequence[MailFloor]
    public_url: str
    token: str


_HTML = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="{{ mail.language }}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ mail.subject }}</title></head>
<body style="margin:0;background:#f4f2ee;font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei',\
sans-serif;color:#1f1d1a">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>\
<td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" \
style="max-width:560px;background:#fff;border-radius:12px">
<tr><td style="padding:28px 28px 8px;font-size:13px;color:#7a746b">{{ mail.shop }}</td></tr>
<tr><td style="padding:0 28px 8px;font-size:24px;line-height:1.3;font-weight:700">{{ mail.subject }}</td></tr>
<tr><td style="padding:0 28px 16px;font-size:16px;line-height:1.6">{{ mail.greeting }}</td></tr>
{% for floor in mail.floors %}
<tr><td style="padding:16px 28px 4px;font-size:18px;font-weight:600">{{ floor.title }}</td></tr>
{% for goods in floor.goods %}
<tr><td style="padding:8px 28px">
<a href="{{ link(goods.id) }}" style="display:block;padding:14px 16px;border:1px solid #e7e2d9;border-radius:10px;\
color:inherit;text-decoration:none">
<span style="font-size:16px;font-weight:600">{{ goods.title }}</span><br>
<span style="font-size:15px;color:#b4451f">{{ goods.price }}</span>
<span style="font-size:13px;color:#7a746b"> {{ goods.reason }}</span></a>
</td></tr>
{% endfor %}
{% endfor %}
<tr><td style="padding:20px 28px"><a href="{{ home }}" \
style="display:inline-block;padding:12px 22px;background:#b4451f;\
color:#fff;border-radius:8px;text-decoration:none;font-weight:600">{{ words.more }}</a></td></tr>
<tr><td style="padding:16px 28px 28px;font-size:12px;line-height:1.6;color:#7a746b;border-top:1px solid #eee">\
{{ words.why.format(shop=mail.shop) }} <a href="{{ leave }}" style="color:#7a746b">{{ words.leave }}</a></td></tr>
</table></td></tr></table></body></html>
""")


def unsubscribe_link(public_url: str, token: str) -> str:
    """Where one click ends the mails to an address."""
    return f"{public_url}/unsubscribe/{token}"


def render(mail: MailContent) -> tuple[str, str]:
    """The mail as (HTML, plain text). Links carry the message's token, never an address."""
    words = MAIL_WORDS.get(mail.language, MAIL_WORDS["en"])
    base = mail.public_url

    def link(product: str) -> str:
        if not product:
            return f"{base}/wallet?m={mail.token}"
        return f"{base}/goods/{quote(product, safe='')}?m={mail.token}"

    leave = unsubscribe_link(base, mail.token)
    html = _HTML.render(mail=mail, words=words, link=link, leave=leave, home=f"{base}/?m={mail.token}")
    lines = [mail.subject, "", mail.greeting, ""]
    for floor in mail.floors:
        lines.append(floor.title)
        lines += [f"- {g.title}  {g.price}  {g.reason}\n  {link(g.id)}" for g in floor.goods]
        lines.append("")
    lines += [words["why"].format(shop=mail.shop), f"{words['leave']}: {leave}"]
    return html, re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
