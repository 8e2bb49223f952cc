"""Simulated goods in Chinese, English and Spanish, named so, and what shoppers type: by a seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

Word = tuple[str, str, str]
"""In Chinese, English, Spanish."""

_KINDS = """
茶叶/tea/té
- 龙井绿茶/green tea/té verde
- 正山红茶/black tea/té negro
- 茉莉花茶/jasmine tea/té de jazmín
- 普洱熟茶/pu-erh tea/té pu-erh
咖啡/coffee/café
- 咖啡豆/coffee beans/café en grano
- 挂耳咖啡/drip coffee/café de goteo
- 冷萃咖啡/cold brew/café frío
衬衫/shirts/camisas
- 亚麻衬衫/linen shirt/camisa de lino
- 牛津衬衫/oxford shirt/camisa oxford
- 法兰绒衬衫/flannel shirt/camisa de franela
围巾/scarves/bufandas
- 羊绒围巾/cashmere scarf/bufanda de cachemira
- 真丝方巾/silk scarf/pañuelo de seda
杯子/mugs/tazas
- 陶瓷马克杯/ceramic mug/taza de cerámica
- 保温杯/travel flask/termo de viaje
- 玻璃茶杯/glass cup/vaso de vidrio
灯具/lamps/lámparas
- 床头灯/bedside lamp/lámpara de noche
- 落地灯/floor lamp/lámpara de pie
- 台灯/desk lamp/lámpara de mesa
玩具/toys/juguetes
- 积木/building blocks/bloques de madera
- 毛绒熊/teddy bear/oso de peluche
- 拼图/jigsaw puzzle/rompecabezas
文具/stationery/papelería
- 笔记本/notebook/cuaderno
- 钢笔/fountain pen/pluma
- 书签/bookmark/marcapáginas
护肤/skin care/cuidado de la piel
- 面霜/face cream/crema facial
- 洗面奶/face wash/limpiador facial
- 防晒霜/sun screen/protector solar
坚果/nuts/frutos secos
- 烤杏仁/roasted almonds/almendras tostadas
- 开心果/pistachios/pistachos
- 混合坚果/mixed nuts/mezcla de frutos secos
"""
_LOOKS = """
经典/classic/clásico
轻奢/fine/fino
手工/handmade/hecho a mano
有机/organic/ecológico
复古/vintage/vintage
便携/portable/portátil
儿童/children's/infantil
迷你/mini/mini
加大/large/grande
限定/limited/edición limitada
防水/waterproof/impermeable
天然/natural/natural
"""
_FORMS = """
礼盒装/gift box/caja regalo
两件套/set of two/juego de dos
旅行装/travel size/tamaño viaje
家庭装/family pack/paquete familiar
补充装/refill/recambio
单件/single/unidad
"""
_COLOURS = """
红色/red/rojo
蓝色/blue/azul
绿色/green/verde
米白/cream/crema
黑色/black/negro
橄榄/olive/oliva
芥末黄/mustard/mostaza
酒红/burgundy/burdeos
"""
_BRANDS = """
Alder Birch Cedar Dune Ember Fjord Grove Harbor Iris Juniper Kite Lark Maple
North Oak Pine Quill Reed Sage Thyme Umber Vale Willow Yarrow Zephyr Atlas
Basalt Coral Delta Echo Flint Garnet Heron Indigo Jade Koru Lotus Mesa Nova
"""


def _word(line: str) -> Word:
    zh, en, es = line.split("/")
    return zh, en, es


def _kinds() -> list[tuple[Word, list[Word]]]:
    """Categories with what is in them."""
    found: list[tuple[Word, list[Word]]] = []
    for line in _KINDS.split("\n")[1:-1]:
        if line.startswith("- "):
            found[-1][1].append(_word(line[2:]))
        else:
            found.append((_word(line), []))
    return found


KINDS = _kinds()
LOOKS, FORMS, COLOURS = ([_word(line) for line in text.split("\n")[1:-1]] for text in (_LOOKS, _FORMS, _COLOURS))
BRANDS = [f"Simulated {name}" for name in _BRANDS.split()]


def goods(luck: Random, count: int) -> Iterator[tuple[str, Word, Word, Word, str, int]]:
    """(number, title, category, colour, brand, price in fen) of so many simulated goods."""
    for n in range(count):
        category, kinds = KINDS[int(len(KINDS) * luck.random() ** 1.4)]
        look, form, kind = luck.choice(LOOKS), luck.choice(FORMS), luck.choice(kinds)
        colour = luck.choice(COLOURS)
        series = f"{luck.choice('ABCDEFGHJK')}{luck.randrange(1000)}"
        title = tuple(f"{a} {b} {c} {d} {series}" for a, b, c, d in zip(look, kind, form, colour, strict=True))
        brand = BRANDS[int(len(BRANDS) * luck.random() ** 1.5)]
        yield f"SIM-{n:06}", title, category, colour, brand, int(300 * 1.5 ** (16 * luck.random()))  # type: ignore[misc]


def typed(luck: Random, count: int) -> Iterator[tuple[str, int]]:
    """(what a shopper types, language): one to four words, beginnings, words with an error, and nothing at all."""
    for _ in range(count):
        of = luck.randrange(3)
        category, kinds = KINDS[int(len(KINDS) * luck.random() ** 1.4)]
        words = [luck.choice(kinds)[of], luck.choice(LOOKS)[of], luck.choice(COLOURS)[of], luck.choice(FORMS)[of]]
        text = " ".join(words[: luck.choice((1, 1, 2, 2, 3, 4))])
        chance = luck.random()
        if chance < 0.12:
            text = text[: max(1, len(text) // 2)]  # still typing
        elif chance < 0.24 and of:
            at = luck.randrange(1, max(2, len(text) - 1))
            text = text[:at] + luck.choice("aeiourst") + text[at + 1 :]
        elif chance < 0.30:
            text = category[of]
        elif chance < 0.33:
            text = luck.choice(BRANDS)
        elif chance < 0.35:
            text = ""
        yield text, of
