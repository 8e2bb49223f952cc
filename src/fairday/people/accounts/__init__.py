"""Member accounts: streams that own value (points, stored value) by unit, double entry in the ledger.

Value hangs on an account, never on a person. Identity joins accounts to people through their ids and takes them apart
again, and moves nothing; only ``account.merge`` does, an explicit command on both accounts. The rules stand in
docs/algorithms/rewards.md.
"""

from fairday.people.accounts.claims import EarningClaim, PointsClaim
from fairday.people.accounts.merging import Foreseen, Merged, Merging, Moves
from fairday.people.accounts.paying import paid_back, paid_in, paid_out
from fairday.people.accounts.records import (
    account_of,
    accounts_in,
    accounts_of,
    attach,
    attach_first,
    balances,
    member_accounts,
    merge_command,
    register,
)
from fairday.people.accounts.rules import DEADLINE_COMMAND, MAX_UNITS, MERGE, AccountDecider
from fairday.people.accounts.tiers import Level, Program

__all__ = [
    "DEADLINE_COMMAND",
    "MAX_UNITS",
    "MERGE",
    "AccountDecider",
    "EarningClaim",
    "Foreseen",
    "Level",
    "Merged",
    "Merging",
    "Moves",
    "PointsClaim",
    "Program",
    "account_of",
    "accounts_in",
    "accounts_of",
    "attach",
    "attach_first",
    "balances",
    "member_accounts",
    "merge_command",
    "paid_back",
    "paid_in",
    "paid_out",
    "register",
]
