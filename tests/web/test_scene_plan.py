from __future__ import annotations

import fairday
from webdesk import Client

SCENES = {
    "new-year": "when: {festival: cn.spring_festival, phases: {warm-up: -28d..-15d, burst: -14d..+7d}}\nwho: age < 40\n"
    "where: [page, email]\nguard: {holdout: 20%, budget: CNY 100}\noffer: [{off: 30, stack: spring}]",
    "valentine": "when: {festival: valentines_day, phases: {warm-up: -14d..0d}}\nwhere: [page, email]\n"
    "guard: {holdout: 30%}\noffer: [{off: 10, stack: spring}]",
    "rainy": "when: {moment: \"hour >= 18 and weather = 'rain'\"}\nwhere: [page]\nwhat: {look: [{who: age < 30, theme: "
    "young, greeting: Hi you}, {theme: warm}], floors: [{title: Hot, goods: \"category = 'tea'\"}, {title: Young, who: "
    "age < 30, goods: \"category = 'gifts'\"}]}",
    "birthday": "when: {festival: own.birthday}\nwhere: [email]",
}


def fill(shop: fairday.Shop) -> Client:
    for name, rest in SCENES.items():
        shop.save_scene(f"scene: {name}\ntitle: {name.title()}\n{rest}\n")
    return Client(shop).sign_in()


def test_the_calendar_shows_a_year_from_any_month(full_lite: fairday.Shop) -> None:
    owner = fill(full_lite)
    html = owner.get("/console/scenes/calendar?lang=en").text
    assert html.count('class="line"') == 5
    assert "warm-up: Jan 9, 2027 – Jan 22, 2027" in html
    assert "Spring Festival, Feb 6, 2027" in html
    assert "Follows a date of each person" in html
    assert "Thanksgiving" not in html, "the festivals of the shop's country"
    past = owner.get("/console/scenes/calendar?lang=en&from=2025-02").text
    assert "warm-up: Jan 20, 2026" in past
    for odd in ("2026-13", "soon", "9999-01", "0001-01", "%20"):
        assert owner.get(f"/console/scenes/calendar?from={odd}").status_code == 200


def test_conflicts_are_told_in_the_calendar_and_on_the_scenes_page(full: fairday.Shop) -> None:
    owner = fill(full)
    for path in ("/console/scenes/calendar?lang=en", "/console/scenes/new-year?lang=en"):
        html = owner.get(path).text
        assert "New-Year, Valentine meet the same people on the same days: e-mail, page." in html
        assert "both say spring" in html
        assert "The budget of New-Year pays for 3 people" in html
        assert "44% of their people" in html
        assert "24 people" in html
    assert "meet the same people" not in owner.get("/console/scenes/birthday?lang=en").text


def test_a_crowd_is_previewed_with_its_shares_and_some_of_its_people(full: fairday.Shop) -> None:
    owner = fill(full)
    ask = {"lang": "en", "who": "age between 26 and 35"}
    html = owner.get("/console/scenes/rainy/preview", params=ask).text
    assert '<span class="count">10</span>' in html
    assert "<b>40%</b>" in html, "four of them are young"
    assert "<b>60%</b>" in html, "six see the warm look"
    assert html.count('<td class="lead">') == 10
    wrong = owner.get("/console/scenes/rainy/preview", params=ask | {"who": "aeg < 3"}).text
    assert "<mark>aeg</mark>" in wrong
    assert '<span class="count">0</span>' in owner.get(
        "/console/scenes/rainy/preview", params=ask | {"who": "age < 0"}
    ).text  # fmt: skip


def test_a_preview_is_at_the_day_the_hour_and_in_the_weather_one_chooses(full_lite: fairday.Shop) -> None:
    owner = fill(full_lite)
    at = {"lang": "en", "q": "u7", "day": "2026-12-01", "hour": "19", "weather": "rain"}
    html = owner.get("/console/scenes/rainy/preview", params=at).text
    assert "Hi you" in html
    assert ">Young</h2>" in html
    for odd in ({"hour": "9"}, {"weather": ""}, {"weather": "sun"}):
        assert "moment now." in owner.get(
            "/console/scenes/rainy/preview", params=at | odd
        ).text, odd  # fmt: skip
    assert "Hi you" in owner.get("/console/scenes/rainy/preview", params={"lang": "en", "q": "u7"}).text
    for day in ("2026-13-99", "0001-01-01", "x"):
        assert owner.get("/console/scenes/rainy/preview", params=at | {"day": day}).status_code == 200
    assert "not on that day" in owner.get("/console/scenes/new-year/preview", params=at).text
    assert "As Li " in owner.get("/console/scenes/rainy/preview?lang=en&q=%231").text
    assert "As Li " not in owner.get("/console/scenes/rainy/preview?lang=en&q=%23999999").text
