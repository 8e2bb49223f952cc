# ruff: noqa: E501  (lists of words)
"""What columns are called in Chinese, English and Spanish, for the guess of a mapping."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.split(","))


ORDERS: Mapping[str, tuple[str, ...]] = {
    "order": _words(
        "order, order id, order no, order number, order #, invoice, invoice no, invoice number, receipt, receipt no, "
        "ticket, transaction id, transaction, basket id, 订单号, 订单编号, 单号, 小票号, 流水号, 交易号, 订单, "
        "pedido, n pedido, numero de pedido, nº pedido, num pedido, id pedido, factura, nº factura, tique, recibo"
    ),
    "time": _words(
        "time, date, datetime, order date, order time, created at, created, ordered at, invoice date, purchase date, "
        "sale date, paid at, payment time, timestamp, 时间, 日期, 下单时间, 订单时间, 下单日期, 支付时间, 付款时间, "
        "成交时间, 交易时间, 销售日期, 创建时间, fecha, fecha pedido, fecha de pedido, fecha y hora, fecha compra, "
        "fecha de compra, fecha venta, hora"
    ),
    "product": _words(
        "product id, product number, product no, sku, product code, item id, item number, item no, item code, "
        "stock code, article, article no, barcode, ean, upc, variant sku, 商品编号, 商品编码, 商品id, 货号, 条码, "
        "商品货号, 物料编码, 编码, referencia, ref, codigo, código, codigo producto, código de producto, id producto, "
        "código artículo, articulo, artículo"
    ),
    "title": _words(
        "product name, product, product title, item, item name, title, description, goods, 商品名称, 商品, 品名, 商品名, "
        "名称, 标题, producto, nombre producto, nombre del producto, descripcion, descripción, concepto, título"
    ),
    "quantity": _words(
        "quantity, qty, units, pieces, pcs, count, amount of items, 数量, 件数, 购买数量, 销售数量, 个数, "
        "cantidad, uds, unidades, cant, ud"
    ),
    "price": _words(
        "price, unit price, item price, price each, selling price, 单价, 售价, 价格, 成交单价, "
        "precio, precio unitario, precio unidad, p unitario, pvp"
    ),
    "amount": _words(
        "amount, line total, line amount, subtotal, net amount, sales, sales value, item total, revenue, paid amount, "
        "金额, 小计, 实付金额, 实收金额, 销售额, 成交金额, 实付, 应付金额, importe, importe linea, importe línea, subtotal línea, "
        "total linea, total línea"
    ),
    "total": _words(
        "total, order total, grand total, total amount, total price, order amount, order value, total paid, 订单金额, "
        "订单总额, 总金额, 总价, 合计, 总额, 订单实付, total pedido, total del pedido, importe total, total factura"
    ),
    "currency": _words("currency, currency code, 币种, 货币, moneda, divisa"),
    "country": _words("country, shipping country, billing country, country code, 国家, país, pais"),
    "store": _words("store, store id, shop, branch, location, outlet, 门店, 店铺, 分店, 网点, tienda, sucursal, local"),
    "channel": _words("channel, sales channel, platform, 渠道, 平台, 销售渠道, canal, canal de venta, plataforma"),
    "category": _words(
        "category, product category, product type, type, 类目, 分类, 品类, 商品分类, 类别, categoría, categoria, tipo, familia"
    ),
    "brand": _words("brand, vendor, manufacturer, maker, 品牌, 厂商, marca, fabricante, proveedor"),
    "status": _words(
        "status, order status, payment status, financial status, state, 状态, 订单状态, 支付状态, estado, estado pedido, "
        "estado del pedido"
    ),
    "shipping": _words("shipping, shipping cost, delivery fee, freight, postage, 运费, 邮费, 配送费, envío, gastos de envío, portes"),
    "tax": _words("tax, taxes, vat, sales tax, gst, 税, 税额, 税费, impuesto, impuestos, iva"),
    "discount": _words("discount, discount amount, 优惠, 优惠金额, 折扣, 折扣金额, 减免, descuento, importe descuento"),
    "refunded": _words("refund, refunded, refunded amount, refund amount, 退款, 退款金额, reembolso, devuelto, importe reembolsado"),
    "coupon": _words("coupon, coupon code, discount code, voucher, promo code, 优惠券, 券码, 优惠码, cupón, cupon, código descuento"),
    "landing": _words("landing page, landing site, entry page, 着陆页, 落地页, página de entrada"),
    "referrer": _words("referrer, referer, referring site, 来源页, 引荐, referente"),
    "utm_source": _words("utm source, traffic source, 流量来源, fuente"),
    "utm_medium": _words("utm medium, 媒介, medio"),
    "utm_campaign": _words("utm campaign, campaign, 活动, 推广活动, campaña"),
}  # fmt: skip

IDS: Mapping[str, tuple[str, ...]] = {
    "user_id": _words(
        "customer id, customer no, customer number, user id, userid, client id, member id, member no, membership number, "
        "household id, buyer id, customer, 会员号, 会员编号, 客户编号, 用户id, 用户编号, 会员id, 客户id, 顾客编号, 买家id, "
        "id cliente, nº cliente, numero de cliente, número de cliente, cliente, código cliente, id de cliente, socio"
    ),
    "email": _words(
        "email, e-mail, mail, email address, e-mail address, customer email, buyer email, billing email, 邮箱, 电子邮箱, 邮件, "
        "电子邮件, correo, correo electrónico, correo electronico, email cliente"
    ),
    "phone": _words(
        "phone, phone number, mobile, mobile phone, cell, telephone, tel, customer phone, billing phone, 手机, 手机号, "
        "手机号码, 电话, 联系电话, 联系方式, teléfono, telefono, móvil, movil, tel cliente"
    ),
    "wechat_openid": _words("openid, wechat openid, wx openid, 微信openid"),
}

PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "product": ORDERS["product"]
    + _words("id, product, number, variant code, variant id, 编号, 商品, 规格编码, sku编码, sku码, 商家编码, referencia variante"),
    "title": ORDERS["title"] + _words("name, nombre, 名字, 品名规格, 中文名称"),
    "category": ORDERS["category"] + _words("categories, categorías, collection"),
    "department": _words("department, division, group, 部门, 大类, 一级类目, departamento, sección, seccion"),
    "brand": ORDERS["brand"],
    "price": ORDERS["price"]
    + _words("list price, retail price, regular price, rrp, 标价, 原价, 零售价, 吊牌价, 销售价, 一口价, precio de venta"),
    "currency": ORDERS["currency"],
    "image": _words(
        "image, image url, image src, picture, photo, images, pictures, image urls, 图片, 主图, 图片链接, 图片地址, "
        "商品图片, 主图链接, imagen, foto, url imagen, imágenes, imagenes, fotos"
    ),
    "group": _words(
        "style, style no, style number, style code, model, model no, model number, spu, spu id, spu code, handle, "
        "product group, master sku, 款号, 款式编号, 款式, 型号, spu编码, 商品款号, 货品编号, modelo, referencia modelo, "
        "código modelo, nº modelo, estilo"
    ),
    "parent": _words(
        "parent, parent sku, parent id, parent product, parent number, parent code, 父商品, 父编号, 主商品编号, 父sku, 上级货号, "
        "padre, sku padre, producto padre, referencia padre"
    ),
    "description": _words(
        "description, long description, body, body html, details, product description, text, 描述, 商品描述, 详情, 商品详情, "
        "介绍, 商品介绍, descripción larga, descripcion larga, detalle, detalles, texto, descripción, descripcion"
    ),
    "tags": _words("tags, labels, keywords, 标签, 关键词, etiquetas, palabras clave"),
    "shown": _words(
        "status, published, visible, active, 状态, 上下架, 上架状态, 是否上架, 商品状态, estado, publicado, visible en tienda"
    ),
    "weight": _words(
        "weight, weight g, weight kg, weight grams, grams, net weight, gross weight, weight lb, weight oz, 重量, 毛重, 净重, "
        "商品重量, 重量g, 重量kg, 重量克, 重量千克, 重量公斤, peso, peso g, peso kg, peso neto, peso bruto, gramos"
    ),
    "cost": _words(
        "cost, cost price, unit cost, cost per item, purchase price, wholesale cost, 成本, 成本价, 进价, 进货价, 采购价, "
        "coste, costo, precio de coste, precio de costo, precio de compra"
    ),
    "barcode": _words("barcode, ean, upc, gtin, ean13, isbn, 条码, 条形码, 商品条码, 国条码, código de barras, codigo de barras"),
    "hs_code": _words(
        "hs code, hscode, harmonized code, tariff code, commodity code, 海关编码, hs编码, 税则号, código hs, código arancelario, "
        "partida arancelaria"
    ),
    "origin": _words("country of origin, origin country, made in, 原产国, 原产地, país de origen, pais de origen"),
    "option:colour": _words("colour, color, colours, colors, 颜色, 色号, 颜色分类, colores"),
    "option:size": _words("size, sizes, 尺码, 尺寸, 码数, 鞋码, talla, tallas, tamaño, número"),
    "option:form": _words(
        "option, variant, variant name, variation, specification, spec, flavour, flavor, capacity, volume, pack, scent, 规格, 口味, "
        "容量, 净含量, 包装规格, 款型, 套餐, variante, opción, formato, sabor, capacidad"
    ),
    "attribute:material": _words("material, materials, fabric, composition, 材质, 面料, 材料, 成分, materiales, tejido, composición"),
    "attribute:season": _words("season, 季节, 适用季节, temporada"),
    "attribute:gender": _words("gender, 性别, 适用人群, 适用性别, género, genero, sexo"),
    "title:zh": _words("title zh, name zh, chinese name, chinese title, title chinese, 中文名, 中文标题, 商品中文名, nombre chino, título zh"),
    "title:en": _words("title en, name en, english name, english title, title english, 英文名, 英文名称, 英文标题, nombre inglés, nombre en inglés, título en"),
    "title:es": _words("title es, name es, spanish name, spanish title, title spanish, 西文名称, 西班牙语名称, 西语名称, nombre español, nombre en español, título es"),
    "description:zh": _words("description zh, chinese description, 中文描述, descripción zh"),
    "description:en": _words("description en, english description, 英文描述, descripción en"),
    "description:es": _words("description es, spanish description, 西语描述, 西班牙语描述, descripción es"),
}  # fmt: skip

TRAITS: Mapping[str, tuple[str, ...]] = {
    "name": _words("name, full name, customer name, client name, 姓名, 名字, 客户姓名, 会员姓名, 昵称, nombre, nombre completo, nombre cliente"),
    "gender": _words("gender, sex, 性别, sexo, género, genero"),
    "birthday": _words("birthday, birth date, date of birth, dob, 生日, 出生日期, fecha de nacimiento, cumpleaños, nacimiento"),
    "age": _words("age, age group, 年龄, edad"),
    "city": _words("city, town, 城市, 所在城市, ciudad, población, localidad"),
    "province": _words("province, state, region, 省, 省份, provincia, comunidad, estado"),
    "country": ORDERS["country"],
    "postcode": _words("postcode, postal code, zip, zip code, 邮编, 邮政编码, código postal, codigo postal, cp"),
    "company": _words("company, company name, 公司, empresa, compañía"),
    "occupation": _words("occupation, job, profession, 职业, profesión, ocupación"),
    "tags": _words("tags, labels, 标签, etiquetas"),
}  # fmt: skip

CUSTOMERS: Mapping[str, tuple[str, ...]] = {
    "time": _words(
        "created at, created, registered, registered at, sign up, signup date, member since, joined, registration date, "
        "注册时间, 注册日期, 入会时间, 开卡日期, 创建时间, alta, fecha de alta, fecha alta, fecha registro, registrado"
    ),
}
CONSENT: Mapping[str, tuple[str, ...]] = {
    "email": _words(
        "accepts marketing, accepts email marketing, newsletter, email consent, marketing consent, subscribed, opt in, "
        "email opt in, 接受营销, 邮件订阅, 订阅, acepta marketing, suscrito, boletín, acepta publicidad"
    ),
    "sms": _words("accepts sms marketing, sms consent, sms opt in, 短信订阅, 接受短信, acepta sms"),
}

STATUSES: Mapping[str, str] = {
    **dict.fromkeys(
        _words(
            "pending, unpaid, awaiting payment, on hold, on-hold, authorized, draft, pending payment, open, 待付款, 未付款, 待支付, "
            "未支付, pendiente, pendiente de pago, sin pagar, impagado"
        ),
        "placed",
    ),
    **dict.fromkeys(
        _words(
            "cancelled, canceled, voided, failed, expired, closed, 已取消, 取消, 已关闭, 交易关闭, 关闭, 失败, cancelado, anulado, "
            "fallido, caducado"
        ),
        "cancelled",
    ),
    **dict.fromkeys(
        _words("refunded, returned, fully refunded, 已退款, 退款成功, 全额退款, reembolsado, devuelto"), "refunded"
    ),
}
