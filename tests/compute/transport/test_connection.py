"""Whatever a server says, in whatever pieces: an answer ends or fails, once, and is nobody else's."""

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.base.errors import BrokenStream, InvalidAnswer
from perdure.compute.transport.plain.arriving import Arriving
from perdure.compute.transport.plain.connection import Connection

LINES = [
    *(
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 204 No\r\n",
        b"HTTP/1.1 100 Go\r\n",
        b"HTTP/1.1 101 X\r\n",
    ),
    *(
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
    ),
    *(
        b"Upgrade: x\r\n",
        b"X:\r\n",
        b"\r\n",
        b"\n",
        b" folded\r\n",
        b"abc",
        b"3\r\n",
        b"0\r\n",
        b"fff;x\r\n",
        b"\0",
        b"\xff",
    ),
]
pieces = st.lists(st.sampled_from(LINES) | st.binary(max_size=6), max_size=14)


class Wire:
    """The sending end of a connection, which only notes that it was closed."""

    def __init__(self):
        self.closed = False

    def writelines(self, lines):
        pass

    def abort(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return 0


@settings(max_examples=400, deadline=None)
@given(pieces)
def test_an_answer_ends_or_fails(said):
    freed, lost, wire = [], [], Wire()
    connection = Connection(("m.test", 80), freed.append, lost.append)
    connection.connection_made(wire)
    answer = Arriving("http://m.test", 1000)
    connection.send(b"head", b"body", answer, streamed=False)
    for piece in said:
        if not wire.closed:
            connection.data_received(piece)
        if answer.ended:
            break
    assert not (answer.ended and answer.error)
    assert bool(freed) == (answer.ended and not wire.closed)
    whole = answer.ended
    connection.connection_lost(None)
    assert lost == [connection]
    assert answer.ended or isinstance(answer.error, InvalidAnswer | BrokenStream)
    if whole:
        assert answer.error is None
    if answer.ended:
        assert answer.status >= 200 and len(answer.take()) <= 1000
