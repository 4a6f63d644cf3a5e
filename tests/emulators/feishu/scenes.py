"""Each sample of the real service, or of its documentation, played against the emulator: name -> a scene.

A scene sets the stage as it must have been, makes the call of the sample and returns the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.emulators.feishu import faults
from tests.emulators.feishu.chat import hook_sign
from tests.emulators.feishu.model import Field
from tests.emulators.feishu.stage import NOON, Stage, sample
from tests.emulators.served import Answer, Fault

Scene = Callable[[], Answer]
UI_BY_NAME = {
    "人员": "User", "修改人": "ModifiedUser", "创建人": "CreatedUser", "创建时间": "CreatedTime", "单向关联": "SingleLink",
    "单选": "SingleSelect", "双向关联": "DuplexLink", "地理位置": "Location", "复选框": "Checkbox", "多选": "MultiSelect",
    "数字": "Number", "日期": "DateTime", "最后更新时间": "ModifiedTime", "条码": "Barcode", "电话号码": "Phone",
    "自动编号": "AutoNumber", "群组": "GroupChat", "评分": "Rating", "货币": "Currency", "超链接": "Url", "进度": "Progress",
    "附件": "Attachment", "任务执行人": "User", "开始日期": "DateTime", "是否延期": "Formula", "barcode": "Barcode",
    "email": "Email", "attachment": "Attachment", "formula_or_lookup": "Formula", "测试一下": "Attachment",
    "形象照链接": "Formula", "序号": "AutoNumber", "编号": "Number", "工时": "Number", "发布时间": "DateTime",
    "图片文件": "Attachment", "goal": "Number", "exp": "Number", "createdAt": "DateTime", "updatedAt": "DateTime",
}  # fmt: skip
"""The kinds of the fields that samples show without saying; any other is a text."""
LISTED = {
    "number": "Number", "single_select": "SingleSelect", "multi_select": "MultiSelect", "date": "DateTime",
    "checkbox": "Checkbox", "user": "User", "phone": "Phone", "url": "Url", "single_link": "SingleLink",
    "duplex_link": "DuplexLink", "formula": "Formula", "created_time": "CreatedTime", "modified_time": "ModifiedTime",
    "modified_user": "ModifiedUser", "barcode": "Barcode", "lookup": "Lookup", "custom_auto_number": "AutoNumber",
    "auto_number": "AutoNumber", "currency": "Currency", "progress": "Progress",
}  # fmt: skip


def token() -> Answer:
    stage = Stage()
    stage.feishu.add_app("cli_slkdjalasdkjasd", "REDACTED")
    return stage.ask("POST", "auth/v3/tenant_access_token/internal", sample("01")["request"])


def app() -> Answer:
    stage = Stage()
    stage.base.token, stage.base.name = sample("02")["body"]["data"]["app"]["app_token"], "mybase"
    stage.feishu.bases[stage.base.token] = stage.base
    stage.base_token = stage.base.token
    return stage.ask("GET", "app:")


def tables() -> Answer:
    stage = Stage("tblKz5D60T4JlfcT")
    stage.table.name = "数据表1"
    return stage.ask("GET", "app:/tables")


def new_table() -> Answer:
    return Stage().ask("POST", "app:/tables", sample("04")["request"])


def fields(name: str, **query: Any) -> Scene:
    """A listing of fields, these as they stood in the sample."""

    def play() -> Answer:
        stage = Stage()
        stage.add_fields(sample(name)["body"]["data"]["items"], stage.table)
        other = stage.add_table("tbltDA6cN3ou5r43", "数据表")
        other.fields.append(Field("fld0poyvPk", "数据表 6", "DuplexLink"))
        return stage.ask("GET", "…/fields", **query)

    return play


def dumped_fields() -> Answer:
    """The sample is a dump of three tables, so the answer is put together as one."""
    stage, ids = Stage(), {"events": "tblGGeNFxIWyWkj6", "timeline": "tbl36h41v2pW3EMZ", "users": "tblUsers"}
    names = {"events": "事件表（Events）", "timeline": "时间线表（Timeline）", "users": "users"}
    dump = sample("42")["body"]
    for one in dump:
        stage.add_fields(one["fields"], stage.add_table(ids[one["table"]], names[one["table"]]))
    listed = [(one["table"], stage.ask("GET", f"app:/tables/{ids[one['table']]}/fields").body) for one in dump]
    return Answer(body=[{"table": name, "fields": body["data"]["items"]} for name, body in listed])


def new_field(name: str) -> Scene:
    def play() -> Answer:
        stage = Stage()
        stage.add_field("文本", "Text").name = "主"
        stage.add_table("tblw92ErelmCmgHc", "数据表2" if name == "16" else "数据表 2")
        return stage.ask("POST", "…/fields", sample(name)["request"])

    return play


def changed_field(name: str) -> Scene:
    def play() -> Answer:
        stage, wanted = Stage(), sample(name)
        shown = wanted["body"]["data"]["field"]
        stage.add_field("主", "Text")
        ui, traits = {11: "User", 3: "SingleSelect"}[shown["type"]], {"multiple": False}
        if ui == "SingleSelect":
            traits = sample("10")["body"]["data"]["field"]["property"]
        stage.add_field("旧", ui, id=shown["field_id"], traits=traits)
        return stage.ask("PUT", f"…/fields/{shown['field_id']}", wanted["request"])

    return play


def deleted_field() -> Answer:
    stage = Stage()
    stage.add_field("主", "Text")
    stage.add_field("旧", "Text", id="fldPTb0U2y")
    return stage.ask("DELETE", "…/fields/fldPTb0U2y")


def stage_of(cells: dict[str, Any], kinds: dict[str, str] = UI_BY_NAME, **more: Any) -> Stage:
    stage = Stage(**more)
    for name in cells:
        if stage.table.named(name) is None:
            stage.add_field(name, kinds.get(name, "Text"))
    return stage


def searched() -> Answer:
    (item,) = sample("23")["body"]["data"]["items"]
    stage = stage_of(item["fields"])
    stage.add_record(item["record_id"], item["fields"])
    return stage.ask("POST", "…/records/search", {"automatic_fields": True})


def cells_of(name: str, part: str = "") -> Scene:
    """One record's cells; the answer is put together like the sample."""

    def play() -> Answer:
        body = sample(name)["body"]
        cells = body[part] if part else body
        stage = stage_of(cells)
        stage.add_record("recOne", cells)
        shown = stage.search()[0]["fields"]
        return Answer(body={part: shown} if part else shown)

    return play


