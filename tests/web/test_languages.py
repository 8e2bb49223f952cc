from __future__ import annotations

import re
from pathlib import Path

import pytest

import fairday.web
from fairday.web.i18n import LANGUAGES, Tongue, catalogue, pick

WEB = Path(fairday.web.__file__).parent
CALL = re.compile(r"""(?:\b_|\bt|tongue|plain)\(\s*["']([a-z][\w.]*)["'](\s*~|\s*\+)?""")
FSTRING = re.compile(r"""\bf["']([a-z_]+\.)\{""")

TABLE = re.compile(r""", "(remedy\.\w+)"\)""")


def used() -> tuple[set[str], set[str]]:
    """Keys written out in templates and code, and prefixes that something is put behind."""
    keys, prefixes = set(), {"error.", "done."}
    for file in [*WEB.rglob("*.html"), *WEB.rglob("*.py")]:
        source = file.read_text("utf-8")
        for key, joined in CALL.findall(source):
            (prefixes if joined else keys).add(key)
        prefixes |= set(FSTRING.findall(source))
        keys |= set(TABLE.findall(source))
    return keys, prefixes


def test_every_message_is_there_in_every_language() -> None:
    lacking = [
        (key, language) for key, texts in catalogue().items() for language in LANGUAGES if not texts.get(language)
    ]
    assert lacking == []


def test_every_message_fills_the_same_places_in_every_language() -> None:
    def places(message: object) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", str(message)))

    odd = [
        key
        for key, texts in catalogue().items()
        if len({frozenset(places(list(texts[la].values()) if isinstance(texts[la], dict) else texts[la]))
                for la in LANGUAGES}) > 1
    ]  # fmt: skip
    assert odd == []


def test_plural_messages_have_the_forms_of_their_language() -> None:
    for key, texts in catalogue().items():
        for language in LANGUAGES:
            message = texts[language]
            if isinstance(message, dict):
                wanted = {"other"} if language == "zh" else {"one", "other"}
                assert wanted <= set(message), (key, language)


def test_every_message_used_is_there_and_none_is_left_over() -> None:
    keys, prefixes = used()
    assert keys - set(catalogue()) == set(), "used but not written"
    left = {k for k in set(catalogue()) - keys if not any(k.startswith(p) for p in prefixes)}
    assert left == set(), "written but not used"


@pytest.mark.parametrize(
    ("wanted", "kept", "accept", "is_"),
    [
        ("es", "zh", "en", "es"),
        ("xx", "zh", "en", "zh"),
        (None, None, "de, en;q=0.5, es;q=0.9", "es"),
        (None, None, "zh-CN,zh;q=0.9", "zh"),
        (None, None, "en;q=0, de", "zh"),
        (None, "../x", "en;q=abc, ,;", "zh"),
    ],
)
def test_the_language_is_asked_kept_preferred_or_the_shops(
    wanted: str | None, kept: str | None, accept: str, is_: str
) -> None:
    assert pick(wanted, kept, accept, "zh") == is_


def test_numbers_money_and_dates_are_written_as_the_reader_does() -> None:
    noon = 1_780_315_200_000
    zh, en, es = (Tongue(la, "Asia/Shanghai", "CNY") for la in LANGUAGES)
    assert [t.money(123456) for t in (zh, en, es)] == ["¥1,234.56", "CN¥1,234.56", "1.234,56\xa0CNY"]
    assert zh.time(noon) == "2026年6月1日 20:00"
    assert en.day(0) == "Jan 1, 1970"
    assert es.number(1234567.5) == "1.234.567,5"
    assert (zh.short(123456), en.short(999)) == ("12.3万", "999")
    assert Tongue("en", "UTC", "JPY").money(500) == "¥500"
    assert (en.ago(90_000), es.span(3 * 86_400_000)) == ("2 minutes ago", "3 días")
    assert en.percent(0.1202, 2) == "12.02%"


def test_values_in_messages_are_escaped() -> None:
    said = Tongue("en", "UTC", "EUR")("overview.hello", shop="<b>{x}</b>")
    assert "<b>" not in said
    assert "{x}" in said


def test_every_reason_an_event_is_refused_for_has_words() -> None:
    sources = [WEB.parent / "intake" / "wire.py", WEB.parent / "intake" / "events.py", WEB / "collect.py"]
    raised = re.compile(
        r"""(?:_Reject\(|Rejection\(index, |Refused\(\s*4\d\d, |rejection\([\w.]+, [\w.]+, )"([a-z_]+)\""""
    )
    codes = {code for source in sources for code in raised.findall(source.read_text("utf-8"))}
    never_kept = {"method_not_allowed", "not_found", "too_slow", "forbidden"}
    assert len(codes) > 15
    assert [c for c in sorted(codes - never_kept) if f"rejected.{c}" not in catalogue()] == []
