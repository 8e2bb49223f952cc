"""Addresses and phones by country: what a parcel needs, checked and written the way the country writes it. Pure.

Phones are judged by Google's libphonenumber. Postcodes are judged by shape; whether one exists, carriers know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import phonenumbers

from fairday.kernel.errors import FairdayError

POSTCODES: Mapping[str, str] = {
    "AR": r"[A-Z]?\d{4}([A-Z]{3})?", "AT": r"\d{4}", "AU": r"\d{4}", "BE": r"\d{4}", "BG": r"\d{4}",
    "BR": r"\d{5}-?\d{3}", "CA": r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d", "CH": r"\d{4}", "CL": r"\d{7}",
    "CN": r"\d{6}", "CO": r"\d{6}", "CY": r"\d{4}", "CZ": r"\d{3} ?\d{2}", "DE": r"\d{5}", "DK": r"\d{4}",
    "EE": r"\d{5}", "ES": r"(0[1-9]|[1-4]\d|5[0-2])\d{3}", "FI": r"\d{5}", "FR": r"\d{5}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", "GR": r"\d{3} ?\d{2}", "HR": r"\d{5}", "HU": r"\d{4}", "ID": r"\d{5}",
    "IE": r"[A-Z]\d[\dW] ?[A-Z\d]{4}", "IL": r"\d{5}(\d{2})?", "IN": r"[1-9]\d{5}", "IS": r"\d{3}", "IT": r"\d{5}",
    "JP": r"\d{3}-?\d{4}", "KR": r"\d{5}", "LT": r"(LT-)?\d{5}", "LU": r"\d{4}", "LV": r"(LV-)?\d{4}",
    "MT": r"[A-Z]{3} ?\d{4}", "MX": r"\d{5}", "MY": r"\d{5}", "NL": r"[1-9]\d{3} ?[A-Z]{2}", "NO": r"\d{4}",
    "NZ": r"\d{4}", "PE": r"\d{5}", "PH": r"\d{4}", "PL": r"\d{2}-\d{3}", "PT": r"\d{4}-\d{3}", "RO": r"\d{6}",
    "RU": r"\d{6}", "SA": r"\d{5}(-\d{4})?", "SE": r"\d{3} ?\d{2}", "SG": r"\d{6}", "SI": r"\d{4}",
    "SK": r"\d{3} ?\d{2}", "TH": r"\d{5}", "TR": r"\d{5}", "TW": r"\d{3}(\d{2,3})?", "UA": r"\d{5}",
    "US": r"\d{5}(-\d{4})?", "UY": r"\d{5}", "VN": r"\d{5,6}", "ZA": r"\d{4}",
}  # fmt: skip
"""The shape of a postcode, by country. Elsewhere anything short is taken, or nothing."""

WITHOUT = frozenset(("AE", "AG", "AO", "BO", "BS", "BW", "BZ", "FJ", "GH", "HK", "JM", "MO", "PA", "QA", "ZW"))
"""Countries that have no postcodes."""

OPTIONAL = frozenset(("CN", "CO", "CL", "PE", "IE", "UY", "VN"))
"""Countries whose parcels find their way without."""

REGIONS = frozenset(("AR", "AU", "BR", "CA", "CN", "CO", "ES", "ID", "IN", "IT", "JP", "MX", "MY", "TH", "US", "VN"))
"""Countries where a parcel needs the province or state."""

BIG_FIRST = frozenset(("CN", "TW", "JP", "KR"))
"""Countries that write an address from the largest to the smallest."""

DISTRICTS = frozenset(("BR", "CN", "JP", "KR", "MX", "TW"))
"""Countries that write a district, a quarter or a colonia."""

COUNTIES = frozenset(("GB", "IE", "TW", "CH", "NZ"))
"""Countries where a region may stand in an address and need not."""

STATES = frozenset(("AU", "BR", "IN", "MX", "MY", "US"))
"""Countries that call it a state."""

EXAMPLES: Mapping[str, str] = {
    "AU": "2000", "BR": "01310-100", "CA": "K1A 0B1", "CH": "8001", "CN": "200001", "DE": "10119", "ES": "28001",
    "FR": "75001", "GB": "SW1A 1AA", "IE": "D02 AF30", "IT": "00184", "JP": "100-0001", "KR": "03051", "MX": "06000",
    "NL": "1012 JS", "PL": "00-001", "PT": "1100-148", "SG": "018956", "TW": "100", "US": "02108",
}  # fmt: skip
"""What a postcode looks like, where that helps."""

MOST = {"name": 80, "region": 60, "city": 60, "district": 60, "street": 200, "postcode": 12, "phone": 40}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a parcel goes: personal data, kept with the order's own record and never in events.

    Attributes:
        country: two letters (ISO 3166).
        phone: E.164 (+8613800138000).
        postcode: as the country writes it; "" where it has none or the parcel does without.
    """

    name: str
    country: str
    region: str = ""
    city: str = ""
    district: str = ""
    street: str
    postcode: str = ""
    phone: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a country's address form.

    Attributes:
        name: of ``Address``; ``kind``: what it is called there ("state", "county"), "" for its usual name.
        must: a parcel needs it.
        shape: a regular expression that what is written has to fit, small letters too; "" for any.
        example: what it looks like.
    """

    name: str
    kind: str = ""
    must: bool = True
    shape: str = ""
    example: str = ""


def fields_of(country: str) -> tuple[Field, ...]:
    """The fields of an address in a country, in the order people there write them; without name and phone."""
    kind = "state" if country in STATES else "prefecture" if country == "JP" else "province"
    region = Field(name="region", kind="county" if country in COUNTIES else kind, must=country in REGIONS)
    city, street = Field(name="city"), Field(name="street")
    district = Field(name="district", must=False)
    postcode = Field(
        name="postcode", kind="zip" if country == "US" else "", must=country in POSTCODES and country not in OPTIONAL,
        shape=_either_case(POSTCODES.get(country, "")), example=EXAMPLES.get(country, ""),
    )  # fmt: skip
    regions = (region,) if country in REGIONS | COUNTIES else ()
    districts = (district,) if country in DISTRICTS else ()
    code = () if country in WITHOUT else (postcode,)
    if country in BIG_FIRST:
        return (*code, *regions, city, *districts, street)
    if country in ("US", "CA", "AU", "GB", "IE", "NZ"):
        return (street, *districts, city, *regions, *code)
    return (street, *districts, *code, city, *regions)


def _either_case(shape: str) -> str:
    """A shape that small letters fit as well."""
    return re.sub(r"\[([^\]\\]*(?:\\.[^\]\\]*)*)\]", lambda m: f"[{m[1]}{_small(m[1])}]", shape)


def _small(signs: str) -> str:
    letters = re.sub(r"\\.", "", signs)
    return letters.lower() if any(c.isupper() for c in letters) else ""


def read_address(given: Mapping[str, str]) -> Address:
    """An address from a form's texts, by the rules of its country.

    Raises:
        FairdayError: what cannot be delivered to; ``where`` is the field and ``remedy`` says what to write.
    """
    text = {name: " ".join(str(given.get(name, "")).split()) for name in (*MOST, "country")}
    for name, most in MOST.items():
        if len(text[name]) > most:
            raise _bad(name, f"The {name} is longer than {most} characters.", "Write it shorter.")
        if any(ord(c) < 32 for c in text[name]):
            raise _bad(name, f"The {name} has characters that cannot be printed.", "Write it again.")
    country = text["country"].upper()
    if not known_country(country):
        raise _bad("country", f"{country[:10]!r} is not a country.", "Write its two letters, such as CN.")
    for name in ("name", "city", "street", *(("region",) if country in REGIONS else ())):
        if not text[name]:
            raise _bad(name, f"The {name} is missing.", "A parcel needs it.")
    return Address(
        name=text["name"],
        country=country,
        region=text["region"],
        city=text["city"],
        district=text["district"],
        street=text["street"],
        postcode=read_postcode(text["postcode"], country),
        phone=read_phone(text["phone"], country),
    )


def known_country(country: str) -> bool:
    """Whether two letters name a country (one that has telephones)."""
    return country in phonenumbers.SUPPORTED_REGIONS


def read_postcode(text: str, country: str) -> str:
    """A postcode as its country writes it.

    Raises:
        FairdayError: it has not the country's shape, or is missing where a parcel needs it.
    """
    code = " ".join(text.upper().split())
    if country in WITHOUT:
        return ""
    if not code:
        if country in OPTIONAL or country not in POSTCODES:
            return ""
        raise _bad("postcode", f"A parcel to {country} needs a postcode.", "Write it.")
    shape = POSTCODES.get(country)
    if shape is None:
        if re.fullmatch(r"[A-Z0-9][A-Z0-9 -]{1,11}", code):
            return code
    elif re.fullmatch(shape, code):
        return _spaced(code, country)
    raise _bad("postcode", f"{text[:20]!r} is not a postcode of {country}.", "Look at a letter that came there.")


def _spaced(code: str, country: str) -> str:
    """With the space or dash the country writes."""
    if country in ("GB", "CA"):
        bare = code.replace(" ", "")
        return f"{bare[:-3]} {bare[-3:]}"
    if country == "JP":
        bare = code.replace("-", "")
        return f"{bare[:3]}-{bare[3:]}"
    if country == "BR":
        bare = code.replace("-", "")
        return f"{bare[:5]}-{bare[5:]}"
    return code


def read_phone(text: str, country: str) -> str:
    """A phone as E.164, read as one of the country where it names none.

    Raises:
        FairdayError: no such number can exist.
    """
    written = re.sub(r"^00", "+", text.strip())
    try:
        number = phonenumbers.parse(written, country)
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    except phonenumbers.NumberParseException:
        pass
    raise _bad("phone", "This is not a phone number.", "Write it as you would call it, or with + and the country.")


def written(address: Address, country: str = "") -> list[str]:
    """The lines of a label, without the phone, the way the country writes them.

    Args:
        country: what the reader calls the country; its two letters where that is not known.
    """
    a, land = address, country or address.country
    if a.country in BIG_FIRST:
        head = "".join(dict.fromkeys(p for p in (a.region, a.city, a.district) if p))
        joint = "" if a.country in ("CN", "TW", "JP") and not head.isascii() else " "
        first = f"{head}{joint}{a.street}" if head else a.street
        return [line for line in (a.postcode, first, a.name, land) if line]
    if a.country in ("US", "CA", "AU"):
        town = f"{a.city}{',' if a.country == 'US' else ''} {a.region} {a.postcode}"
    elif a.country in ("GB", "IE"):
        return [x for x in (a.name, a.street, a.district, a.city, a.region, a.postcode, land) if x]
    else:
        region = f" ({a.region})" if a.region and a.region != a.city else ""
        town = f"{a.postcode} {a.city}{region}"
    return [line for line in (a.name, a.street, a.district, " ".join(town.split()), land) if line]


def _bad(field: str, message: str, remedy: str) -> FairdayError:
    return FairdayError(message, code=f"bad_address_{field}", where=field, remedy=remedy)
