"""A replay as text for a terminal."""

from __future__ import annotations

from fairday.insight.replay.model import Replay
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
