"""Carriers: where a parcel can be followed, and tracking numbers that were mistyped. Pure.

Parcels of Chinese carriers are followed at kuaidi100.com, which knows them all by one address; the others on their own
pages. A carrier not listed here is kept by its name and has no link.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from fairday.kernel.errors import FairdayError


class Carrier(msgspec.Struct, frozen=True):
    """A carrier: its id, its name at home, the address of a parcel's page with ``{n}`` for the number, and its name for
    those who do not read Chinese ("" for the same)."""

    carrier: str
    name: str
    page: str
    abroad: str = ""


def _of_china(carrier: str, name: str, known_as: str, abroad: str = "") -> Carrier:
    return Carrier(carrier, name, f"https://www.kuaidi100.com/chaxun?com={known_as}&nu={{n}}", abroad)


_CORREOS = "https://www.correos.es/es/es/herramientas/localizador/envios/detalle?tracking-number={n}"

CARRIERS: dict[str, Carrier] = {
    one.carrier: one
    for one in (
        _of_china("sf", "顺丰速运", "shunfeng", "SF Express"),
        _of_china("zto", "中通快递", "zhongtong", "ZTO Express"),
        _of_china("yto", "圆通速递", "yuantong", "YTO Express"),
        _of_china("yunda", "韵达快递", "yunda", "Yunda Express"),
        _of_china("sto", "申通快递", "shentong", "STO Express"),
        _of_china("jd", "京东快递", "jd", "JD Logistics"),
        _of_china("jt", "极兔速递", "jtexpress", "J&T Express"),
        _of_china("ems", "EMS", "ems"),
        _of_china("china-post", "中国邮政", "youzhengguonei", "China Post"),
        _of_china("deppon", "德邦快递", "debangkuaidi", "Deppon Express"),
        Carrier("dhl", "DHL", "https://www.dhl.com/global-en/home/tracking.html?tracking-id={n}"),
        Carrier("ups", "UPS", "https://www.ups.com/track?tracknum={n}"),
        Carrier("fedex", "FedEx", "https://www.fedex.com/fedextrack/?trknbr={n}"),
        Carrier("usps", "USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels={n}"),
        Carrier("royal-mail", "Royal Mail", "https://www.royalmail.com/track-your-item#/tracking-results/{n}"),
        Carrier("la-poste", "La Poste", "https://www.laposte.fr/outils/suivre-vos-envois?code={n}"),
        Carrier("correos", "Correos", _CORREOS),
        Carrier("seur", "SEUR", "https://www.seur.com/livetracking/?segOnlineIdentificador={n}"),
        Carrier("gls", "GLS", "https://gls-group.eu/EU/en/parcel-tracking?match={n}"),
    )
}

_NUMBER = re.compile(r"[A-Z0-9]{6,40}")
_POSTAL = re.compile(r"[A-Z]{2}\d{9}[A-Z]{2}")
_UPS = re.compile(r"1Z[A-Z0-9]{16}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def read_number(text: str) -> str:
    """A tracking number as it is kept: without blanks and dashes, in capitals.

    Raises:
        FairdayError: it cannot be one, or its check digit says that it was mistyped (postal numbers, UPS).
    """
    number = re.sub(r"[\s-]", "", text).upper()
    if not _NUMBER.fullmatch(number):
        raise FairdayError(
            f"{text[:60]!r} is not a tracking number.",
            code="bad_tracking",
            where="tracking",
            remedy="Write its 6 to 40 letters and digits.",
        )
    if not checked(number):
        raise FairdayError(
            f"The check digit of {number} is wrong.",
            code="tracking_mistyped",
            where="tracking",
            remedy="Compare it with the label, digit by digit.",
        )
    return number


def checked(number: str) -> bool:
    """Whether a number's check digit is right, where it has one.

    Source: the Universal Postal Union's standard S10 (two letters, nine digits, two letters: weights 8 6 4 2 3 5 9 7,
    eleven less the remainder by eleven, 10 as 0 and 11 as 5), and UPS's 1Z numbers (every second character twice,
    letters as (position in the alphabet + 1) mod 10).
    """
    if _POSTAL.fullmatch(number):
        rest = 11 - sum(w * int(d) for w, d in zip(_WEIGHTS, number[2:10], strict=True)) % 11
        return {10: 0, 11: 5}.get(rest, rest) == int(number[10])
    if _UPS.fullmatch(number):
        if not number[-1].isdigit():
            return False
        values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in number[2:-1]]
        return -(sum(values[::2]) + 2 * sum(values[1::2])) % 10 == int(number[-1])
    return True


def tracking_link(carrier: str, number: str) -> str | None:
    """The page where a parcel can be followed; None for a carrier that is not known."""
    found = CARRIERS.get(carrier)
    return None if found is None else found.page.replace("{n}", quote(number, safe=""))


def carrier_name(carrier: str, language: str = "zh") -> str:
    """A carrier's name as shoppers read it, who may not read Chinese."""
    found = CARRIERS.get(carrier)
    if found is None:
        return carrier
    return found.name if language == "zh" else found.abroad or found.name
