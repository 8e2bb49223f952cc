"""What is wrong with a scene's text, in the reader's words.

The library tells a problem by a code and, for developers, in English. The code chooses the sentence here; remedies
that name words to write are taken apart so that the words stay and the sentence round them is translated.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from fairday.kernel.yamltree import Problem
from fairday.web.i18n import Tongue
from fairday.web.sentences import remedy as instead
from fairday.web.sentences import sentence

_PATTERNS = (
    (re.compile(r"^Did you mean (.+?)\?\s*"), "remedy.meant"),
    (re.compile(r"^Write one of: (.+?)\.(?:\s|$)"), "remedy.one_of"),
    (re.compile(r"^Add (\S+): …\s*"), "remedy.add"),
    (re.compile(r"^Keep one of them\.\s*"), "remedy.keep_one"),
    (re.compile(r"^Begin each element with '- '\.\s*"), "remedy.dashes"),
    (re.compile(r"^Write the narrow colon ': ' instead of '：'\.\s*"), "remedy.colon"),
)
_ENGLISH = Markup('<span data-raw lang="en">{}</span>')


def explained(problem: Problem, tongue: Tongue) -> tuple[Markup, Markup]:
    """(what is wrong, what to write instead) for the reader; the library's own words where we have none."""
    key = f"problem.{problem.code}"
    name = problem.key.rsplit(".", 1)[-1] or problem.file
    wrong = tongue(key, key=name) if tongue.has(key) else sentence(problem.message, tongue)
    wrong = _ENGLISH.format(problem.message) if wrong is None else wrong
    return wrong, _remedy(problem.remedy, tongue)


def _remedy(text: str, tongue: Tongue) -> Markup:
    said, rest = [], text
    while rest:
        for pattern, key in _PATTERNS:
            found = pattern.match(rest)
            if found:
                said.append(tongue(key, words=found[1] if found.groups() else ""))
                rest = rest[found.end() :].strip()
                break
        else:
            said.append(instead(rest, tongue) or _ENGLISH.format(rest))
            break
    return Markup(" ").join(said)
