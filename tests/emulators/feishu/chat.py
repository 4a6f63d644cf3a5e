"""The calls around the bases: tokens, the group bot's address, messages of an app, wiki nodes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.emulators.feishu.ask import Ask
from tests.emulators.feishu.errors import NotEmulated, Refused
from tests.emulators.feishu.tenant import Bot, Tenant
from tests.emulators.served import Call

HOUR = 3_600_000
MOST_HOOK, MOST_TEXT, MOST_CARD = 20_000, 150_000, 30_000
SAYS = {"text": "content", "post": "content", "share_chat": "content", "image": "content", "interactive": "card"}
"""Kind of message -> the part of a hook's body that holds it."""

Data = dict[str, Any]


def tenant_token(tenant: Tenant, _call: Call, body: Data) -> Data:
    app_id, secret = body.get("app_id"), body.get("app_secret")
    if not app_id or not secret or app_id not in tenant.apps:
        raise Refused(10003)
    app = tenant.apps[app_id]
    if app.secret != secret:
        raise Refused(10015)
    if app.stopped:
        raise Refused(10014)
    token, seconds = tenant.token_for(app)
    return {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": seconds}


def hook_sign(timestamp: str, secret: str) -> str:
    """The signature that a group bot wants: the key is the moment and the secret, the message is empty."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), digestmod=hashlib.sha256).digest()).decode()


def speak_in_group(tenant: Tenant, call: Call, body: Data) -> Data:
    """What a custom bot answers: HTTP 200 whatever happened."""
    bot = tenant.bots.get(call.path.rsplit("/", 1)[-1])
    if bot is None:
        raise Refused(19001)
    if not bot.allowed:
        raise Refused(19022)
    if bot.secret and not signed(tenant, bot, body):
        raise Refused(19021)
    kind = body.get("msg_type", "")
    if not isinstance(body.get(SAYS.get(kind, "")), dict) or len(call.body) > MOST_HOOK:
        raise Refused(9499)
    if bot.keyword not in call.body.decode() and bot.keyword not in json.dumps(body, ensure_ascii=False):
        raise Refused(19024)
    bot.messages.append(body)
    return {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


def signed(tenant: Tenant, bot: Bot, body: Data) -> bool:
    timestamp = str(body.get("timestamp", ""))
    recent = timestamp.isdigit() and abs(int(timestamp) * 1000 - tenant.clock()) <= HOUR
    return recent and hmac.compare_digest(str(body.get("sign", "")), hook_sign(timestamp, bot.secret))


def create_message(ask: Ask) -> Data:
    """The same uuid within an hour answers the same message and says nothing twice."""
    tenant, body = ask.tenant, ask.body
    if ask.call.one("receive_id_type") != "chat_id":
        raise NotEmulated("messages to others than a chat")
    content, kind = body.get("content"), body.get("msg_type")
    if kind not in {"text", "post", "interactive"} or not is_object(content):
        raise Refused(230001)
    if len(str(content).encode()) > (MOST_CARD if kind == "interactive" else MOST_TEXT):
        raise Refused(230001)
    chat, now = tenant.chats.get(body.get("receive_id", "")), tenant.clock()
    if chat is None or ask.app.id not in chat.apps:
        raise Refused(230002)
    told, message = tenant.sent.get(body.get("uuid", ""), (0, {}))
    if message and now - told <= HOUR:
        return message
    message = {
        "message_id": tenant.ids("om_", 35),
        "msg_type": kind,
        "create_time": str(now),
        "update_time": str(now),
        "deleted": False,
        "updated": False,
        "chat_id": chat.id,
        "sender": {"id": ask.app.id, "id_type": "app_id", "sender_type": "app", "tenant_key": "736588c9260f175e"},
        "body": {"content": content},
    }
    chat.messages.append(message)
    if body.get("uuid"):
        tenant.sent[body["uuid"]] = (now, message)
    return message


def is_object(text: Any) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False


def get_node(ask: Ask) -> Data:
    token, moment = ask.call.one("token"), "1642402428"
    node = ask.tenant.nodes.get(token)
    if ask.call.one("obj_type", "wiki") != "wiki":
        raise NotEmulated("a node by the token of its document")
    if node is None:
        raise Refused(131005)
    if not node["readable"]:
        raise Refused(131006)
    base, owner = ask.tenant.bases[node["obj_token"]], ask.tenant.members[0].ids["open_id"]
    own = {"space_id": "6946843325487912356", "node_token": token, "obj_token": base.token, "obj_type": "bitable"}
    origin = {"parent_node_token": "", "node_type": "origin", "origin_node_token": token}
    times = dict.fromkeys(("obj_create_time", "obj_edit_time", "node_create_time"), moment)
    people = dict.fromkeys(("creator", "owner", "node_creator"), owner)
    rest = {"origin_space_id": own["space_id"], "has_child": False, "title": base.name}
    return {"node": own | origin | rest | times | people}
