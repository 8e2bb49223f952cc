"""About where an address is, from its own words: the shop's places in that town, else the capital of the region. Pure.

Nobody outside is asked. It is good enough to say which of a few places is nearer, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairday.stores.near import Store, city_key

CAPITALS: dict[str, tuple[float, float]] = {
    "北京": (39.90, 116.41), "天津": (39.13, 117.20), "河北": (38.04, 114.51), "山西": (37.87, 112.55),
    "内蒙古": (40.84, 111.75), "辽宁": (41.80, 123.43), "吉林": (43.82, 125.32), "黑龙江": (45.80, 126.53),
    "上海": (31.23, 121.47), "江苏": (32.06, 118.80), "浙江": (30.27, 120.16), "安徽": (31.82, 117.23),
    "福建": (26.07, 119.30), "江西": (28.68, 115.86), "山东": (36.65, 117.12), "河南": (34.75, 113.63),
    "湖北": (30.59, 114.31), "湖南": (28.23, 112.94), "广东": (23.13, 113.26), "广西": (22.82, 108.37),
    "海南": (20.04, 110.35), "重庆": (29.56, 106.55), "四川": (30.57, 104.07), "贵州": (26.65, 106.63),
    "云南": (25.04, 102.72), "西藏": (29.65, 91.11), "陕西": (34.34, 108.94), "甘肃": (36.06, 103.83),
    "青海": (36.62, 101.78), "宁夏": (38.49, 106.23), "新疆": (43.83, 87.62), "香港": (22.32, 114.17),
    "澳门": (22.20, 113.54), "台湾": (25.03, 121.57),
}  # fmt: skip
"""Degrees north and east of the capital of each region of China, by the region's name without what kind it is."""


def point_of(
    country: str, region: str, city: str, places: Sequence[Store], home: str = ""
) -> tuple[float, float] | None:
    """Degrees north and east of about where an address is; None where its words say nothing.

    Args:
        home: the country of places that name none.
    """
    here = [p for p in places if city and city_key(p.city) == city_key(city) and (p.country or home) in ("", country)]
    if here:
        return sum(p.latitude for p in here) / len(here), sum(p.longitude for p in here) / len(here)
    if country != "CN":
        return None
    return next((point for name, point in CAPITALS.items() if region.startswith(name) or city.startswith(name)), None)
