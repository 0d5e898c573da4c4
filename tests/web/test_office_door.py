"""Getting into the back office, and what stays shut."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.email.models import OutboxMail
from channels.email.outbox import read_mail
from identity.operator_session import OperatorLink, OperatorSession, issue_first_link
from identity.operators import Operator, OperatorAct, OperatorRole, close_operator
from tests.web.office_pages import PASSWORD, AtOffice
from web.state import Hub


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub)


def test_the_first_link_makes_an_administrator_and_works_once(office: AtOffice, client: TestClient, hub: Hub) -> None:
    token = office.do(lambda session: issue_first_link(session, clock=hub.clock))
    office.set_up(f"/office/setup/{token}", email="Vera@Example.org", name="Vera")
    assert (office.path, office.status) == ("/office", 200)
    assert office.says("office.signed_in_as", name="Vera", role="administrator")
    again = AtOffice(client, hub).open(f"/office/setup/{token}")
    assert again.status == 410
    assert office.do(lambda session: issue_first_link(session, clock=hub.clock)) is None


def test_nothing_of_the_secrets_is_in_the_database_in_clear(office: AtOffice) -> None:
    office.join()

    async def dump(session: AsyncSession) -> str:
        return repr([list(await session.exec(select(model))) for model in (Operator, OperatorSession, OperatorLink)])

    kept = office.do(dump)
    assert office.secret not in kept
    assert PASSWORD not in kept
    assert office.client.cookies["office"] not in kept


def test_signing_in_takes_address_password_and_a_fresh_code(office: AtOffice) -> None:
    office.join()
    code = office.code()
    office.client.cookies.clear()
    for wrong in ({"email": "x@example.org"}, {"password": "wrong"}, {"code": "000000"}):
        office.sign_in(**wrong)
        assert office.status == 401
        assert office.says("office.error.sign_in_refused")
    office.sign_in(code=office.code())
    assert (office.path, office.status) == ("/office", 200)
    office.client.cookies.clear()
    assert office.sign_in(code=code).status == 401


@pytest.mark.parametrize("email", ["administrator@example.org", "nobody@example.org"])
def test_attempts_are_limited_for_known_and_unknown_addresses_alike(office: AtOffice, email: str) -> None:
    office.join()
    office.client.cookies.clear()
    said = [office.sign_in(email=email, code="000000").status for _ in range(6)]
    assert said == [401] * 5 + [429]


def test_a_link_comes_by_mail_and_lets_in_once_by_a_press(office: AtOffice, client: TestClient, hub: Hub) -> None:
    office.join()
    office.client.cookies.clear()
    office.open("/office/sign-in").send("/office/sign-in/link", email=office.email)
    assert office.says("office.done.link_sent")
    mail = office.do(lambda session: _first(session, OutboxMail))
    body = read_mail(mail.content).get_body(("plain",))
    assert body is not None
    path = urlsplit(next(word for word in body.get_content().split() if "/office/enter/" in word)).path
    first = AtOffice(client, hub).open(path).send(path)
    assert (first.path, first.status) == ("/office", 200)
    assert AtOffice(client, hub).open(path).status == 410


def test_asking_for_a_link_says_the_same_for_every_address(office: AtOffice) -> None:
    office.join()
    office.client.cookies.clear()
    known = office.open("/office/sign-in").send("/office/sign-in/link", email=office.email).text
    unknown = office.open("/office/sign-in").send("/office/sign-in/link", email="nobody@example.org").text
    assert known == unknown
    assert office.do(_count) == 1


def test_a_session_ends_when_it_is_not_used_and_after_half_a_day(office: AtOffice) -> None:
    office.join()
    office.clock.at += timedelta(hours=1, minutes=59)
    assert office.open("/office").path == "/office"
    office.clock.at += timedelta(hours=2, minutes=1)
    assert office.open("/office").path == "/office/sign-in"
    office.sign_in()
    for _ in range(7):
        office.clock.at += timedelta(hours=1, minutes=50)
        office.open("/office")
    assert office.path == "/office/sign-in"


def test_whoever_is_closed_is_out_at_once(office: AtOffice, client: TestClient, hub: Hub) -> None:
    office.join()
    other = AtOffice(client, hub).join(OperatorRole.EDITOR)
    office.do(lambda session: close_operator(session, other.id, clock=hub.clock))
    assert other.open("/office").path == "/office/sign-in"
    assert other.sign_in().status == 401


def test_a_form_without_the_pages_token_is_refused(office: AtOffice) -> None:
    office.join()
    refused = office.client.post("/office/account", data={"name": "Mallory", "token": "x"})
    assert refused.status_code == 403
    assert office.open("/office").says("office.signed_in_as", name="Vera", role="administrator")


def test_pages_keep_to_themselves(office: AtOffice) -> None:
    office.join()
    headers = office.open("/office").response.headers
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    cookie = office.open("/office/sign-in").sign_in().client.cookies
    assert "office" in cookie


def test_the_own_account_is_changed_and_told_in_the_trail(office: AtOffice) -> None:
    office.join()
    office.open("/office/account").send("/office/account", name="Vera Nova", language="it", time_zone="Europe/Rome")
    assert "Vera Nova" in office.text
    office.open("/office/account?lang=en").send(
        "/office/account/password", old=PASSWORD, new="another long password!", again="another long password!"
    )
    assert office.open("/office").status == 200
    acts = [row.act for row in office.do(lambda session: _all(session, OperatorAct))]
    assert acts == ["office.joined", "office.account_changed", "office.password_changed"]


async def _first[T](session: AsyncSession, model: type[T]) -> T:
    return (await session.exec(select(model))).one()


async def _all[T](session: AsyncSession, model: type[T]) -> list[T]:
    return list(await session.exec(select(model)))


async def _count(session: AsyncSession) -> int:
    return len(list(await session.exec(select(OutboxMail))))
