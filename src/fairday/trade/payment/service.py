"""Payments of a shop: begun, told of, asked about, refunded. Rules are in ``decider``, words in the clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairday.kernel import ids
from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer, Command, State, kind_of
from fairday.kernel.errors import Conflict, FairdayError, NotFound, Unavailable
from fairday.kernel.settings import Settings
from fairday.people import accounts
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state
from fairday.trade.payment import balance, tables
from fairday.trade.payment.asking import closed, command_of, refunded
from fairday.trade.payment.config import Providers, at_home, notice_url
from fairday.trade.payment.decider import OPEN_REFUND, PaymentDecider
from fairday.trade.payment.model import (
    BALANCE,
    BY_HAND_MS,
    MANUAL,
    METHODS,
    PROVIDERS,
    Ask,
    Go,
    Outcome,
    Payable,
    Provider,
    number_of,
    stream_of,
)
from fairday.trade.payment.sandbox import Sandbox
from fairday.trade.payment.sandbox.alipay import AlipaySide
from fairday.trade.payment.sandbox.wechat import WechatSide
from fairday.trade.payment.settling import settle

log = logging.getLogger("fairday.payments")

NOTICE_BYTES = 65_536
"""A notice has a few kilobytes; a longer body is read no further."""
AT_ONCE = 20
"""Payments asked about in one round."""


@dataclass(frozen=True, slots=True)
class Started:
    """A payment that was begun: its id, and how the shopper goes on."""

    number: str
    go: Go


class Payments:
    """All payments of a shop.

    What can be paid for registers its rules with ``register_payable``. ``tick`` is to be called about every second.
    """

    def __init__(self, db: Database, runner: Runner, clock: Clock, settings: Callable[[], Settings]) -> None:
        self.db = db
        self.runner = runner
        self.clock = clock
        self.settings = settings
        self.payables: dict[str, Payable] = {}
        self.sandbox = Sandbox(db, clock)
        self.wechat_side = WechatSide(self.sandbox)
        self.alipay_side = AlipaySide(self.sandbox)
        self.providers = Providers(settings, self.sandbox, clock.now)
        runner.register(PaymentDecider())
        runner.register_spanning(settle(self.payables))
        runner.register_spanning(balance.pay(self.payables))
        runner.register_spanning(balance.GIVE_BACK)
        self.register_payable("account", balance.AccountPayable())

    def register_payable(self, kind: str, payable: Payable) -> None:
        """Let streams of a kind be paid for."""
        self.payables[kind] = payable

    def methods(self, currency: str, *, at_till: bool = False, balance: bool = False) -> list[str]:
        """The methods offered for an amount of a currency, in the merchant's order; cash and card only at a till, the
        ``balance`` only to a member who has enough of it."""
        here = set(self.providers.offered()) if currency == "CNY" else set()
        here |= set(MANUAL) if at_till else {"bank_transfer"}
        here |= {BALANCE} if balance else set()
        return [m for m in self.settings().payments.methods if m in here]

    # ---- beginning ---------------------------------------------------------------------------------------------------

    def begin(
        self, pays: str, method: str, channel: str, amount: int, currency: str, *, subject: str, actor: str,
        account: str | None = None, return_path: str = "", payer: str = "", address: str = "", number: str = "",
    ) -> Started:  # fmt: skip
        """Begin a payment for a stream. Blocks on the provider.

        Args:
            pays: what is paid for ("order:01J…"); its kind is registered.
            method, channel: see ``model.METHODS`` and ``model.CHANNELS``.
            amount: minor units, from what is paid for and never from the shopper.
            return_path: where on the shop's pages the shopper comes back to; the payment's page without it.
            payer, address: openid (jsapi) and network address (h5), told to the provider and not kept.
            number: the id of a payment begun before, to go on with it; a new one without.

        Raises:
            FairdayError: it cannot be paid so; nothing was begun.
            Unavailable: the provider did not answer clearly. The payment is kept and asked about; try to go on with it.
        """
        if kind_of(pays) not in self.payables:
            raise FairdayError(f"{pays!r} cannot be paid for.", code="unknown_payable", where="pays")
        if (
            method not in METHODS
            or method == BALANCE
            or (method in PROVIDERS and channel not in self._provider(method).channels)
        ):
            raise FairdayError("There is no such way to pay.", code="bad_method", where="method",
                               remedy=f"Known: {', '.join(METHODS)}.")  # fmt: skip
        now = self.clock.now()
        number = number or ids.new_id(now)
        kept = self.state(number)
        lasts = BY_HAND_MS if method in MANUAL else self.settings().payments.minutes * 60_000
        expires = kept["expires"] if kept is not None else now + lasts
        data = {"pays": pays, "method": method, "channel": channel, "amount": amount, "currency": currency,
                "account": account, "expires": expires}  # fmt: skip
        _said(self.runner.submit(Command("request", stream_of(number), data, actor)))
        if method in MANUAL:
            return Started(number, Go(kind="manual"))
        go = self._provider(method).begin(self._ask_of(number, data, subject, return_path, payer, address))
        self.runner.submit(Command("prepared", stream_of(number), {}, actor))
        return Started(number, go)

    def spend(
        self, pays: str, amount: int, currency: str, *, account: str, actor: str, number: str = "", minutes: int = 5
    ) -> Started:
        """Pay for a stream from a member's balance, at once; sent again with its number it is paid once.

        Args:
            pays, amount, currency: as of ``begin``.
            account: the member's ("account:ID"), who has proved to be it.

        Raises:
            Conflict: too little is left, or it cannot be paid for any more; nothing happened.
        """
        now = self.clock.now()
        number = number or ids.new_id(now)
        kept = self.state(number)
        data = {"pays": pays, "method": BALANCE, "channel": "", "amount": amount, "currency": currency,
                "account": account, "expires": kept["expires"] if kept else now + minutes * 60_000}  # fmt: skip
        _said(self.runner.submit(Command("payment.balance", stream_of(number), data, actor)))
        return Started(number, Go(kind="redirect"))

    def spend_part(self, pays: str, amount: int, currency: str, *, account: str, actor: str) -> int:
        """Pay a part of what is due from a member's balance, as much as it has; the rest is paid otherwise.

        A stream takes one such part, however often it is asked for. Where the rest does not come, what is paid for
        ends unpaid and gives this part back.

        Args:
            amount: what is due, minor units; a balance that has all of it pays nothing here.

        Returns:
            What was paid now, minor units; 0 where the balance has nothing, or it was paid before.
        """
        with self.db.read() as conn:
            has = accounts.balances(conn, account).get(currency, 0)
        if not 0 < has < amount:
            return 0
        try:
            self.spend(pays, has, currency, account=account, actor=actor, number=ids.digest("part", pays)[:26])
        except Conflict:  # spent elsewhere meanwhile, or paid before
            return 0
        return has

    def _ask_of(
        self, number: str, data: Mapping[str, Any], subject: str, return_path: str, payer: str, address: str
    ) -> Ask:
        base = self.settings().public_url
        if data["method"] in self.providers.live and at_home(self.settings()):
            raise FairdayError(
                "The provider cannot reach this shop to say that money came.",
                code="not_public",
                where="public_url",
                remedy="Set the address under which the shop is reached from outside.",
            )
        return Ask(
            number=number, subject=subject or self.settings().name, amount=data["amount"], currency=data["currency"],
            expires=data["expires"], channel=data["channel"], notify_url=notice_url(base, data["method"]),
            return_url=f"{base}{return_path or f'/pay/{number}'}", payer=payer, address=address,
        )  # fmt: skip

    def go_on(self, number: str, *, subject: str = "", payer: str = "", address: str = "") -> Go:
        """How a shopper goes on with a payment that was begun and is not over. Blocks on the provider.

        Raises:
            NotFound: no such payment.
            Conflict: it is over.
            Unavailable: the provider did not answer clearly.
        """
        state = self._known(number)
        if state["status"] not in ("requested", "pending", "failed") or self.clock.now() >= state["expires"]:
            raise Conflict("This payment is over.", code="payment_over")
        if state["method"] in MANUAL:
            return Go(kind="manual")
        asked = self._ask_of(number, state, subject, "", payer, address)
        return self._provider(state["method"]).begin(asked)

    # ---- what providers say ------------------------------------------------------------------------------------------

    async def receive(self, name: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A notice of a provider: believed only after its signature, counted once. One command.

        Raises:
            Forged: it is not to be believed.
            FairdayError: no such provider here.
            Unavailable: it could not be checked or kept now; the provider will tell again.
        """
        provider = self._provider(name)
        # Signatures, and fetching the provider's certificates, are nothing for the event loop.
        told = await asyncio.to_thread(provider.notice, headers, body, self.clock.now())
        return await self.runner.send(command_of(told, name))

    def ask(self, number: str) -> State:
        """Ask the provider about a payment now; gives the state after. Blocks.

        Raises:
            NotFound: no such payment.
            Unavailable: the provider did not answer clearly.
            ProviderRefused: it will not say.
        """
        state = self._known(number)
        if state["method"] in MANUAL:
            return state
        if state["method"] == BALANCE:
            for refund, kept in state["refunds"].items():
                if kept["status"] in OPEN_REFUND:
                    self.runner.submit(Command("payment.give_back", stream_of(number), {"refund": refund}, "balance"))
            return self._known(number)
        provider = self._provider(state["method"])
        if state["status"] in ("requested", "pending", "failed"):
            said = provider.query(number)
            if said.state in ("pending", "failed") and self.clock.now() >= state["expires"]:
                said = closed(provider, number)
            self.runner.submit(command_of(said, "query"))
        for refund, kept in state["refunds"].items():
            if kept["status"] in OPEN_REFUND:
                back = refunded(provider, number, refund, kept, state)
                self.runner.submit(command_of(back, "query"))
        return self._known(number)

    def close(self, number: str) -> State:
        """Give a payment up that nobody made, at the provider too. Blocks.

        Raises:
            NotFound: no such payment.
            Unavailable: the provider did not answer clearly; it is asked again by itself.
        """
        state = self._known(number)
        if state["status"] in ("requested", "pending", "failed"):
            manual = state["method"] not in PROVIDERS
            said = Outcome(number=number, state="closed") if manual else closed(self._provider(state["method"]), number)
            self.runner.submit(command_of(said, "close"))
        return self._known(number)

    def give_up(self, pays: str) -> None:
        """Close every payment of a stream that nobody made: it was cancelled, or another payment came. Blocks.

        Where a provider does not answer clearly, it is asked again by itself; money that still comes goes back.
        """
        with self.db.read() as conn:
            found = [row.stream for row in tables.of(conn, pays) if row.status in ("requested", "pending", "failed")]
        for stream in found:
            try:
                self.close(number_of(stream))
            except Unavailable as error:
                log.warning("%s: %s (%s)", stream, error.message, error.code)

    # ---- by hand -----------------------------------------------------------------------------------------------------

    def confirm(self, number: str, reference: str, actor: str) -> State:
        """Somebody of the shop has the money: cash in the drawer, a transfer on the statement, a card's slip.

        Args:
            reference: the receipt's, statement's or slip's number; kept as the trade's number.

        Raises:
            NotFound, Conflict: no such payment, or its provider says when it is paid.
            FairdayError: no reference.
        """
        state = self._known(number)
        if state["method"] not in MANUAL:
            raise Conflict("Its provider says when it is paid.", code="not_by_hand")
        if not 0 < len(reference.strip()) <= 64:
            raise FairdayError("Write the receipt's number.", code="no_reference", where="reference")
        said = {"state": "succeeded", "amount": state["amount"], "currency": state["currency"],
                "trade": reference.strip(), "at": self.clock.now()}  # fmt: skip
        _said(self.runner.submit(Command("payment.settle", stream_of(number), said, actor)))
        return self._known(number)

    def refund(self, number: str, refund: str, amount: int, why: str, actor: str) -> State:
        """Give a part of a payment back that belongs to no step of an order. Sent by the next ``tick``.

        Raises:
            NotFound: no such payment.
            Conflict: more than is left, or not paid; or it is money of an order, which goes back through that.
        """
        data = {"refund": refund, "amount": amount, "why": why}
        _said(self.runner.submit(Command("refund", stream_of(number), data, actor)))
        return self._known(number)

    def refund_again(self, number: str, refund: str, actor: str) -> State:
        """Ask once more for a refund that the provider would not make.

        Raises:
            NotFound: no such payment, or no such refund that failed.
        """
        _said(self.runner.submit(Command("refund.again", stream_of(number), {"refund": refund}, actor)))
        return self._known(number)

    def paid_back(self, number: str, refund: str, reference: str, actor: str) -> State:
        """Somebody of the shop has given the money of a refund back by hand.

        Raises:
            NotFound, Conflict: no such refund, or its provider says when it is done.
        """
        state = self._known(number)
        kept = state["refunds"].get(refund)
        if state["method"] not in MANUAL:
            raise Conflict("Its provider says when it is done.", code="not_by_hand")
        if kept is None:
            raise NotFound("There is no such refund.", code="refund_unknown")
        data = {"refund": refund, "state": "succeeded", "amount": kept["amount"], "trade": reference.strip()[:64],
                "at": self.clock.now()}  # fmt: skip
        _said(self.runner.submit(Command("refund.outcome", stream_of(number), data, actor)))
        return self._known(number)

    # ---- by itself ---------------------------------------------------------------------------------------------------

    def tick(self) -> int:
        """Ask about what is due and, in the sandbox, tell what is due; how many payments were asked about.

        Several processes may do so: a question is taken by one command before it is asked.
        """
        now, asked = self.clock.now(), 0
        with self.db.read() as conn:
            found = tables.due(conn, now, AT_ONCE)
        for stream, at in found:
            if not self.runner.submit(Command("ask", stream, {"at": at}, "payments")).ok:
                continue
            asked += 1
            try:
                self.ask(number_of(stream))
            except FairdayError as error:
                # Not known, so not assumed: the next question has been set.
                log.warning("%s: %s (%s)", stream, error.message, error.code)
        if self.providers.sandboxed:
            self.sandbox.deliver_due()
        return asked

    def state(self, number: str) -> State | None:
        """A payment's state, or None."""
        with self.db.read() as conn:
            found = stream_state(conn, stream_of(number))
        return None if found is None else found[1]

    def _known(self, number: str) -> State:
        state = self.state(number)
        if state is None:
            raise NotFound("There is no such payment.", code="payment_unknown")
        return state

    def _provider(self, name: str) -> Provider:
        return self.providers.get(name)


def _said(answer: Answer) -> Answer:
    """An answer that is no refusal.

    Raises:
        NotFound, Conflict: what the rules said.
    """
    refusal = answer.refusal
    if refusal is not None:
        kind = NotFound if refusal.code in ("payment_unknown", "refund_unknown") else Conflict
        raise kind(refusal.message, code=refusal.code)
    return answer


__all__ = ["NOTICE_BYTES", "Payments", "Started"]
