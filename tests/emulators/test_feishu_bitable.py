"""The emulator answers as the real service did, and as its documentation says where nobody has seen it answer."""

from __future__ import annotations

import pytest

from tests.emulators.feishu.scenes import SCENES
from tests.emulators.feishu.stage import SAMPLES, differences, sample

NOT_REPLAYED = {
    "33": "the list of automations is no call of a worker: 501",
    "34": "an event that the service pushes; nothing asks for it",
}
READ = {"02", "03", "05", "08", "23", "24", "25", "31", "40", "41", "42", "43", "44", "45", "46"}
"""These show the ids of what was set up; in the others ids need only be of the same kind."""
ODD = {
    "04": {"data.field_id_list": "two fields are asked for, the sample names one id"},
    "19": {"data.field.property.max": "4 is asked for, the sample shows 100"},
    "26": {
        "data.record.fields.任务名称": "the sample's answer is of another request",
        "data.record.fields.创建日期": "as above",
        "data.record.fields.截止日期": "as above",
    },
    "27": {
        "data.record.fields.多行文本": "the request names the field 文本",
        "data.record.fields.索引": "the request has another text",
    },
    "28": {
        f"data.records[{row}].fields.{name}": "the sample's answer is of another request"
        for row in (0, 1)
        for name in ("任务名称", "创建日期", "截止日期")
    },
    "31": {"data.forbidden_record_ids": "the sample shows one record both forbidden and given"},
    "32": {
        f"data.node.{name}": "the sample's node holds a document"
        for name in ("node_token", "obj_token", "obj_type", "parent_node_token", "origin_node_token", "title")
    },
    "35": {
        f"data.{name}": "the sample is the answer to a card sent in a thread"
        for name in (
            "root_id", "parent_id", "thread_id", "msg_type", "create_time", "update_time", "mentions",
            "upper_message_id", "body.content",
        )
    },
}  # fmt: skip
"""Sample -> place -> why the emulator differs there."""
STATUS = {"58": "the documentation gives 200; 400 is what another project's test made of it"}


def test_every_sample_is_replayed_or_listed() -> None:
    names = {path.name[:2] for path in SAMPLES.glob("*.json")}
    assert len(names) == 56
    assert set(SCENES) | set(NOT_REPLAYED) == names
    assert not set(SCENES) & set(NOT_REPLAYED)


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_sample_is_answered_as_it_was(name: str) -> None:
    wanted, answer = sample(name), SCENES[name]()
    if name == "01":
        answer.body["tenant_access_token"] = answer.body["tenant_access_token"][:2] + "REDACTED"
    assert set(differences(wanted["body"], answer.body, loose=name not in READ)) == set(ODD.get(name, {}))
    if name not in STATUS:
        assert answer.status == wanted.get("http_status", answer.status)
    for header, value in wanted.get("headers", {}).items():
        assert header == "Content-Type" or answer.headers[header] == value
