"""RFC 4511 section 4.12 (extended operations), RFC 4532 (Who am I), RFC 3062 (Password Modify)."""
import pytest

import wire
from client import (INSUFFICIENT_ACCESS_RIGHTS, INVALID_CREDENTIALS, NO_SUCH_OBJECT, PROTOCOL_ERROR, SUCCESS,
                    UNWILLING_TO_PERFORM, Client, octets)
from conftest import PEOPLE

WHOAMI, PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.3", "1.3.6.1.4.1.4203.1.11.1"
ADA = "uid=ada," + PEOPLE


def test_unknown_operation(user):
    assert user.extended("1.3.6.1.4.1.55555.99.2").code == PROTOCOL_ERROR
    assert user.extended("1.3.6.1.4.1.55555.99.2", b"value").code == PROTOCOL_ERROR


def test_who_am_i(user, anonymous):
    assert user.whoami() == "dn:" + ADA
    assert anonymous.whoami() == ""


def test_who_am_i_with_a_value(user):
    assert user.extended(WHOAMI, b"x").code == PROTOCOL_ERROR


def test_root_dse_lists_the_operations(anonymous):
    supported = {v.decode() for v in anonymous.read("", ["supportedExtension"]).only["supportedExtension"]}
    assert {WHOAMI, PASSWORD_MODIFY} <= supported


@pytest.fixture
def account(root, branch):
    dn = "uid=pw," + branch
    assert root.add(dn, {"objectClass": "inetOrgPerson", "uid": "pw", "cn": "pw", "sn": "pw", "userPassword": "old password"}).code == 0
    return dn


def binds(server, dn, password):
    with Client(server.url) as client:
        code = client.bind(dn, password).code
    assert code in (SUCCESS, INVALID_CREDENTIALS)
    return code == SUCCESS


def test_own_password(server, connect, account):
    assert connect(account, "old password").password(account, "old password", "new pässword").code == SUCCESS
    assert binds(server, account, "new pässword") and not binds(server, account, "old password")


def test_own_password_without_naming_oneself(server, connect, account):
    assert connect(account, "old password").password(None, "old password", "newer").code == SUCCESS
    assert binds(server, account, "newer")


def test_own_password_without_the_old_one(server, connect, account):
    assert connect(account, "old password").password(account, None, "newer").code == SUCCESS
    assert binds(server, account, "newer")


def test_wrong_old_password(server, connect, account):
    result = connect(account, "old password").password(account, "wrong", "newer")
    assert result.code in (UNWILLING_TO_PERFORM, INVALID_CREDENTIALS), result
    assert binds(server, account, "old password")


@pytest.mark.parametrize("who", ["root", "admin"])
def test_administrators_set_passwords(request, server, account, who):
    assert request.getfixturevalue(who).password(account, None, "from above").code == SUCCESS
    assert binds(server, account, "from above")


def test_stored_as_a_hash(server, root, account):
    root.password(account, None, "hashed")
    stored, = root.read(account, ["userPassword"]).only["userPassword"]
    assert stored.startswith(b"{") and b"hashed" not in stored


def test_generated_password(server, root, account):
    result = root.password(account, None, None)
    assert result.code == SUCCESS
    (tag, generated), = wire.elements(wire.elements(result.value)[0][1])
    assert tag == 0x80 and len(generated) >= 8
    assert binds(server, account, generated.decode())


def test_others_may_not(user, account):
    result = user.password(account, None, "intruder")
    assert result.code in (INSUFFICIENT_ACCESS_RIGHTS, NO_SUCH_OBJECT)


def test_anonymous_may_not(server, anonymous, account):
    assert anonymous.password(account, "old password", "x").code != SUCCESS
    assert anonymous.password(None, "old password", "x").code != SUCCESS
    assert binds(server, account, "old password")


def test_user_who_does_not_exist(root, branch):
    assert root.password("uid=x," + branch, None, "x").code in (NO_SUCH_OBJECT, UNWILLING_TO_PERFORM)


def test_user_that_is_no_name(root):
    assert root.password("nonsense", None, "x").code in (34, 21, PROTOCOL_ERROR)


@pytest.mark.parametrize("value", [b"x", b"\x30\x05\x80\x01", b"\x30\x03\x89\x01x", b"\x30\x02\x80\x7f"])
def test_malformed_password_modify(root, value):
    assert root.extended(PASSWORD_MODIFY, value).code == PROTOCOL_ERROR


@pytest.mark.parametrize("new", ["", " "])
def test_poor_new_passwords(root, account, new):
    assert root.password(account, None, octets(new)).code in (SUCCESS, UNWILLING_TO_PERFORM, 19, PROTOCOL_ERROR)


def test_own_password_by_modify(server, connect, account):
    """"Everybody may change their own password": as a plain replace too."""
    assert connect(account, "old password").modify(account, ("replace", "userPassword", "plain")).code == SUCCESS
    assert binds(server, account, "plain") and not binds(server, account, "old password")
