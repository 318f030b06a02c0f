"""A web server that misbehaves on request: `python -P asr_bad_server.py FOLDER`.

FOLDER holds zip files. It prints its port and serves /BEHAVIOUR/model-list.json and
/BEHAVIOUR/NAME.zip, where BEHAVIOUR says what goes wrong. /log tells what was asked and sent.
It shares no code with the project: it is the other side.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1])
LOG: list[dict[str, object]] = []
COUNTS: dict[str, int] = {}
LOCK = threading.Lock()
DROP_AFTER = 400_000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        _, behaviour, name = [*self.path.split("/", 2), ""][:3]
        with LOCK:
            COUNTS[self.path] = COUNTS.get(self.path, 0) + 1
            self.time = COUNTS[self.path]
        if behaviour == "log":
            self.reply(200, json.dumps(LOG).encode())
        elif name == "model-list.json":
            self.send_list(behaviour)
        else:
            self.send_zip(behaviour, name)

    def send_list(self, behaviour: str) -> None:
        if behaviour == "no-list":
            return self.reply(404, b"not here")
        if behaviour == "empty-list":
            return self.reply(200, b"[]")
        if behaviour == "login-page":
            return self.reply(200, b"<html>Please sign in</html>")
        if behaviour == "huge-list":
            return self.reply(200, b"[" + b" " * 3_000_000 + b"]")
        if behaviour == "list-500-twice" and self.time <= 2:
            return self.reply(500, b"sorry")
        entries = [{"name": "broken entry"}]
        for file in sorted(FOLDER.glob("*.zip")):
            data = file.read_bytes()
            md5 = hashlib.md5(data).hexdigest()
            entries.append(
                {
                    "lang": "de", "lang_text": "German", "name": file.stem, "obsolete": "false",
                    "md5": "0" * 32 if behaviour == "wrong-sum" else md5,
                    "size": len(data) + 7 if behaviour == "wrong-size" else len(data),
                    "size_text": "some", "type": "small", "version": "0.15",
                    "url": f"https://elsewhere.invalid/vosk/models/{file.name}",
                }
            )  # fmt: skip
        return self.reply(200, json.dumps(entries).encode())

    def send_zip(self, behaviour: str, name: str) -> None:
        file = FOLDER / name
        if behaviour == "no-file" or not file.is_file():
            return self.reply(404, b"not here")
        if behaviour == "forbidden":
            return self.reply(403, b"no")
        if behaviour == "always-500" or (behaviour == "500-twice" and self.time <= 2):
            return self.reply(500, b"sorry")
        if behaviour == "circle":
            return self.redirect(self.path)
        if behaviour == "redirect":
            return self.redirect(f"/fine/{name}")
        if behaviour == "stall" and self.time == 1:
            time.sleep(3)
            return self.hang_up()
        data = file.read_bytes()
        if behaviour == "too-long":
            data += b"more"
        etag = f'"{behaviour}-{self.time}"' if behaviour == "changes" else f'"{behaviour}"'
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if behaviour == "ignores-range" or self.headers.get("If-Range", etag) != etag:
            asked, start = None, 0
        if behaviour == "refuses-range" and asked:
            return self.reply(416, b"no ranges here")
        rest = data[start:]
        end = len(rest)
        if behaviour in {"drops", "no-etag", "refuses-range"} or (
            behaviour in {"drops-once", "ignores-range", "changes"} and self.time == 1
        ):
            end = min(end, DROP_AFTER)
        if behaviour == "drops-at-once":
            end = 0
        self.send_response(206 if asked else 200)
        if behaviour != "too-long":
            self.send_header("Content-Length", str(len(rest)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if behaviour != "no-etag":
            self.send_header("ETag", etag)
        self.end_headers()
        self.note(206 if asked else 200, end)
        step = 65536 if behaviour == "slow" else len(rest)
        for at in range(0, end, step):
            self.wfile.write(rest[at : min(end, at + step)])
            if behaviour == "slow":
                time.sleep(0.005)
        if end < len(rest):
            self.hang_up()
        return None

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.note(status, len(body))

    def redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.note(302, 0)

    def hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def note(self, status: int, sent: int) -> None:
        asked = self.headers.get("Range")
        with LOCK:
            LOG.append({"path": self.path, "range": asked, "status": status, "sent": sent})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
