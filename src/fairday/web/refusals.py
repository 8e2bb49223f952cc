"""Why a row of a file was not taken and what to write instead, in the reader's words."""

from __future__ import annotations

import re

from markupsafe import Markup

from fairday.intake.plain import Reject
from fairday.web.i18n import Tongue

_REASONS = (
    (r"The order's number is missing\.", "no_order"),
    (r"The product's number is missing\.", "no_product"),
    (r"The campaign's number is missing\.", "no_campaign"),
    (r"The coupon's number is missing\.", "no_coupon"),
    (r"Whom the row is about is missing.*", "nobody"),
    (r"The (?:quantity|amount|price|total) (?P<cell>.*) is not a number\.", "no_number"),
    (r"The time (?P<cell>.*) (?:is not in the expected format.*|cannot be read\.)", "no_time"),
    (r"The start (?P<cell>.*) cannot be read\.", "no_time"),
    (r"The currency (?P<cell>.*) is not known\.", "no_currency"),
    (r"Quantity times price is beyond any shop\.", "too_much"),
    (r"The header has (?P<width>\d+) columns, this row (?P<cell>.*)\.", "torn"),
    (r"The row is not UTF-8\.", "encoding"),
    (r"The row cannot be read.*", "unreadable"),
    (r"(?:It|.+) is the same as (?P<cell>.*)\.", "same_form"),
    (r"It does not say its (?P<cell>.*), as the others.*", "no_option"),
    (r".+ says .*; the others of its product (?P<cell>.*)\.", "other_options"),
    (r"It differs in (?P<cell>.*)\.", "other_options"),
    (r"The number (?P<cell>.*) stands at two variants\.", "number_taken"),
    (r"(?P<cell>.*) is (?:a form of .*|a product with .*) already\.", "number_taken"),
    (r"(?P<cell>.*) has more than \d+ variants\.", "too_many_forms"),
    (r".* is longer than \d+ signs\.", "too_long_word"),
    (r"The price (?P<cell>.*) cannot be\.", "no_number"),
    (r"(?P<cell>.*) is not an https address: .*", "no_picture"),
    (r"(?P<cell>.*) is not a barcode: .*", "no_barcode"),
    (r"(?P<cell>.*) is not a weight: .*", "no_weight"),
    (r"(?P<cell>.*) is not (?:an HS code|a country): .*", "no_code"),
    (r"\d+ pictures are too many: .*|The description is cut .*|Not all tags come in\.", "cut"),
    (r"The line is not JSON.*|The line is JSON, but no object\.", "no_json"),
    (r"The line is longer.*|The row holds more.*", "too_long"),
)
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), key) for pattern, key in _REASONS)


def explained(reject: Reject, tongue: Tongue) -> tuple[Markup, Markup]:
    """(why, what to write instead) for the reader; the library's own words where there are none."""
    for pattern, key in _PATTERNS:
        found = pattern.fullmatch(reject.reason)
        if found:
            told = {"cell": found.groupdict().get("cell") or "", "width": found.groupdict().get("width") or ""}
            return tongue(f"refusal.{key}", **told), tongue(f"refusal.{key}.remedy", **told)
    english = Markup('<span data-raw lang="en">{}</span>')
    return english.format(reject.reason), english.format(reject.remedy)
