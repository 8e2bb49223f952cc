"""Alipay's trade bill: a ZIP of CSV files in GBK, the lines between two marked comments.

Source: Alipay open platform documentation, alipay.data.dataservice.bill.downloadurl.query, bill_type trade.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Sequence
from decimal import Decimal

from fairday.kernel.errors import FairdayError
from fairday.kernel.money import minor
from fairday.trade.payment.alipay.wire import CURRENCY, yuan
from fairday.trade.payment.model import BillLine

COLUMNS = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称", "操作员",
    "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）",
    "商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号",
    "服务费（元）", "分润（元）", "备注",
)  # fmt: skip
DETAILS = "业务明细.csv"
MOST_PLAIN = 200_000_000
_AMOUNT, _FEE = "订单金额（元）", "服务费（元）"


def parse(raw: bytes) -> list[BillLine]:
    """The lines of a bill's ZIP.

    Raises:
        FairdayError: it is none, it is too large, or it is cut off.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            infos = [(_name(info), info) for info in archive.infolist()]
            found = [info for name, info in infos if name.endswith(DETAILS)]
            if len(found) != 1 or found[0].file_size > MOST_PLAIN:
                raise _unreadable("it holds not one list of trades")
            with archive.open(found[0]) as file:
                text = file.read(MOST_PLAIN).decode("gb18030")
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError, OSError):
        raise _unreadable("it is damaged")
    lines = text.splitlines()
    if not any(line.startswith("#") and "列表结束" in line for line in lines):
        raise _unreadable("its end is missing")
    try:
        read = list(csv.reader(line for line in lines if not line.startswith("#")))
    except csv.Error:
        raise _unreadable("it is no table") from None
    rows = [[field.strip() for field in row] for row in read]
    rows = [row for row in rows if any(row)]
    if not rows or "商户订单号" not in rows[0]:
        raise _unreadable("it has no heading")
    return [_line(dict(zip(rows[0], row, strict=False))) for row in rows[1:]]


def _name(info: zipfile.ZipInfo) -> str:
    """A file's name in the archive, which is GBK where nothing says UTF-8."""
    if info.flag_bits & 0x800:
        return info.filename
    return info.filename.encode("cp437").decode("gb18030", "replace")


def _line(row: dict[str, str]) -> BillLine:
    try:
        refund = row["业务类型"] == "退款"
        number = row["退款批次号/请求号"] if refund else row["商户订单号"]
        fee = -minor(Decimal(row.get(_FEE) or "0"), CURRENCY)  # what was paid stands as a negative amount
        amount = abs(minor(row[_AMOUNT], CURRENCY))
        return BillLine(
            kind="refund" if refund else "payment",
            number=number,
            amount=amount,
            currency=CURRENCY,
            trade=row["支付宝交易号"],
            fee=fee,
        )
    except KeyError as error:
        raise _unreadable(f"a line has no {error.args[0]}")
    except ArithmeticError:
        raise _unreadable("a line has no amount")


def _unreadable(why: str) -> FairdayError:
    return FairdayError(f"The bill cannot be read: {why}.", code="bad_bill", remedy="Fetch it again.")


def write(lines: Sequence[tuple[BillLine, str, str]], account: str) -> bytes:
    """A bill as the platform's side writes it: lines with their time and subject."""
    rows = [",".join(COLUMNS)]
    for line, at, subject in lines:
        refund, sign = line.kind == "refund", "-" if line.kind == "refund" else ""
        fields = dict.fromkeys(COLUMNS, "") | {
            "支付宝交易号": line.trade, "商户订单号": line.number.partition("-")[0],
            "业务类型": "退款" if refund else "交易", "商品名称": subject.replace(",", " "),
            "创建时间": at, "完成时间": at, "对方账户": "*(***@sandbox)",
            _AMOUNT: sign + yuan(line.amount), "商家实收（元）": sign + yuan(line.amount),
            "退款批次号/请求号": line.number if refund else "", _FEE: f"{-Decimal(line.fee) / 100:.2f}",
        }  # fmt: skip
        rows.append(",".join(f"{value}\t" for value in fields.values()))
    text = "\r\n".join([
        "#支付宝业务明细查询", f"#账号：[{account}]", "#----------------业务明细列表----------------",
        *rows, "#----------------业务明细列表结束------------", "",
    ])  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (f"{account}_{DETAILS}", text),
            (f"{account}_业务明细(汇总).csv", "#支付宝业务汇总查询\r\n"),
        ):
            archive.writestr(zipfile.ZipInfo(name), content.encode("gb18030"))
    return out.getvalue()
