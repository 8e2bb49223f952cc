"""What mails about orders say, in each language. Pure."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "paid.subject": {"zh": "订单 {number} 已确认", "en": "Your order {number} is confirmed",
                     "es": "Tu pedido {number} está confirmado"},
    "paid.heading": {"zh": "谢谢您", "en": "Thank you", "es": "Gracias"},
    "paid.heading.name": {"zh": "谢谢您，{name}", "en": "Thank you, {name}", "es": "Gracias, {name}"},
    "paid.came": {"zh": "您的付款 {amount} 已收到。", "en": "Your payment of {amount} has arrived.",
                  "es": "Hemos recibido tu pago de {amount}."},
    "paid.account": {"zh": "订单已记入您的账期，金额 {amount}。", "en": "The order of {amount} is on your account.",
                     "es": "El pedido de {amount} queda en tu cuenta."},
    "paid.then.ship": {"zh": "发货后我们会再写信告诉您。", "en": "We will write again when it is on its way.",
                       "es": "Te escribiremos cuando salga."},
    "paid.then.pickup": {"zh": "备好后我们会再写信，到时凭取货码来取。",
                         "en": "We will write again with your code when it is ready to collect.",
                         "es": "Te escribiremos con tu código cuando puedas recogerlo."},
    "shipped.subject": {"zh": "订单 {number} 已发货", "en": "Your order {number} is on its way",
                        "es": "Tu pedido {number} está en camino"},
    "shipped.heading": {"zh": "包裹已经出发", "en": "Your parcel is on its way", "es": "Tu paquete está en camino"},
    "shipped.by": {"zh": "由{carrier}承运，单号 {tracking}。", "en": "{carrier} has it, under the number {tracking}.",
                   "es": "Lo lleva {carrier}, con el número {tracking}."},
    "shipped.plain": {"zh": "它正在送往您的地址。", "en": "It is going to your address.",
                      "es": "Va hacia tu dirección."},
    "shipped.more": {"zh": "还有 {n} 件随后发出。", "en": "Still to follow: {n}.", "es": "Faltan por salir: {n}."},
    "ready.subject": {"zh": "订单 {number} 可以取货了", "en": "Order {number} is ready to collect",
                      "es": "Ya puedes recoger el pedido {number}"},
    "ready.heading": {"zh": "来取您的订单吧", "en": "Come and collect it", "es": "Ven a recogerlo"},
    "ready.code": {"zh": "取货时请出示取货码", "en": "Show this code at the counter",
                   "es": "Enseña este código en el mostrador"},
    "cancelled.subject": {"zh": "订单 {number} 已取消", "en": "Order {number} was cancelled",
                          "es": "El pedido {number} se ha cancelado"},
    "cancelled.heading": {"zh": "订单已取消", "en": "Your order was cancelled", "es": "Tu pedido se ha cancelado"},
    "cancelled.unpaid": {"zh": "没有在时限内收到付款，所以订单已经关闭，您没有被扣款。",
                         "en": "No payment came in time, so the order was closed. You were charged nothing.",
                         "es": "El pago no llegó a tiempo y cerramos el pedido. No se te ha cobrado nada."},
    "cancelled.free": {"zh": "您没有被扣款。", "en": "You were charged nothing.", "es": "No se te ha cobrado nada."},
    "back": {"zh": "{amount} 将按您付款的方式退回，到账可能需要几天。",
             "en": "{amount} goes back the way you paid. It may take a few days to arrive.",
             "es": "Te devolvemos {amount} por donde pagaste. Puede tardar unos días en llegar."},
    "refunded.subject": {"zh": "订单 {number} 退款 {amount}", "en": "A refund of {amount} for order {number}",
                         "es": "Reembolso de {amount} del pedido {number}"},
    "refunded.heading": {"zh": "退款已在路上", "en": "Your money is on its way back", "es": "Tu dinero está en camino"},
    "returned.subject": {"zh": "订单 {number} 的退货已收到", "en": "Your return for order {number} has arrived",
                         "es": "Recibimos tu devolución del pedido {number}"},
    "returned.heading": {"zh": "退货已收到", "en": "Your return has arrived", "es": "Recibimos tu devolución"},
    "returned.thanks": {"zh": "谢谢您寄回来。", "en": "Thank you for sending it back.", "es": "Gracias por enviarlo."},
    "exchanged.subject": {"zh": "订单 {number} 已换货", "en": "Your exchange for order {number}",
                          "es": "Tu cambio del pedido {number}"},
    "exchanged.heading": {"zh": "换货办好了", "en": "Your exchange is done", "es": "Tu cambio está hecho"},
    "exchanged.into": {"zh": "新订单号是 {new}。", "en": "What you get instead is order {new}.",
                       "es": "Lo que recibes a cambio es el pedido {new}."},
    "exchanged.due": {"zh": "还差 {amount}，补上后我们就发货。", "en": "{amount} is left to pay; then it goes out.",
                      "es": "Faltan {amount} por pagar; después sale."},
    "label.track": {"zh": "查看物流", "en": "Follow the parcel", "es": "Seguir el paquete"},
    "label.look": {"zh": "查看订单", "en": "Look at the order", "es": "Ver el pedido"},
    "label.pay": {"zh": "去补差价", "en": "Pay the rest", "es": "Pagar el resto"},
    "label.goods": {"zh": "商品", "en": "Goods", "es": "Artículos"},
    "label.discount": {"zh": "优惠", "en": "Savings", "es": "Ahorro"},
    "label.shipping": {"zh": "运费", "en": "Delivery", "es": "Envío"},
    "label.free": {"zh": "免运费", "en": "Free", "es": "Gratis"},
    "label.tax": {"zh": "税费", "en": "Tax", "es": "Impuestos"},
    "label.total": {"zh": "合计", "en": "Total", "es": "Total"},
    "label.to": {"zh": "寄往", "en": "Going to", "es": "Se envía a"},
    "label.at": {"zh": "取货地点", "en": "Collect at", "es": "Recoger en"},
    "foot": {"zh": "您收到此邮件，是因为您在{shop}下了订单。它只关于这个订单，不是广告。",
             "en": "You receive this because you ordered at {shop}. It is about your order and no advertising.",
             "es": "Recibes este correo porque compraste en {shop}. Trata de tu pedido y no es publicidad."},
}  # fmt: skip


def speak(language: str) -> str:
    """The language to write in: the buyer's where it is one of ours, else English."""
    told = language[:2].lower()
    return told if told in ("zh", "en", "es") else "en"


def word(language: str, key: str, **values: object) -> str:
    """A text of ``WORDS`` with its values filled in."""
    return WORDS[key][language].format(**values)
