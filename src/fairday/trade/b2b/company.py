"""A company that buys: ``company:<id>``, who belongs to it, in which role and up to what amount. Pure.

Somebody joins by an invitation that was handed to them; only its digest is kept, and it serves once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State

Role = Literal["buyer", "approver", "admin"]
"""Buys up to a limit; also approves what others want beyond theirs; also says who belongs to the company."""

ROLES: tuple[Role, ...] = get_args(Role)
MOST_MEMBERS = 200
MOST_INVITED = 50
INVITED_MS = 14 * DAY_MS
MOST = 10**12
COMPANY = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")


def stream_of(company: str) -> str:
    """The stream of a company's id."""
    return f"company:{company}"


class CompanyDecider(BaseDecider):
    """The rules of ``company:<id>``.

    Commands: ``open`` {name, tax_number}, ``rename`` the same, ``invite`` {digest, role, limit}, ``join`` {digest,
    account}, ``appoint`` {account, role, limit}, ``remove`` {account}. ``by`` in the data is the account of the admin
    who asks, None for the shop. ``limit``: the most an order may cost without approval, minor units; None: no limit.
    """

    kind = "company"
    max_state_bytes = 32_768

    def initial(self) -> State:
        return {"name": "", "members": {}, "invited": {}}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data = command.data
        if command.name == "open":
            if state["name"]:
                return Refusal("company_exists", "There is a company of that id already.")
            if not COMPANY.fullmatch(command.stream.partition(":")[2]):
                return Refusal("bad_company_id", "A company's id has 3 to 40 small letters, digits and hyphens.")
            return _named("Company Opened", data)
        if not state["name"]:
            return Refusal("no_such_company", "There is no such company.")
        rule = _RULES.get(command.name)
        if rule is None:
            return Refusal("unknown_command", f"A company knows no command {command.name!r}.")
        by = data.get("by")
        if by is not None and command.name != "join" and role_of(state, by) != "admin":
            return Refusal("not_admin", "Only an admin of the company may do that.")
        return rule(state, data, now)

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        members, invited = dict(state["members"]), dict(state["invited"])
        match event.name:
            case "Company Opened" | "Company Renamed":
                return {**state, "name": data["name"], "tax_number": data["tax_number"]}
            case "Member Invited":
                invited = {k: v for k, v in invited.items() if v[2] > data["at"]}
                invited[data["digest"]] = [data["role"], data["limit"], data["until"]]
            case "Member Joined" | "Member Appointed":
                members[data["account"]] = [data["role"], data["limit"]]
                invited.pop(data.get("digest", ""), None)
            case "Member Removed":
                del members[data["account"]]
            case "Member Moved":
                del members[data["account"]]
                members[data["into"]] = [data["role"], data["limit"]]
        return {**state, "members": members, "invited": invited}

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        company, data = stream.partition(":")[2], event.data
        match event.name:
            case "Company Opened" | "Company Renamed":
                values = {"id": company, "name": data["name"], "tax_number": data["tax_number"], "updated_at": now}
                yield Row("companies", values)
            case "Member Joined" | "Member Appointed":
                yield Row("company_members", {"company": company, "account": data["account"], "role": data["role"]})
            case "Member Removed":
                yield Row("company_members", {"company": company, "account": data["account"], "role": ""})
            case "Member Moved":
                for account, role in ((data["account"], ""), (data["into"], data["role"])):
                    yield Row("company_members", {"company": company, "account": account, "role": role})
            case "Company Ordered":
                order = data["order"].partition(":")[2]
                yield Row("company_orders", {"id": order, "company": company, "account": data["account"],
                                             "due_at": data["due_at"], "placed_at": now})  # fmt: skip


def role_of(state: State, account: str) -> Role | None:
    """What somebody is in a company, None where they do not belong to it."""
    found = state["members"].get(account)
    return None if found is None else found[0]


def limit_of(state: State, account: str) -> int | None:
    """The most an order of a member may cost without approval, minor units; None: no limit."""
    limit: int | None = state["members"][account][1]
    return limit


def may_approve(state: State, account: str) -> bool:
    """Whether somebody may approve what others want."""
    return role_of(state, account) in ("approver", "admin")


def _named(event: str, data: Mapping[str, Any]) -> Sequence[Event] | Refusal:
    name, tax = data.get("name"), data.get("tax_number", "")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 120:
        return Refusal("bad_company_name", "A company's name has 1 to 120 characters.")
    if not isinstance(tax, str) or len(tax) > 40:
        return Refusal("bad_tax_number", "A tax number has at most 40 characters.")
    return [Event(event, {"name": name.strip(), "tax_number": tax.strip()})]


def _post(data: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """A role and its limit."""
    role, limit = data.get("role"), data.get("limit")
    if role not in ROLES:
        return Refusal("bad_role", f"A role is one of {', '.join(ROLES)}.")
    if limit is not None and (type(limit) is not int or not 0 <= limit <= MOST):
        return Refusal("bad_limit", "A limit is an amount of money, 0 or more.")
    return {"role": role, "limit": limit}


def _rename(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    return _named("Company Renamed", data)


def _invite(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    post = _post(data)
    if isinstance(post, Refusal):
        return post
    if sum(1 for x in state["invited"].values() if x[2] > now) >= MOST_INVITED:
        return Refusal("too_many_invited", f"At most {MOST_INVITED} invitations are open at a time.")
    return [Event("Member Invited", {"digest": str(data["digest"]), **post, "at": now, "until": now + INVITED_MS})]


def _join(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    found = state["invited"].get(str(data.get("digest")))
    if found is None or found[2] <= now:
        return Refusal("invitation_over", "This invitation has been used, or is too old.")
    if role_of(state, data["account"]) is not None:
        return Refusal("already_member", "You belong to this company already.")
    if len(state["members"]) >= MOST_MEMBERS:
        return Refusal("too_many_members", f"A company has at most {MOST_MEMBERS} members.")
    digest = str(data["digest"])
    return [Event("Member Joined", {"account": data["account"], "role": found[0], "limit": found[1], "digest": digest})]


def _appoint(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    post, account = _post(data), str(data.get("account"))
    if isinstance(post, Refusal):
        return post
    if role_of(state, account) is None:
        return Refusal("no_such_member", "Nobody of the company has that account.")
    if data.get("by") == account and post["role"] != "admin":
        return Refusal("own_role", "Another admin must take that from you.")
    same = [post["role"], post["limit"]] == state["members"][account]
    return [] if same else [Event("Member Appointed", {"account": account, **post})]


def _remove(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    account = str(data.get("account"))
    if role_of(state, account) is None:
        return []
    if data.get("by") == account:
        return Refusal("own_role", "Another admin must take that from you.")
    return [Event("Member Removed", {"account": account})]


_RULES = {"rename": _rename, "invite": _invite, "join": _join, "appoint": _appoint, "remove": _remove}


class SpendingClaim:
    """Who may order for a company, and up to what: ``Hold("spending", "company:ID", {account, amount, approved,
    due_at})``. ``approved``: the order's requisition was approved, which its own claim checks."""

    name = "spending"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        if turn.step != "place" or turn.n:
            return []
        account, amount = hold.data["account"], hold.data["amount"]
        if not state["name"] or role_of(state, account) is None:
            return Refusal("not_member", "You do not order for this company.")
        limit = limit_of(state, account)
        if limit is not None and amount > limit and not hold.data["approved"]:
            return Refusal("needs_approval", "This is above your limit: somebody must approve it.", {"limit": limit})
        said = {"order": turn.order, "account": account, "amount": amount, "due_at": hold.data["due_at"]}
        return [Event("Company Ordered", said)]
