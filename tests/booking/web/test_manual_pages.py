"""The pages of the first manual, 《北京工业大学图书馆座位预约系统 使用帮助》, as a browser gets them. Each test quotes its line."""

import re
from datetime import time, timedelta

import attrs
import pytest

from booking.domain.reservation import Status
from booking.web import sentences
from config.policy import SeatFilter
from config.schema import Support
from config.values import Text

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SEAT = "/areas/2f-centre?seat=2f-centre-065"


def text_of(page):
    body = page.text.split("<main", 1)[1].split("</main>", 1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


def policy(**parts):
    def change(site):
        changed = {name: attrs.evolve(getattr(site.policy, name), **part) for name, part in parts.items()}
        return attrs.evolve(site, policy=attrs.evolve(site.policy, **changed))

    return change


def site_with(**changes):
    return lambda site: attrs.evolve(site, **changes)


def with_area(area_id, **changes):
    return lambda site: attrs.evolve(
        site, areas=[attrs.evolve(area, **changes) if area.id == area_id else area for area in site.areas]
    )


# ---- 1.1 the home page ----------------------------------------------------------------------------------------------


def test_the_rules_stand_over_the_areas_with_details(browser):
    """运行使用规则（暂行）北京工业大学图书馆实行座位预约制度 … 查看详情"""
    page = browser(ONE).get("/areas")
    summary = re.search(r'<details class="rules">.*?</details>', page.text, re.DOTALL)[0]
    assert "运行使用规则" in summary
    assert "北京工业大学图书馆实行座位预约制度，有效预约的读者享有座位优先使用权" in summary
    assert "详情" in summary


@pytest.mark.parametrize("rules", [None, Text("校庆周延长开放", "Longer hours this week")])
def test_another_banner_by_its_key(open_house, browser_of, rules):
    page = browser_of(open_house(site_with(rules=rules)), ONE).get("/areas").text
    assert "座位预约制度" not in page
    assert ('class="rules"' in page) is (rules is not None)
    assert ("校庆周延长开放" in page) is (rules is not None)


def test_the_clock_is_the_librarys(browser, house):
    """2023-07-17 周一 15:37:31"""
    house.at("15:37")
    page = browser(ONE).get("/areas").text
    assert re.search(r"7月17日 周一 <b>15:37</b>", page)
    assert 'data-zone="Asia/Shanghai"' in page


def test_the_eighteen_areas_in_the_manuals_order_with_their_counts(api):
    """二层东区 二层中厅 二层保留区 二层北区 二层南区 二层西区 三层东区
    三层中庭 三层保留区 三层北区 三层南区 三层西区 四层东区 四层中庭
    四层保留区 四层北区 四层南区 四层西区"""
    areas = api().get("/api/v1/areas").json()["items"]
    assert " ".join(area["name"]["zh"] for area in areas) == (
        "二层东区 二层中厅 二层保留区 二层北区 二层南区 二层西区 三层东区 三层中庭 三层保留区 三层北区 三层南区 三层西区 "
        "四层东区 四层中庭 四层保留区 四层北区 四层南区 四层西区"
    )


def test_an_area_that_the_site_leaves_out_is_not_offered(open_house, api_of):
    house = open_house(lambda site: attrs.evolve(site, areas=site.areas[:2]))
    assert [area["id"] for area in api_of(house).get("/api/v1/areas").json()["items"]] == ["2f-east", "2f-centre"]


def test_totals_and_what_is_free_stand_beside_each_area(browser, api):
    """二层东区 总数:222 可用:222; 二层中厅 总数:68 可用:68; 二层保留区 总数:96 可用:96"""
    page = text_of(browser(ONE).get("/areas"))
    for free, total in ((222, 222), (68, 68), (96, 96)):
        assert f"可用：{free}，总数：{total}" in page
    api(ONE).book()
    assert "可用：67，总数：68" in text_of(browser(OTHER).get("/areas"))


def test_seats_that_the_site_closes_are_not_free(open_house, browser_of):
    house = open_house(with_area("2f-centre", closed_seats=["001", "002"]))
    assert "可用：66，总数：68" in text_of(browser_of(house, ONE).get("/areas"))


@pytest.mark.parametrize(("days", "shown"), [(1, ["今天", "明天"]), (0, ["今天"]), (2, ["今天", "明天", "7月19日"])])
def test_venue_and_day_are_chosen_above_the_areas(open_house, browser_of, days, shown):
    """在条件检索功能的下方选择场馆（图书馆）以及日期（当日和次日）"""
    house = open_house(policy(booking={"advance_days": days}))
    page = browser_of(house, ONE).get("/areas")
    links = re.findall(r'<a href="/areas\?date=[^"]+"[^>]*><b>([^<]+)</b>', page.text)
    assert [link.strip() for link in links] == shown
    assert "图书馆 · 2 层" in text_of(page)


@pytest.mark.parametrize("link", ["", "tel:+861067390000"])
def test_whom_to_ask(open_house, browser_of, link):
    """客服咨询"""
    house = open_house(site_with(support=Support(Text("总服务台 6739 0000", "Desk 6739 0000"), link)))
    page = browser_of(house, ONE).get("/me")
    assert "客服咨询 总服务台 6739 0000" in text_of(page)
    assert (f'href="{link}"' in page.text) is bool(link)


def test_without_a_desk_nobody_is_named(open_house, browser_of):
    assert "客服咨询" not in browser_of(open_house(site_with(support=None)), ONE).get("/me").text


# ---- 1.3 the map and the times --------------------------------------------------------------------------------------


def test_the_legend_has_the_manuals_states_and_marks(browser):
    """图例 当前无人坐 当前有人 当前暂离中 禁用 电源 墙壁 书架 电脑"""
    page = browser(ONE).get("/areas/2f-centre")
    legend = re.search(r'<ul class="legend".*?</ul>', page.text, re.DOTALL)[0]
    words = re.findall(r"</svg>([^<]+)</li>", legend)
    assert words == ["可选", "有人", "已约", "暂离", "停用", "已选", "电源", "墙壁", "书架", "窗户"]
    assert page.text.count('href="#m-power" x=') == 34  # each of its seats with a socket


def test_a_free_seat_is_free_a_held_one_is_not_and_a_closed_one_neither(open_house, api_of):
    """空位形状座位表示当前时间无人 可用; 有人形状座位表示当前时间有人 不可用; 灰色禁止形状座位表示其他原因 不可用"""
    house = open_house(with_area("2f-centre", closed_seats=["064"]))
    client, other = api_of(house, ONE), api_of(house, OTHER)
    client.book()
    client.post("/api/v1/check-ins", json={"code": house.code()})
    states = {seat["label"]: seat["status"] for seat in other.get("/api/v1/areas/2f-centre/seats").json()["items"]}
    assert (states["063"], states["065"], states["064"]) == ("free", "taken", "closed")
    assert other.book("2f-centre-063").status_code == 201
    assert api_of(house, STAFF).book("2f-centre-065").json()["code"] == "seat-taken"
    closed = api_of(house, STAFF).book("2f-centre-064").json()
    assert (closed["code"], closed["policy_key"]) == ("seat-closed", "areas.closed_seats")


def test_where_the_site_closes_no_seat_each_can_be_had(open_house, api_of):
    house = open_house(with_area("2f-centre", closed_seats=[]))
    assert api_of(house, ONE).book("2f-centre-064").status_code == 201


def test_the_times_are_now_and_the_full_hours(browser, house):
    """选择开始时间 现在 17:00 18:00 19:00 20:00 21:00; 选择结束时间 17:00 18:00 19:00 20:00"""
    house.at("16:13")
    assert offered(browser(ONE), "start")[:6] == ["现在 16:13", "17:00", "18:00", "19:00", "20:00", "21:00"]
    assert offered(browser(ONE), "end") == ["17:00", "18:00", "19:00", "20:00"]


def offered(phone, name):
    page = phone.get("/areas/2f-centre").text
    options = page.split(f'<select name="{name}">')[1].split("</select>")[0]
    return re.findall(r">([^<>]+)</option>", options)


def test_another_grid_and_no_now_where_the_site_says_so(open_house, browser_of):
    house = open_house(policy(booking={"grid": timedelta(minutes=30), "allow_now": False}), now="16:13")
    assert offered(browser_of(house, ONE), "start")[:3] == ["16:30", "17:00", "17:30"]


def test_at_closing_nothing_begins(api, browser, house):
    """选择开始时间 … 22:00"""
    assert "22:00" not in offered(browser(ONE), "start")
    no = api(ONE).book(start=at("22:00"), end=at("23:00")).json()
    assert (no["code"], no["policy_key"]) == ("outside-opening-hours", "venues.closes")
    assert no["next_allowed_at"] == at("08:00", 18)


def test_a_library_that_closes_later_has_the_manuals_last_start(open_house, browser_of, api_of):
    house = open_house(lambda site: attrs.evolve(site, venues=[attrs.evolve(site.venues[0], closes=time(23))]))
    assert offered(browser_of(house, ONE), "start")[-1] == "22:00"
    assert api_of(house, ONE).book(start=at("22:00"), end=at("23:00")).status_code == 201


@pytest.mark.parametrize("query", ["needs=power", "needs=window", "needs=power,window"])
def test_the_filters_are_off(browser, api, query):
    """为防止发生纠纷，其他筛选中的靠窗和电源后台已屏蔽，功能失效"""
    phone = browser(ONE)
    page = phone.get(f"/areas/2f-centre?{query}").text
    assert 'class="filters"' not in page
    assert ' other"' not in page
    assert phone.get(f"/areas/2f-centre?view=list&{query}").text.count('class="chip') == 68
    no = api(ONE).get("/api/v1/areas/2f-centre/seats?features=power")
    assert (no.status_code, no.json()["policy_key"]) == (422, "policy.booking.filters")


def test_the_filters_are_on_where_the_site_says_so(open_house, browser_of, api_of):
    house = open_house(policy(booking={"filters": [SeatFilter.POWER, SeatFilter.WINDOW]}))
    phone = browser_of(house, ONE)
    page = phone.get("/areas/2f-centre").text
    assert re.findall(r"needs=([\w%]+)", page)[:2] == ["power", "window"]
    narrowed = phone.get("/areas/2f-centre?needs=power&view=list").text
    assert narrowed.count('<li><a class="chip') == 34  # the others stay hidden
    assert "符合筛选 34" in text_of(phone.get("/areas/2f-centre?needs=power"))
    with_power = api_of(house).get("/api/v1/areas/2f-centre/seats?features=power").json()["items"]
    assert len(with_power) == 34
    both = api_of(house).get("/api/v1/areas/2f-centre/seats?features=power,window").json()["items"]
    assert len(both) == 12
    assert api_of(house).get("/api/v1/areas/2f-centre/seats?features=computer").status_code == 422
    # what it is narrowed to stays chosen through the booking
    kept = phone.form(phone.get("/areas/2f-centre?needs=power&seat=2f-centre-065"), "/reservations")
    assert kept["needs"] == "power"


def test_times_may_be_left_out(api, browser):
    """选择座位使用的开始时间和结束时间，也可以不选择"""
    seats = api().get("/api/v1/areas/2f-centre/seats").json()
    assert (seats["start"], seats["end"]) == (at("16:38"), at("20:38"))  # from now, an ordinary stay
    assert len(seats["items"]) == 68
    assert "068" in browser(ONE).get("/areas/2f-centre").text


def test_left_out_they_follow_the_areas_longest_stay(open_house, api_of):
    house = open_house(with_area("2f-centre", max_length=timedelta(hours=2)))
    assert api_of(house).get("/api/v1/areas/2f-centre/seats").json()["end"] == at("18:38")


# ---- 1.4 my reservations --------------------------------------------------------------------------------------------


def history_row(page):
    table = re.search(r'<table class="card table records">.*?</table>', page.text, re.DOTALL)[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    cells = [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows
    ]
    return cells[0], cells[1]


def test_each_reservation_with_the_manuals_columns(browser, api, house):
    """预约日期 预约开始时间 预约结束时间 预约座位 暂离时间 返回时间 状态 操作"""
    client = api(ONE)
    stay = client.book().json()["id"]
    client.post("/api/v1/check-ins", json={"code": house.code()})
    house.at("17:05")
    client.post(f"/api/v1/reservations/{stay}/step-away")
    house.at("17:20")
    client.post(f"/api/v1/reservations/{stay}/return")
    house.at("18:00")
    client.post(f"/api/v1/reservations/{stay}/end")
    heads, row = history_row(browser(ONE).get("/"))
    assert heads == ["预约日期", "开始", "结束", "预约座位", "暂离时间", "返回时间", "状态", "操作"]
    assert row == ["7月17日 周一", "16:38", "20:00", "图书馆 2 层 二层中厅 065号", "17:05", "17:20", "结束使用", "详情"]


def test_the_manuals_words_for_each_state(browser, api, house):
    """已预约 已取消 结束使用 完成 失约"""
    client, phone = api(ONE), browser(ONE)
    client.book(start=at("19:00"), end=at("20:00"))
    stay = client.book(end=at("18:00")).json()["id"]
    assert history_row(phone.get("/"))[1][6] == "已预约"
    client.post(f"/api/v1/reservations/{stay}/cancel")
    assert history_row(phone.get("/"))[1][6] == "已取消"
    client.book("2f-centre-066", end=at("18:00"))
    client.post("/api/v1/check-ins", json={"code": house.code()})
    house.at("18:00")
    words = {
        row for page in (phone.get("/"),) for row in re.findall(r'<span class="pill [\w-]+">([^<]+)</span>', page.text)
    }
    assert {"完成", "已取消"} <= words
    house.at("19:30")
    assert "失约" in phone.get("/").text


def test_no_state_is_without_a_word():
    assert set(sentences.STATUS) == set(Status)


def test_older_ones_are_on_further_pages(browser, api):
    """图书馆2层二层中厅065号 … < 1 2 3 >"""
    client, phone = api(ONE), browser(ONE)
    for number in range(1, 13):
        stay = client.book(f"2f-east-{number:03}", start=at("18:00")).json()["id"]
        client.post(f"/api/v1/reservations/{stay}/cancel")
    first = phone.get("/")
    assert first.text.count('class="card record"') == 10
    onward = re.search(r'rel="next" href="([^"]+)"', first.text)[1]
    assert phone.get(onward).text.count('class="card record"') == 2


def test_cancelling_asks_once_more(browser, house):
    """点击取消按钮，弹出取消预约确认框 将取消该预约 取消 确定;
    点击确认，会提示取消成功，并且"我的预约"中，该预约的状态更改为已取消"""
    phone = browser(ONE)
    done = phone.submit(phone.get(SEAT), "/reservations")
    stay = done.url.path.split("/")[2]
    asked = phone.get(f"/reservations/{stay}/cancel")
    assert "将取消该预约" in text_of(asked)
    assert "已预约" in phone.get("/").text
    told = phone.submit(asked, f"/reservations/{stay}/cancel")
    assert "已取消" in text_of(told)
    assert history_row(phone.get("/"))[1][6] == "已取消"


def test_ending_asks_once_more(browser, house):
    """之后会弹出个提示框 请您再次确认 确认结束当前座位吗？"""
    phone = browser(ONE)
    done = phone.submit(phone.get(SEAT), "/reservations")
    phone.submit(phone.get(f"/c/{house.code()}"), "/check-in")
    stay = done.url.path.split("/")[2]
    asked = phone.get(f"/reservations/{stay}/end")
    assert "确认结束当前座位吗？" in text_of(asked)
    assert house.reads.current(ONE, house.clock.now()) is not None


# ---- 2 the phone ----------------------------------------------------------------------------------------------------


def test_the_tabs_of_a_phone(browser):
    """预约记录 预约选座 通知公告 我的"""
    page = browser(ONE).get("/").text
    bottom = page.split('<div class="bottom">')[1]
    tabs = re.findall(r'<a href="[^"]+"(?: class="(wide)")?[^>]*>.*?<span>([^<]+)</span></a>', bottom)
    assert [label for wide, label in tabs if not wide] == ["预约记录", "预约选座", "通知公告", "我的"]


def test_me_has_the_version_and_the_way_out(browser):
    """点击我的，然后点击退出登录即可; 当前版本号 1.0.7"""
    page = text_of(browser(ONE).get("/me"))
    assert re.search(r"当前版本号 \d+\.\d+\.\d+", page)
    assert "退出登录" in page


def test_my_reservations_my_violations_and_gate_records(browser, api):
    """我的预约 我的违约 门禁记录 详情"""
    phone = browser(ONE)
    stay = api(ONE).book().json()["id"]
    home = phone.get("/").text
    for path in ("/", "/violations", "/gate-records"):
        assert f'href="{path}"' in home
        assert phone.get(path).status_code == 200
    detail = text_of(phone.get(f"/reservations/{stay}"))
    assert "预约成功（网页）" in detail
