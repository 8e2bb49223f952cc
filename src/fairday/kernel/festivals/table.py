"""The festivals known by name: (name, rule, title in Chinese, English, Spanish)."""

from __future__ import annotations

from fairday.kernel.festivals.rules import Easter, Fixed, Lunar, OwnDate, Rule, Term, Weekday

COUNTRIES = ("cn", "us", "gb", "es", "mx", "jp")

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)

TABLE: tuple[tuple[str, Rule, str, str, str], ...] = (
    # Everywhere alike
    ("new_year", Fixed(1, 1), "元旦", "New Year's Day", "Año Nuevo"),
    ("valentines_day", Fixed(2, 14), "情人节", "Valentine's Day", "San Valentín"),
    ("womens_day", Fixed(3, 8), "妇女节", "International Women's Day", "Día de la Mujer"),
    ("easter", Easter(), "复活节", "Easter", "Pascua"),
    ("earth_day", Fixed(4, 22, 1970), "世界地球日", "Earth Day", "Día de la Tierra"),
    ("halloween", Fixed(10, 31), "万圣夜", "Halloween", "Halloween"),
    ("singles_day", Fixed(11, 11, 2009), "光棍节", "Singles' Day", "Día del Soltero"),
    ("black_friday", Weekday(11, 4, THU, 1), "黑色星期五", "Black Friday", "Viernes Negro"),
    ("cyber_monday", Weekday(11, 4, THU, 4), "网络星期一", "Cyber Monday", "Ciberlunes"),
    ("christmas", Fixed(12, 25), "圣诞节", "Christmas", "Navidad"),
    # China
    ("cn.laba", Lunar(12, 8), "腊八节", "Laba Festival", "Festival de Laba"),
    ("cn.little_new_year", Lunar(12, 23), "小年", "Little New Year", "Pequeño Año Nuevo"),
    ("cn.new_years_eve", Lunar(1, 1, -1), "除夕", "Chinese New Year's Eve", "Nochevieja china"),
    ("cn.spring_festival", Lunar(1, 1), "春节", "Spring Festival", "Fiesta de la Primavera"),
    ("cn.lantern", Lunar(1, 15), "元宵节", "Lantern Festival", "Fiesta de los Faroles"),
    ("cn.qingming", Term(15), "清明", "Qingming", "Qingming"),
    ("cn.labour_day", Fixed(5, 1), "劳动节", "Labour Day", "Día del Trabajo"),
    ("cn.520", Fixed(5, 20), "520表白日", "520 Confession Day", "520, día de declararse"),
    ("cn.mothers_day", Weekday(5, 2, SUN), "母亲节", "Mother's Day", "Día de la Madre"),
    ("cn.childrens_day", Fixed(6, 1), "儿童节", "Children's Day", "Día del Niño"),
    ("cn.618", Fixed(6, 18, 2010), "618年中大促", "618", "618"),
    ("cn.dragon_boat", Lunar(5, 5), "端午节", "Dragon Boat Festival", "Fiesta del Bote del Dragón"),
    ("cn.fathers_day", Weekday(6, 3, SUN), "父亲节", "Father's Day", "Día del Padre"),
    ("cn.qixi", Lunar(7, 7), "七夕", "Qixi", "Qixi"),
    ("cn.back_to_school", Fixed(9, 1), "开学季", "Back to school", "Vuelta al cole"),
    ("cn.teachers_day", Fixed(9, 10), "教师节", "Teachers' Day", "Día del Maestro"),
    ("cn.mid_autumn", Lunar(8, 15), "中秋节", "Mid-Autumn Festival", "Fiesta del Medio Otoño"),
    ("cn.national_day", Fixed(10, 1), "国庆节", "National Day of China", "Día Nacional de China"),
    ("cn.double_ninth", Lunar(9, 9), "重阳节", "Double Ninth Festival", "Fiesta del Doble Nueve"),
    ("cn.double_11", Fixed(11, 11, 2009), "双十一", "Double 11", "Doble 11"),
    ("cn.double_12", Fixed(12, 12, 2011), "双十二", "Double 12", "Doble 12"),
    ("cn.winter_solstice", Term(270), "冬至", "Winter Solstice", "Solsticio de invierno"),
    # United States
    ("us.presidents_day", Weekday(2, 3, MON), "美国总统日", "Presidents' Day", "Día de los Presidentes"),
    ("us.mothers_day", Weekday(5, 2, SUN), "母亲节", "Mother's Day", "Día de la Madre"),
    ("us.memorial_day", Weekday(5, -1, MON), "美国阵亡将士纪念日", "Memorial Day", "Día de los Caídos"),
    ("us.fathers_day", Weekday(6, 3, SUN), "父亲节", "Father's Day", "Día del Padre"),
    ("us.independence_day", Fixed(7, 4), "美国独立日", "Independence Day", "Día de la Independencia"),
    ("us.back_to_school", Weekday(8, 3, MON), "返校季", "Back to school", "Vuelta a clases"),
    ("us.labor_day", Weekday(9, 1, MON), "美国劳动节", "Labor Day", "Día del Trabajo"),
    ("us.thanksgiving", Weekday(11, 4, THU), "感恩节", "Thanksgiving", "Acción de Gracias"),
    ("us.small_business_saturday", Weekday(11, 4, THU, 2), "小企业星期六", "Small Business Saturday",
     "Sábado de la Pequeña Empresa"),
    # United Kingdom
    ("gb.pancake_day", Easter(-47), "薄煎饼日", "Pancake Day", "Martes de Carnaval"),
    ("gb.mothers_day", Easter(-21), "母亲节", "Mothering Sunday", "Día de la Madre"),
    ("gb.good_friday", Easter(-2), "耶稣受难日", "Good Friday", "Viernes Santo"),
    ("gb.fathers_day", Weekday(6, 3, SUN), "父亲节", "Father's Day", "Día del Padre"),
    ("gb.summer_bank_holiday", Weekday(8, -1, MON), "夏季银行假日", "Summer bank holiday", "Festivo de agosto"),
    ("gb.back_to_school", Fixed(9, 1), "开学季", "Back to school", "Vuelta al cole"),
    ("gb.bonfire_night", Fixed(11, 5), "篝火之夜", "Bonfire Night", "Noche de las Hogueras"),
    ("gb.boxing_day", Fixed(12, 26), "节礼日", "Boxing Day", "Día de las cajas"),
    # Spain
    ("es.three_kings", Fixed(1, 6), "三王节", "Three Kings", "Reyes Magos"),
    ("es.winter_sales", Fixed(1, 7), "冬季折扣季", "Winter sales", "Rebajas de enero"),
    ("es.fathers_day", Fixed(3, 19), "父亲节", "Father's Day", "Día del Padre"),
    ("es.good_friday", Easter(-2), "耶稣受难日", "Good Friday", "Viernes Santo"),
    ("es.sant_jordi", Fixed(4, 23), "圣乔治节", "Sant Jordi", "Sant Jordi"),
    ("es.mothers_day", Weekday(5, 1, SUN), "母亲节", "Mother's Day", "Día de la Madre"),
    ("es.summer_sales", Fixed(7, 1), "夏季折扣季", "Summer sales", "Rebajas de verano"),
    ("es.back_to_school", Fixed(9, 8), "开学季", "Back to school", "Vuelta al cole"),
    ("es.national_day", Fixed(10, 12), "西班牙国庆日", "National Day of Spain", "Fiesta Nacional"),
    ("es.christmas_eve", Fixed(12, 24), "平安夜", "Christmas Eve", "Nochebuena"),
    # Mexico
    ("mx.three_kings", Fixed(1, 6), "三王节", "Three Kings", "Día de Reyes"),
    ("mx.candlemas", Fixed(2, 2), "圣烛节", "Candlemas", "Día de la Candelaria"),
    ("mx.childrens_day", Fixed(4, 30), "儿童节", "Children's Day", "Día del Niño"),
    ("mx.mothers_day", Fixed(5, 10), "母亲节", "Mother's Day", "Día de las Madres"),
    ("mx.fathers_day", Weekday(6, 3, SUN), "父亲节", "Father's Day", "Día del Padre"),
    ("mx.back_to_school", Weekday(8, -1, MON), "返校季", "Back to school", "Regreso a clases"),
    ("mx.independence_day", Fixed(9, 16), "墨西哥独立日", "Independence Day", "Día de la Independencia"),
    ("mx.day_of_the_dead", Fixed(11, 2), "亡灵节", "Day of the Dead", "Día de Muertos"),
    ("mx.buen_fin", Weekday(11, 3, MON, -3), "墨西哥好周末购物节", "Buen Fin", "El Buen Fin"),
    ("mx.guadalupe", Fixed(12, 12), "瓜达卢佩圣母节", "Our Lady of Guadalupe", "Virgen de Guadalupe"),
    # Japan
    ("jp.hinamatsuri", Fixed(3, 3), "女儿节", "Hinamatsuri", "Hinamatsuri"),
    ("jp.white_day", Fixed(3, 14), "白色情人节", "White Day", "Día Blanco"),
    ("jp.golden_week", Fixed(4, 29), "黄金周", "Golden Week", "Semana Dorada"),
    ("jp.childrens_day", Fixed(5, 5), "儿童节", "Children's Day", "Día del Niño"),
    ("jp.mothers_day", Weekday(5, 2, SUN), "母亲节", "Mother's Day", "Día de la Madre"),
    ("jp.fathers_day", Weekday(6, 3, SUN), "父亲节", "Father's Day", "Día del Padre"),
    ("jp.tanabata", Fixed(7, 7), "日本七夕", "Tanabata", "Tanabata"),
    ("jp.obon", Fixed(8, 13), "盂兰盆节", "Obon", "Obon"),
    ("jp.respect_for_the_aged", Weekday(9, 3, MON), "敬老日", "Respect for the Aged Day", "Día de los Mayores"),
    ("jp.autumn_equinox", Term(180, 9), "秋分日", "Autumnal Equinox Day", "Equinoccio de otoño"),
    ("jp.omisoka", Fixed(12, 31), "大晦日", "Omisoka", "Omisoka"),
    # A person's own
    ("own.birthday", OwnDate("birthday"), "生日", "Birthday", "Cumpleaños"),
    ("own.first_order", OwnDate("first_order_day"), "首单周年", "Anniversary of the first order",
     "Aniversario del primer pedido"),
)  # fmt: skip
