"""A replay as text for a terminal."""

from __future__ import annotations

from fairday.insight.replay.model import Replay
from fairday.insight.replay.repriced import Repriced
from fairday.kernel.clock import to_date
from fairday.kernel.money import major

NOTES = {
    "joined_today": "Who is one person is taken as it is known today.",
    "moment": "A day counts where its moment may have been by the clock; weather and place are not asked.",
    "came": "Somebody came who did anything at all that day: a visit, an order in the store.",
    "mail_rule": "Mail passes the contact rule with this scene's own mails alone; addresses are those of today.",
    "consent_since": "{n} more mails with the consent given since.",
    "catalogue_today": "Goods, prices and categories are today's; what was popular and personal is of each day.",
    "goods_sample": "The goods shown are worked out for {n} pages, spread over the days.",
    "told_later": "Of {n} ids something the scene asks was told only later, and is not known in those days.",
    "told_today": "What people told of themselves is taken as it is known today.",
    "trait_unknown": "{trait} is not known of earlier days.",
    "offers_unpriced": "Coupons, points, free shipping and group prices are not in the cost.",
}
"""What was taken as it is today, or left out, by code."""


def in_words(found: Replay, currency: str, width: int = 40) -> list[str]:
    """The lines of a replay."""

    def money(amount: int) -> str:
        return f"{major(amount, currency):,} {currency}"

    lines = [f"{found.scene}, had it run from {to_date(found.first)} to {to_date(found.last)}", ""]
    lines.append(f"It would have met {found.people:,} people on pages ({found.held:,} held out),")
    lines.append(
        f"and sent {found.mails:,} mails to {found.mailed:,}; at most {found.mails_at_most:,} by today's consent."
    )
    cost = found.cost
    capped = "" if cost.budget is None or cost.mails + cost.offers <= cost.budget else ", its budget"
    lines.append(f"At most {money(cost.total)}{capped}: mails {money(cost.mails)}, offers {money(cost.offers)}.")
    most = max((d.met + d.mailed for d in found.days), default=0)
    shown = [d for d in found.days if d.phase]
    if most:
        lines += ["", "People met and mailed by day"]
        for day in shown:
            bar = "█" * -(-day.met * width // most) + "▒" * -(-day.mailed * width // most)
            lines.append(f"  {to_date(day.day)} {day.phase:10} {day.met:6,} {day.mailed:6,}  {bar}")
    for floor in found.floors:
        goods = ", ".join(g.title for g in floor.goods) or "nothing"
        lines += ["", f"Floor {floor.number} ({floor.title.get('en')}): {goods}"]
        bought = f"{floor.people:,} bought {floor.units:,} of its goods for {money(floor.amount)}"
        lines.append(f"  Anyway, without the scene, {bought}.")
    lines += ["", f"Whom it would have reached placed {found.orders:,} orders of {money(found.revenue)} in those days."]
    lines.append("That is no effect of the scene: nobody met it.")
    lines += [f"  - {NOTES[note.code].format(**note.values)}" for note in found.notes]
    return lines


REPRICED_NOTES = {
    "same_baskets": "The same people buy the same goods: nobody buys more, or comes because of it.",
    "paid_prices": "Carts are taken at the prices that were paid; what had been taken off them stays off.",
    "alone": "No other promotion is taken to have run beside it.",
    "beside": "{n} promotions of today are taken to have run, with and without it.",
    "everybody_held": "Everybody has the coupon and uses it on the first cart it takes something off: more cannot be.",
    "known_then": "Whom it is for is asked of what was known of them on that day.",
    "limits_held": "Its limits are held, in the order in which the orders came.",
    "paying_untold": "How the orders were paid is not known: any way of paying counts.",
    "orders_bare": "{n} orders without goods are left out.",
    "orders_foreign": "{n} orders in other currencies are left out.",
    "orders_doubled": "{n} orders were told twice and count once.",
    "trait_unknown": "{trait} is not known of earlier days.",
}
"""What a repricing takes for granted, by code."""

_GROUPS = {"first": "first orders", "some": "1 to 4 orders before", "regular": "5 and more", "unknown": "nobody known"}


def repriced_in_words(found: Repriced, currency: str) -> list[str]:
    """The lines of a repricing."""

    def money(amount: int) -> str:
        return f"{major(amount, currency):,} {currency}"

    lines = [f"{', '.join(found.rules)}, had it run from {to_date(found.first)} to {to_date(found.last)}", ""]
    share = found.touched.was / found.carts if found.carts else 0
    lines.append(f"It would have touched {found.touched.was:,} of {found.carts:,} carts ({share:.1%}),")
    lines.append(f"of {found.buyers:,} people, and taken {money(found.given.was)} off {money(found.before)}.")
    lines.append(f"Another year like it: {money(found.given.low)} to {money(found.given.high)}, 8 times in 10.")
    if found.gifts:
        lines.append(f"Gifts: {found.gifts:,} pieces, {money(found.gift_cost)}.")
    after = found.margin_after
    lines += ["", f"Margin at {found.margin} %: {money(found.margin_before)} becomes {money(after.was)}"
              f" ({money(after.low)} to {money(after.high)})."]  # fmt: skip
    if found.needed is None:
        lines.append("No number of further carts would pay for it.")
    elif found.touched.was:
        lines.append(f"It pays for itself from {found.needed:.1%} more such carts on.")
    for group in found.groups:
        name = _GROUPS[group.group]
        lines.append(f"  {name:22} {group.people:7,} people {group.carts:7,} carts  {money(group.given)}")
    for one in found.examples:
        lines += ["", f"  {to_date(one.day)}: {money(one.paid)} becomes {money(one.after)}"]
        lines += [f"    {x.qty} × {x.title}: {money(x.paid)} → {money(x.after)}" for x in one.lines]
    lines.append("")
    return lines + [f"  - {REPRICED_NOTES[note.code].format(**note.values)}" for note in found.notes]