def searched_really() -> Answer:
    described, found = sample("40")["body"]["data"]["items"], sample("41")["body"]["data"]["items"]
    stage = Stage()
    stage.app.scopes = ("base:record:retrieve",)
    stage.add_fields(described, stage.table)
    for item in found:
        stage.add_record(item["record_id"], item["fields"])
    return stage.ask("POST", "…/records/search", {}, page_size=20)


def first_page() -> Answer:
    """Three of the twenty rows were kept in the sample; the others are set up empty."""
    found = sample("44")["body"]["data"]["items"]
    stage = stage_of({name: None for item in found for name in item["fields"]})
    for item in found:
        stage.add_record(item["record_id"], item["fields"])
    for number in range(18):
        stage.add_record(f"recEmpty{number}", {})
    answer = stage.ask("POST", "…/records/search", {})
    assert len(answer.body["data"]["items"]) == 20
    del answer.body["data"]["items"][3:]
    return answer


def listed_really() -> Answer:
    (item,) = sample("45")["body"]["data"]["items"]
    stage = stage_of(item["fields"])
    cells = item["fields"] | {name: int(item["fields"][name]) for name in ("exp", "goal")}
    stage.add_record(item["record_id"], cells | {"identifier": [{"type": "text", "text": "1"}]})
    return stage.ask("GET", "…/records")


def listed() -> Answer:
    item = sample("46")["body"]["data"]["items"][0]
    stage, cells = stage_of(item["fields"], LISTED, table_id="tblBJyX6jZteblYv"), dict(item["fields"])
    record = stage.add_record(item["record_id"], {})
    for name in ("primary", "text"):
        cells[name] = [{"type": "text", "text": cells[name]}]
    cells |= {
        name: float(cells[name]) if "." in cells[name] else int(cells[name])
        for name in ("number", "currency", "progress")
    }
    cells |= {"modified_user": [cells["modified_user"]], "barcode": [{"type": "text", "text": cells["barcode"]}]}
    for name in ("single_link", "duplex_link"):
        field = stage.table.written(name)
        ids = cells.pop(name)[0]["record_ids"]
        field.traits = stage.link_to(name, ids, stage.table)
        record.cells[field.id] = ids
    rule = {"type": "custom", "options": [["system_number", "3"], ["fixed_text", "no"], ["created_time", "yyyyMMdd"]]}
    rule["options"] = [{"type": kind, "value": value} for kind, value in rule["options"]]
    stage.table.written("custom_auto_number").traits = {"auto_serial": rule}
    del cells["custom_auto_number"]
    for name, cell in cells.items():
        stage.hold(record, stage.table.written(name), cell)
    stage.hold(stage.table.records["recnVYsuqV"], stage.table.fields[0], cells["primary"])
    for number in range(6):
        stage.add_record(f"recEmpty{number}", {})
    return stage.ask("GET", "…/records", page_size=1)


def ready_to_write(cells: dict[str, Any], record_id: str = "") -> Stage:
    """What the cells of a request refer to is there."""
    stage = stage_of(cells)
    for name in ("单向关联", "双向关联"):
        if name in cells:
            other = stage.add_table(f"tbl{name}", name)
            field = stage.table.written(name)
            field.traits = stage.link_to(name, cells[name], other)
    for one in cells.get("人员", []):
        stage.know(one | {"name": one["id"]})
    for one in cells.get("群组", []):
        stage.feishu.groups[one["id"]] = {"name": "群", "avatar_url": ""}
    for one in cells.get("附件", []):
        stage.feishu.add_file("a.png", 1, "image/png", one["file_token"])
    if record_id:
        stage.add_record(record_id, {})
    return stage


