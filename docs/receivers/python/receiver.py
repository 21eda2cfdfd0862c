"""Takes the webhooks of handoff: verifies each, keeps it once, answers at once, and works afterwards.

Python 3.11, standard library alone. It has no ed25519, so this verifies shared secrets (whsec_, v1) and no public keys (whpk_, v1a).
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import os
import pathlib
import queue
import re
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 5 * 60  # seconds
MAX_BODY = 8 << 20
MAX_WAITING = 1000


def parse_secret(text: str) -> bytes:
    prefix, _, encoded = text.partition("_")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        secret = b""
    if prefix != "whsec" or len(secret) < 24:  # an empty HMAC key would verify for everybody
        raise SystemExit("HANDOFF_WEBHOOK_KEY must be the endpoint's whsec_…")
    return secret


def verify(secret: bytes, headers, body: bytes) -> None:
    """Checks the signature over the bytes as they came. The header lists one for each key while the sender changes keys."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,128}", webhook_id) or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise PermissionError("webhook-id or webhook-timestamp is missing or malformed")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise PermissionError("webhook-timestamp is more than five minutes off")
    content = f"{webhook_id}.{timestamp}.".encode() + body
    want = b"v1," + base64.b64encode(hmac.digest(secret, content, hashlib.sha256))
    for entry in headers.get("webhook-signature", "").split():
        if hmac.compare_digest(entry.encode(), want):  # bytes, because it refuses text that is not ASCII
            return
    raise PermissionError("no signature matches")


def read(headers, body: bytes) -> dict:
    """What is kept of a request. The body stays as it came, and is parsed only to see whether it can be."""
    text = body.decode()
    json.loads(text)
    return {
        "id": headers["webhook-id"],
        "event": headers.get("handoff-event"),
        "conversation": headers.get("handoff-conversation"),
        "sequence": int(headers.get("handoff-sequence", 0)),  # the event's number in its conversation; 0 without one
        "attempt": int(headers.get("handoff-attempt", 0)),
        "gap": headers.get("handoff-gap") == "true",  # an earlier event of this contact did not get through
        "body": text,
    }


class Inbox:
    """A folder with one file for each webhook, and a second one, .done, when it was worked on.

    It stands for a table of your database whose primary key is the webhook-id. Forget a webhook-id after a month at the earliest.
    """

    def __init__(self, folder: str) -> None:
        """Reads what earlier runs kept: what they answered 2xx for and did not work on is worked on now."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.queue: queue.Queue[dict] = queue.Queue()
        self.last: dict[str, int] = {}  # the highest sequence that was worked on, by conversation
        self.lock = threading.Lock()  # keeps the order in which webhooks of a conversation come
        waiting = []
        for path in self.folder.glob("*.json"):
            webhook = json.loads(path.read_text("utf-8"))
            if path.with_suffix(".done").exists():
                self.seen(webhook)
            else:
                waiting.append(webhook)
        for webhook in sorted(waiting, key=lambda w: w["sequence"]):
            self.queue.put(webhook)

    def seen(self, webhook: dict) -> None:
        conversation = webhook["conversation"]
        self.last[conversation] = max(self.last.get(conversation, 0), webhook["sequence"])

    def put(self, webhook: dict) -> None:
        """Keeps a webhook, unless it is here already. When it returns, a crash loses nothing."""
        with self.lock, tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.folder, prefix="draft-") as draft:
            if self.queue.qsize() >= MAX_WAITING:
                raise OSError("too much is waiting")
            json.dump(webhook, draft)
            draft.flush()
            os.fsync(draft.fileno())
            try:
                os.link(draft.name, self.folder / (webhook["id"] + ".json"))  # the file appears whole, and once
            except FileExistsError:
                return
            self.queue.put(webhook)

    def work(self) -> None:
        """Takes one webhook after the other.

        A crash between handle and .done repeats handle: let your work bear that, or commit its effect and the mark in one transaction.
        """
        while True:
            webhook = self.queue.get()
            late = 0 < webhook["sequence"] < self.last.get(webhook["conversation"], 0)
            try:
                handle(webhook, late)
                self.seen(webhook)
                (self.folder / (webhook["id"] + ".done")).touch()
            except Exception:  # your queue's retry belongs here; this one retries at the next start
                logging.exception("webhook %s stays in %s", webhook["id"], self.folder)


def handle(webhook: dict, late: bool) -> None:
    """Your work.

    late says that a later event of the conversation came before this one, which had failed for long or was sent again by hand: do not
    let it undo what the later one did. Pass over events that you do not know.
    """
    print(json.dumps({**webhook, "late": late}), flush=True)


class Receiver(BaseHTTPRequestHandler):
    """Answers. Everything slow comes after the answer: a request is given up after 15 seconds, and sent again."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    secret: bytes
    inbox: Inbox

    def do_HEAD(self) -> None:
        self.answer(405)

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > MAX_BODY:
            self.close_connection = True  # the body stays unread
            return self.answer(413 if length else 411)
        body = self.rfile.read(int(length))
        try:
            verify(self.secret, self.headers, body)
        except PermissionError as error:
            return self.answer(401, str(error))
        if os.environ.get("STOP"):
            return self.answer(410)  # send nothing more to this URL
        try:
            webhook = read(self.headers, body)
        except (ValueError, RecursionError):
            return self.answer(422, header=("webhook-delivery", "abort-message"))  # no repeat of these bytes can be read
        try:
            self.inbox.put(webhook)
        except OSError:
            logging.exception("webhook %s is not kept", webhook["id"])
            return self.answer(503, "not kept: try again", header=("Retry-After", "30"))
        return self.answer(204)  # also for what was here before, or it would come again

    def answer(self, status: int, text: str = "", header: tuple[str, str] | None = None) -> None:
        self.send_response(status)
        if header:
            self.send_header(*header)
        if status != 204:  # which has no body and may not speak of one
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_) -> None:
        """Keeps requests out of the log."""


if __name__ == "__main__":
    Receiver.secret = parse_secret(os.environ.get("HANDOFF_WEBHOOK_KEY", ""))
    Receiver.inbox = Inbox("webhooks")
    threading.Thread(target=Receiver.inbox.work, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 0))), Receiver)  # a proxy in front of it speaks TLS
    logging.warning("listening on http://127.0.0.1:%d", server.server_port)
    server.serve_forever()
