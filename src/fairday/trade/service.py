"""Orders as a service: ``shop.orders``. Commands in, answers out; reading what stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete

from fairday.kernel.claims import Claim
from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer, Command, Refusal, Row, State
from fairday.kernel.errors import NotFound
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state
from fairday.trade import border, placers
from fairday.trade.border import AllowanceClaim, AllowanceDecider, CrossBorder
from fairday.trade.modes import B2C, Mode
from fairday.trade.paying import OrderPayable, PaymentClaim
from fairday.trade.records import Contact, Ids, contact_of, contacts, keep_contact, parcels
from fairday.trade.refunds import Refund, preview
from fairday.trade.steps import Steps


class Orders:
    """Orders of all modes.

    ``register_claim`` and ``register_mode`` are for the rooms that own what orders hold and the policies over them;
    ``payable`` is what a payment asks in its own transaction.
    """

    def __init__(self, db: Database, runner: Runner, clock: Clock, settings: Callable[[], Settings]) -> None:
        self.db = db
        self.runner = runner
        self.clock = clock
        self.settings = settings
        self.steps = Steps(runner)
        self.steps.register()
        self.register_mode(B2C())
        self.register_claim(PaymentClaim())
        self.register_mode(CrossBorder())
        self.register_claim(AllowanceClaim())
        runner.register(AllowanceDecider())
        runner.register_spanning(border.FORWARD)
        self.payable = OrderPayable(self.steps)

    def register_claim(self, claim: Claim) -> None:
        """Let orders hold things of this kind."""
        self.steps.claims.register(claim)

    def register_mode(self, mode: Mode) -> None:
        """Let orders be placed in this mode."""
        self.steps.modes[mode.name] = mode

    def mode(self, state: State) -> Mode:
        """The mode that an order was placed in."""
        return self.steps.mode(state["mode"])

    # ---- commands --------------------------------------------------------------------------------------------------

    def place(
        self,
        order: str,
        placing: Mapping[str, Any],
        contact: Contact,
        ids: Ids,
        *,
        actor: str,
        key: str | None = None,
        by: tuple[str, str] | None = None,
    ) -> Answer:
        """Place an order (``order:ID``); ``placing`` is told in ``docs/algorithms/orders.md``.

        Args:
            ids: (type, value) by which followers tell whose it is; proved ones, and what a guest wrote.
            by: the id it was priced for, where that is none of them; see ``placers``.
        """
        number, now = order.partition(":")[2], self.clock.now()
        with self.db.write() as conn:
            keep_contact(conn, number, contact, ids, now)
            if by is not None:
                placing = _with(placing, placers.note(conn, number, by, now))
        answer = self.runner.submit(Command("order.place", order, placing, actor, key))
        self.forget_unplaced(answer, order)
        return answer

    def exchange(
        self,
        order: str,
        into: str,
        units: Mapping[str, int],
        placing: Mapping[str, Any],
        *,
        actor: str,
        key: str | None = None,
        why: str = "",
        answers: str = "",
        restock: Mapping[str, int] | None = None,
    ) -> Answer:
        """Units of an order come back and other goods go out to the same buyer, paid for with what the first cost.

        Args:
            answers: the return it answers, "" for none.
            restock: returned units by line that are sold again; all where it is None.
        """
        number, now = into.partition(":")[2], self.clock.now()
        with self.db.write() as conn:
            contact, ids = contact_of(conn, order.partition(":")[2])
            keep_contact(conn, number, contact, ids, now)
            first = stream_state(conn, order)
            placed_in = None if first is None else first[1]["data"].get(placers.PLACED_IN)
            if placed_in is not None:
                placing = _with(placing, placers.again(conn, placed_in, number, now))
        data = {"into": into, "units": dict(units), "placing": placing, "why": why, "return": answers,
                "restock": restock, "gifts": "leave"}  # fmt: skip
        answer = self.runner.submit(Command("order.exchange", order, data, actor, key))
        self.forget_unplaced(answer, into)
        return answer

    def forget_parcel(self, parcel: str) -> None:
        """Let go of a parcel that did not leave."""
        with self.db.write() as conn:
            conn.execute(delete(parcels).where(parcels.c.parcel == parcel))

    def forget_unplaced(self, answer: Answer, order: str) -> None:
        """Let go of what was kept of an order's buyer where the order was refused."""
        if not answer.ok and self.state(order) is None:
            with self.db.write() as conn:
                conn.execute(delete(contacts).where(contacts.c.id == order.partition(":")[2]))

    def act(
        self, name: str, order: str, data: Mapping[str, Any] | None = None, *, actor: str, key: str | None = None,
        rows: Sequence[Row] = (),
    ) -> Answer:  # fmt: skip
        """A step of an order: ``order.ship``, ``order.cancel``, ``order.refund`` … with its data.

        Args:
            rows: written with it, unless it is refused.
        """
        return self.runner.submit(Command(name, order, data or {}, actor, key, rows))

    # ---- reading ---------------------------------------------------------------------------------------------------

    def state(self, order: str) -> State | None:
        """An order's state, None where there is no such order."""
        with self.db.read() as conn:
            found = stream_state(conn, order)
        return None if found is None else found[1]

    def preview(self, order: str, units: Mapping[str, int], **more: Any) -> Refund | Refusal:
        """What a refund would give back; arguments as of ``refunds.preview``.

        Raises:
            NotFound: no such order.
        """
        state = self.state(order)
        if state is None:
            raise NotFound("There is no such order.", code="no_such_order")
        return preview(order, state, units, **more)


def _with(placing: Mapping[str, Any], placed_in: str | None) -> Mapping[str, Any]:
    """A placing that names the happening of who placed it."""
    return placing if placed_in is None else {**placing, "data": {**placing["data"], placers.PLACED_IN: placed_in}}
