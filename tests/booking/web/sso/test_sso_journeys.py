"""What a reader does, in a real browser, with the university's real sign-in pages between ours."""

from datetime import timedelta

import pytest

ONE = "S2023001"
pytestmark = pytest.mark.journey


def at_the_university(page, account="s2023001"):
    """Fill in the university's own form, whichever it is."""
    page.fill("#id_username", account)
    page.fill("#id_password", "portal password")
    page.click("#go")


@pytest.mark.parametrize("kind", ["cas", "oidc"])
def test_a_scanned_code_is_kept_while_the_reader_signs_in_at_the_university(
    open_library, cas, oidc, api_of, phone, ahead, kind
):
    """The check-in counts at the moment of the scan: signing in at the university may take minutes."""
    house = open_library(**(cas() if kind == "cas" else oidc()))
    now = house.clock.now().replace(minute=0, second=0)
    house.clock.put(now)
    start = (now + timedelta(hours=1)).astimezone(house.site.timezone)
    stay = api_of(house, ONE).book(start=start.isoformat(), end=(start + timedelta(hours=2)).isoformat()).json()
    last = house.reads.reservation(ONE, stay["id"], now).check_in_until
    house.clock.put(last - timedelta(minutes=1))
    phone.goto(f"{house.url}/c/{house.code()}")
    phone.get_by_role("link", name="统一身份认证登录").click()
    phone.wait_for_selector("#id_username")
    ahead(house, minutes=3)  # the window has closed meanwhile
    at_the_university(phone)
    phone.wait_for_url("**/check-in")
    phone.get_by_role("button", name="签到").click()
    phone.wait_for_url("**/done/checked-in")
    seen = house.reads.reservation(ONE, stay["id"], house.clock.now())
    assert seen.status == "in-use"
    assert [line.occurred_at for line in seen.history if line.change == "checked-in"] == [last - timedelta(minutes=1)]


def test_signing_in_by_openid_and_out_of_both(open_library, oidc, desktop):
    house = open_library(**oidc())
    desktop.goto(f"{house.url}/me")
    desktop.get_by_role("link", name="统一身份认证登录").click()
    at_the_university(desktop)
    desktop.wait_for_url(f"{house.url}/me")
    assert ONE in desktop.content()
    desktop.goto(f"{house.url}/sign-out")
    desktop.get_by_role("button", name="退出").click()
    desktop.get_by_role("link", name="同时退出统一身份认证").click()
    desktop.wait_for_url(f"{house.url}/sign-in")
    desktop.get_by_role("link", name="统一身份认证登录").click()
    assert desktop.locator("#id_password").is_visible()  # nobody comes back without the password


def test_signing_out_at_the_cas_server_signs_out_here(open_library, cas, university, desktop, wait_for):
    house = open_library(**cas())
    desktop.goto(f"{house.url}/sign-in?next=/me")
    desktop.get_by_role("link", name="统一身份认证登录").click()
    at_the_university(desktop)
    desktop.wait_for_url(f"{house.url}/me")
    desktop.goto(f"{university.cas}/logout")
    wait_for(lambda: signed_out(desktop, house), "our page asks to sign in")


def signed_out(page, house):
    page.goto(f"{house.url}/me")
    return page.url.startswith(f"{house.url}/sign-in")


def test_signing_out_here_leaves_the_cas_server_to_a_second_click(open_library, cas, university, phone):
    house = open_library(**cas())
    phone.goto(f"{house.url}/sign-in?next=/me")
    phone.get_by_role("link", name="统一身份认证登录").click()
    at_the_university(phone)
    phone.wait_for_url(f"{house.url}/me")
    phone.goto(f"{house.url}/sign-out")
    phone.get_by_role("button", name="退出").click()
    phone.get_by_role("link", name="返回").click()
    phone.get_by_role("link", name="统一身份认证登录").click()
    phone.wait_for_url(f"{house.url}/areas")  # still signed in there: one click, no password
    phone.goto(f"{house.url}/sign-out")
    phone.get_by_role("button", name="退出").click()
    phone.get_by_role("link", name="同时退出统一身份认证").click()
    phone.wait_for_url(lambda url: url.startswith((university.cas, f"{house.url}/sign-in")))
    phone.goto(f"{house.url}/sign-in/cas")
    assert phone.locator("#id_password").is_visible()
