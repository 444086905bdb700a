"""A server that speaks enough of MongoDB's wire protocol for pymongo's own client.

Messages are those of the protocol's public description: OP_MSG (2013), with its sections of
kind 0 and 1, and the OP_QUERY (2004) that a client greets with. Documents are kept in memory,
each collection by ``_id``; what a command asks for beyond that is refused by its name.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import bson

_HEADER = struct.Struct("<iiii")
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_MORE_TO_COME = 2
_BSON_MAX = 16 << 20

Document = dict[str, Any]


class FakeMongo:
    """The server, on a loopback port that the kernel picks; a context manager.

    :param refuse: says for a command's name and document which error code it gets, 0 for none;
        None cuts the connection after the command was carried out.
    """

    def __init__(self, refuse: Callable[[str, Document], int | None] = lambda name, doc: 0) -> None:
        self.refuse = refuse
        self.collections: dict[str, dict[bytes, Document]] = {}
        self.commands: list[str] = []
        self._lock = threading.Lock()
        self._open: set[Any] = set()
        fake = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                fake._open.add(self.request)
                try:
                    fake._serve(self.request)
                except (ConnectionError, EOFError, OSError):
                    pass
                finally:
                    fake._open.discard(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = False
            block_on_close = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.01)
        )

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self._server.server_address[1]}"

    def documents(self, name: str) -> list[Document]:
        """The documents of a collection (``database.collection``)."""
        with self._lock:
            return list(self.collections.get(name, {}).values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End, as a server that is shut down does; idempotent."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        for each in list(self._open):
            try:
                each.shutdown(2)
            except OSError:
                pass
        self._server.server_close()

    def _serve(self, connection: Any) -> None:
        while True:
            size, number, _, code = _HEADER.unpack(_read(connection, 16))
            body = _read(connection, size - 16)
            if code == _OP_QUERY:
                document = bson.decode(body[body.index(b"\0", 4) + 9 :])
                greeting = bson.encode(self._command(document))
                reply = struct.pack("<iqii", 8, 0, 0, 1) + greeting
                connection.sendall(_HEADER.pack(16 + len(reply), 0, number, _OP_REPLY) + reply)
                continue
            assert code == _OP_MSG, f"the client sent a message of kind {code}"
            flags, document = _read_message(body)
            refusal = self.refuse(next(iter(document)), document)
            answer: Document
            if refusal:
                answer = {"ok": 0.0, "code": refusal, "errmsg": f"refused with {refusal}"}
            else:
                answer = self._command(document)
            if refusal is None:
                return
            if not flags & _MORE_TO_COME:
                reply = struct.pack("<iB", 0, 0) + bson.encode(answer)
                connection.sendall(_HEADER.pack(16 + len(reply), 0, number, _OP_MSG) + reply)

    def _command(self, document: Document) -> Document:
        name = next(iter(document))
        with self._lock:
            self.commands.append(name)
            where = f"{document.get('$db')}.{document[name]}"
            if name in ("hello", "ismaster", "isMaster"):
                return {
                    "ok": 1.0,
                    "ismaster": True,
                    "isWritablePrimary": True,
                    "helloOk": True,
                    "maxBsonObjectSize": _BSON_MAX,
                    "maxMessageSizeBytes": 48_000_000,
                    "maxWriteBatchSize": 100_000,
                    "minWireVersion": 0,
                    "maxWireVersion": 21,
                }
            if name == "insert":
                return self._insert(where, document["documents"])
            if name == "update":
                return self._update(where, document["updates"])
            if name in ("endSessions", "ping"):
                return {"ok": 1.0}
            return {"ok": 0.0, "code": 59, "errmsg": f"no such command: {name}"}

    def _insert(self, where: str, documents: list[Document]) -> Document:
        kept = self.collections.setdefault(where, {})
        for place, document in enumerate(documents):
            key = bson.encode({"": document["_id"]})
            if key in kept:
                error = {"index": place, "code": 11000, "errmsg": "E11000 duplicate key"}
                return {"ok": 1.0, "n": place, "writeErrors": [error]}
            kept[key] = document
        return {"ok": 1.0, "n": len(documents)}

    def _update(self, where: str, updates: list[Document]) -> Document:
        kept = self.collections.setdefault(where, {})
        matched = 0
        for place, update in enumerate(updates):
            assert update["q"].keys() == {"_id"}, "only by _id"
            key = bson.encode({"": update["q"]["_id"]})
            change = update["u"]
            if key in kept and "$set" in change:
                kept[key].update(change["$set"])
                matched += 1
            elif "$set" not in change and (key in kept or update.get("upsert")):
                size = len(bson.encode(change))
                if size > _BSON_MAX:
                    error = {"index": place, "code": 10334, "errmsg": f"BSONObj size: {size}"}
                    return {"ok": 1.0, "n": matched, "writeErrors": [error]}
                kept[key] = change
                matched += 1
        return {"ok": 1.0, "n": matched, "nModified": matched}


def _read(connection: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(min(1 << 20, size - len(data)))
        if not piece:
            raise EOFError
        data += piece
    return data


def _read_message(body: bytes) -> tuple[int, Document]:
    (flags,) = struct.unpack_from("<I", body)
    document: Document = {}
    lists: dict[str, list[Document]] = {}
    place = 4
    while place < len(body):
        kind, place = body[place], place + 1
        (size,) = struct.unpack_from("<i", body, place)
        section, place = body[place : place + size], place + size
        if kind == 0:
            document = bson.decode(section)
        else:
            end = section.index(b"\0", 4)
            lists[section[4:end].decode()] = list(bson.decode_iter(section[end + 1 :]))
    return flags, {**document, **lists}
