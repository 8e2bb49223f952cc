"""WeChat Pay's trade bill: CSV whose fields begin with a back quote, a table of lines and a table of sums.

Source: WeChat Pay merchant documentation, "Apply for the trade bill" (bill_type ALL).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal

from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major, minor
from fairday.trade.payment.model import BillLine

COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型",
    "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额",
    "充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额",
    "费率备注",
)  # fmt: skip
SUMS = (
    "总交易单数",
    "应结订单总金额",
    "退款总金额",
    "充值券退款总金额",
    "手续费总金额",
    "订单总金额",
    "申请退款总金额",
)


def parse(text: str) -> list[BillLine]:
    """The lines of a bill.

    Raises:
        FairdayError: it is none, or its own sums do not fit its lines.
    """
    try:
        read = list(csv.reader(text.lstrip("\ufeff").splitlines()))
    except csv.Error:
        raise _unreadable("it is no table") from None
    rows = [[field.strip().removeprefix("`") for field in row] for row in read]
    rows = [row for row in rows if any(row)]
    end = next((i for i, row in enumerate(rows) if row[0] == SUMS[0]), None)
    if not rows or end is None or len(rows) < end + 2 or "商户订单号" not in rows[0]:
        raise _unreadable("it has not the two tables of a bill")
    found = [_line(dict(zip(rows[0], row, strict=False))) for row in rows[1:end]]
    sums = dict(zip(rows[end], rows[end + 1], strict=False))
    if sums.get(SUMS[0]) != str(len(found)):
        raise _unreadable("it says another number of lines than it has")
    return found


def _line(row: dict[str, str]) -> BillLine:
    try:
        currency, fee = row["货币种类"], minor(row["手续费"], row["货币种类"])
        if row["交易状态"] == "REFUND":
            amount = minor(row.get("申请退款金额") or row["退款金额"], currency)
            return BillLine(kind="refund", number=row["商户退款单号"], amount=amount, currency=currency,
                            trade=row["微信退款单号"], fee=fee)  # fmt: skip
        amount = minor(row.get("订单金额") or row["应结订单金额"], currency)
        return BillLine(kind="payment", number=row["商户订单号"], amount=amount, currency=currency,
                        trade=row["微信订单号"], fee=fee)  # fmt: skip
    except KeyError as error:
        raise _unreadable(f"a line has no {error.args[0]}")


def _unreadable(why: str) -> FairdayError:
    return FairdayError(f"The bill cannot be read: {why}.", code="bad_bill", remedy="Fetch it again.")


def write(lines: Sequence[tuple[BillLine, str, str, str]], mchid: str, appid: str) -> str:
    """A bill as the provider's side writes it: lines with their time, trade number and trade type."""
    rows = [",".join(COLUMNS)]
    taken = back = fees = Decimal(0)
    for line, at, trade, kind in lines:
        amount, fee = major(line.amount, line.currency), major(line.fee, line.currency)
        refund = line.kind == "refund"
        fields = dict.fromkeys(COLUMNS, "") | {
            "交易时间": at, "公众账号ID": appid, "商户号": mchid, "特约商户号": "0", "微信订单号": trade,
            "商户订单号": line.number.partition("-")[0], "交易类型": kind,
            "交易状态": line.kind.upper() if refund else "SUCCESS",
            "付款银行": "OTHERS", "货币种类": line.currency, "应结订单金额": "0.00" if refund else f"{amount:.2f}",
            "代金券金额": "0.00", "微信退款单号": line.trade if refund else "0",
            "商户退款单号": line.number if refund else "0",
            "退款金额": f"{amount:.2f}" if refund else "0.00", "充值券退款金额": "0.00",
            "退款类型": "ORIGINAL" if refund else "", "退款状态": "SUCCESS" if refund else "", "手续费": f"{fee:.5f}",
            "费率": "0.60%", "订单金额": "0.00" if refund else f"{amount:.2f}",
            "申请退款金额": f"{amount:.2f}" if refund else "0.00",
        }  # fmt: skip
        rows.append(",".join(f"`{value}" for value in fields.values()))
        taken, back, fees = (taken, back + amount, fees + fee) if refund else (taken + amount, back, fees + fee)
    sums = (str(len(lines)), f"{taken:.2f}", f"{back:.2f}", "0.00", f"{fees:.5f}", f"{taken:.2f}", f"{back:.2f}")
    return "\ufeff" + "\r\n".join([*rows, ",".join(SUMS), ",".join(f"`{value}" for value in sums)]) + "\r\n"
