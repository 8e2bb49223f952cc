"""What a happening tells of its person: Segment's reserved traits, their address, the words of a device. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairday.people.traits.declared import TOLD
from fairday.people.traits.reading import Known, read
from fairday.storage.log import Happening

# Other spellings of declared traits, Segment's reserved names among them.
_ALIASES: Mapping[str, str] = {
    "home_owner": "homeowner",
    "kids": "children",
    "kids_count": "children",
    "lifeStage": "life_stage",
    "maritalStatus": "marital_status",
    "householdSize": "household_size",
    "hasKids": "has_kids",
    "state": "province",
    "postalCode": "postcode",
    "postal_code": "postcode",
    "locale": "language",
    "createdAt": "member_since",
    "created_at": "member_since",
    "birthDate": "birthday",
    "birth_date": "birthday",
    "sex": "gender",
    "cityTier": "city_tier",
}
_OF_ADDRESS = ("city", "state", "province", "region", "country", "postalCode", "postal_code", "postcode")


def told_by(h: Happening, currency: str) -> dict[str, Known]:
    """What a happening tells of its person, by trait; what cannot be read is left out (the happening keeps it).

    ``identify`` tells its traits; any happening but ``group`` tells ``context.traits``, ``context.locale`` and
    ``context.location``, which yield to what is told outright.
    """
    body = h.body
    context = body.get("context")
    found: dict[str, Known] = {}
    if isinstance(context, dict) and context and h.kind != "group":
        locale = context.get("locale")
        if isinstance(locale, str):
            _take(found, "locale", locale, currency)
        location = context.get("location")
        if isinstance(location, dict):
            _take_address(found, location, currency)
        traits = context.get("traits")
        if isinstance(traits, dict):
            _take_traits(found, traits, currency)
    if h.kind == "identify" and h.traits:
        _take_traits(found, h.traits, currency)
    return found


def _take_traits(found: dict[str, Known], traits: Mapping[str, Any], currency: str) -> None:
    address = traits.get("address")
    if isinstance(address, dict):
        _take_address(found, address, currency)
    for name, value in traits.items():
        if isinstance(name, str):
            _take(found, name, value, currency)
    email = traits.get("email")
    if isinstance(email, str) and email.count("@") == 1:
        _take(found, "email_domain", email.strip().rpartition("@")[2].lower(), currency)
    if "name" not in found:
        parts = [traits.get("firstName"), traits.get("lastName")]
        full = " ".join(p.strip() for p in parts if isinstance(p, str) and p.strip())
        _take(found, "name", full, currency)


def _take_address(found: dict[str, Known], address: Mapping[str, Any], currency: str) -> None:
    for name in _OF_ADDRESS:
        if name in address:
            _take(found, name, address[name], currency)


def _take(found: dict[str, Known], name: str, value: Any, currency: str) -> None:
    trait = TOLD.get(_ALIASES.get(name, name))
    if trait is None:
        return
    if trait.name == "company" and isinstance(value, dict):
        value = value.get("name")
    if trait.name == "language" and isinstance(value, str):
        value = value.replace("_", "-").partition("-")[0].lower()
    known = read(trait, value, currency)
    if known is None:
        return
    found[trait.name] = known
    if trait.name == "birthday":
        born = read(TOLD["birth_date"], value, currency)
        if born is not None:
            found["birth_date"] = born