def unmasked(request: dict[str, Any]) -> dict[str, Any]:
    """The samples mask phone numbers, and a masked one is none."""
    return json.loads(json.dumps(request).replace("1302616xxxx", "13026160000"))


def created() -> Answer:
    request = unmasked(sample("26")["request"])
    return ready_to_write(request["fields"]).ask("POST", "…/records", request)


def updated() -> Answer:
    request = unmasked(sample("27")["request"])
    return ready_to_write(request["fields"], "reclAqylTN").ask("PUT", "…/records/reclAqylTN", request)


def batch_created() -> Answer:
    request = unmasked(sample("28")["request"])
    return ready_to_write(request["records"][0]["fields"]).ask("POST", "…/records/batch_create", request)


def batch_updated() -> Answer:
    request = unmasked(sample("29")["request"])
    return ready_to_write(request["records"][0]["fields"], "reclAqylTN").ask("POST", "…/records/batch_update", request)


def batch_deleted() -> Answer:
    return ready_to_write({}, "recwNXzPQv").ask("POST", "…/records/batch_delete", sample("30")["request"])


def batch_got() -> Answer:
    wanted = sample("31")
    (item,) = wanted["body"]["data"]["records"]
    stage = stage_of(item["fields"])
    stage.add_record(item["record_id"], item["fields"])
    return stage.ask("POST", "…/records/batch_get", wanted["request"])


def wiki_node() -> Answer:
    stage = Stage()
    return stage.ask("GET", f"wiki/v2/spaces/get_node?token={stage.feishu.add_node(stage.base_token)}")


def message() -> Answer:
    stage = Stage()
    chat = stage.feishu.add_chat(stage.app.id)
    body = sample("35")["request"] | {"receive_id": chat}
    return stage.ask("POST", "im/v1/messages", body, receive_id_type="chat_id")


def injected(fault: Fault) -> Scene:
    return lambda: fault.answer or Answer()


def filtered(name: str, ui: str, operator: str, *value: str) -> Scene:
    def play() -> Answer:
        stage = Stage()
        stage.add_field(name, ui)
        condition = {"field_name": name, "operator": operator, "value": list(value)}
        return stage.ask("POST", "…/records/search", {"filter": {"conjunction": "and", "conditions": [condition]}})

    return play


def wrong_name() -> Answer:
    stage = stage_of({"媒体名称": None})
    return stage.ask("POST", "…/records", {"fields": {"'媒体名称'": "x"}})


def no_scope() -> Answer:
    stage = Stage()
    stage.feishu.fine_scopes, stage.app.scopes = False, ("base:record:create",)
    return stage.ask("POST", "…/records", {"fields": {}})


def not_shared() -> Answer:
    stage = Stage()
    stage.feishu.share(stage.base_token, stage.app.id, "none")
    return stage.ask("GET", "app:/tables")


def text_as_date() -> Answer:
    return stage_of({"日期": None}).ask("POST", "…/records", {"fields": {"日期": "2026-09-12 10:00:00"}})


def no_record() -> Answer:
    return stage_of({"文本": None}).ask("PUT", "…/records/recNone", {"fields": {"文本": "x"}})


def said(sign: bool = True, **bot: Any) -> Scene:  # noqa: FBT001, FBT002 - a table of scenes reads better so
    def play() -> Answer:
        stage = Stage()
        hook, timestamp = stage.feishu.add_bot("s3", **bot), str(NOON // 1000)
        body = {"timestamp": timestamp, "sign": hook_sign(timestamp, "s3" if sign else "other")}
        return stage.ask("POST", f"bot/v2/hook/{hook}", body | {"msg_type": "text", "content": {"text": "到期"}})

    return play


SCENES: dict[str, Scene] = {
    "01": token, "02": app, "03": tables, "04": new_table,
    "05": fields("05", page_size=100), "40": fields("40", page_size=20, view_id="vewStage00"), "42": dumped_fields,
    **{name: new_field(name) for name in ("06", "09", *map(str, range(10, 23))) if name != "11"},
    "07": changed_field("07"), "11": changed_field("11"), "08": deleted_field,
    "23": searched, "24": cells_of("24", "fields"), "25": cells_of("25"), "43": cells_of("43"),
    "41": searched_really, "44": first_page, "45": listed_really, "46": listed,
    "26": created, "27": updated, "28": batch_created, "29": batch_updated, "30": batch_deleted, "31": batch_got,
    "32": wiki_node, "35": message,
    "36": injected(faults.slow_down(52)), "54": injected(faults.NOT_READY), "56": injected(faults.TOKEN_EXPIRED),
    "50": filtered("主办律师", "User", "is", "ou_xxx"),
    "51": filtered("开庭日", "DateTime", "isGreaterEqual", "ExactDate", "1738368000000"),
    "52": wrong_name, "53": no_scope, "55": not_shared, "57": text_as_date, "58": no_record,
    "59": said(), "60": said(sign=False), "61": said(keyword="互助"), "62": said(allowed=False),
}  # fmt: skip
