"""RFC 4511 section 4.11 (abandon): no answer, no harm, and the search it names ends."""
import pytest

import wire
from conftest import PEOPLE


def test_abandon_has_no_answer(server):
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        connection.send(wire.message(2, wire.abandon(99)), wire.message(3, wire.abandon(1)), wire.message(4, wire.abandon(4)),
                        wire.message(5, wire.search("", 0, attributes=["1.1"])))
        assert [(a.number, a.tag) for a in (connection.receive(), connection.receive())] == [(5, 0x64), (5, 0x65)]


def test_search_under_way_is_given_up(server):
    """The client does not read, so the search cannot be over when the abandon arrives."""
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        connection.send(*[wire.message(10 + i, wire.search("", 2, attributes=["*", "+"])) for i in range(30)],
                        *[wire.message(50 + i, wire.abandon(10 + i)) for i in range(30)],
                        wire.message(99, wire.search("", 0, attributes=["1.1"])))
        finished = set()
        while True:
            answer = connection.receive()
            assert answer is not None
            if answer.tag == 0x65:
                finished.add(answer.number)
                if answer.number == 99:
                    break
        assert not finished & set(range(50, 80)), "an abandon is never answered"


@pytest.mark.difference("slapd closes a connection with more requests waiting than conn_max_pending")
def test_storm(server):
    with wire.Wire(server.address) as connection:
        connection.bind("cn=config", "secret")
        for i in range(0, 5000, 50):
            connection.send(*[wire.message(100 + j, wire.abandon(j)) for j in range(i, i + 50)])
        connection.send(wire.message(9999, wire.search("", 0, attributes=["1.1"])))
        assert connection.receive().number == 9999


def test_abandon_of_a_bind_does_nothing(server):
    with wire.Wire(server.address) as connection:
        connection.send(wire.message(1, wire.bind("uid=ada," + PEOPLE, "lovelace")), wire.message(2, wire.abandon(1)))
        answer = connection.receive()
        assert (answer.number, answer.code) == (1, 0)
