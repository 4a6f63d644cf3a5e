"""Feishu's tables (多维表格) as a program: a real HTTP server for the calls that a worker makes, with people beside it.

    feishu = FeishuBitable()
    feishu.add_app("cli_huzhu", "secret")
    base = feishu.add_base("互助")
    zhang = feishu.person(base, "张三")
    zhang.add_table("成员", ["服务中心", "负责人"], [["华北-北京", "张三"]])
    with Emulator(feishu) as server:
        ...  # the worker talks to server.url

`Emulator.between` lets people edit between two calls; `Emulator.fault` takes what `feishu/faults.py` offers. What the
service does by itself, late or out of order, are the knobs of `feishu/tenant.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if not __package__:  # run by its path, Python has put this folder on sys.path and not the root
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.emulators.feishu.person import Person
from tests.emulators.feishu.routes import answer
from tests.emulators.feishu.tenant import Tenant
from tests.emulators.served import Answer, Call, Emulator


class FeishuBitable(Tenant):
    """The service: a function from `Call` to `Answer`, with everything it knows."""

    def __call__(self, call: Call) -> Answer:
        return answer(self, call)

    def add_base(self, name: str, *, fresh: bool = False, **more: Any) -> str:
        """The app token of a new base. fresh: with the table of empty rows that the page puts into every new one."""
        token = super().add_base(name, **more)
        if fresh:
            kinds = [("文本", "Text"), ("单选", "SingleSelect"), ("日期", "DateTime"), ("附件", "Attachment")]
            self.person(token).add_table("数据表", kinds, [{} for _ in range(5)])
        return token

    def person(self, app_token: str, name: str = "张三") -> Person:
        """Somebody with the base open in the browser."""
        return Person(self, self.bases[app_token], name)


def told(feishu: FeishuBitable) -> Callable[[Call], Answer]:
    """The service, with a line for each call: HTTP 200 says little, so the code stands beside it."""

    def answer_aloud(call: Call) -> Answer:
        reply = feishu(call)
        print(call.method, call.path, reply.status, reply.body["code"], reply.body["msg"], flush=True)  # noqa: T201
        return reply

    return answer_aloud


def main() -> None:
    """Serve until interrupted."""
    options = argparse.ArgumentParser(description="An emulator of Feishu Bitable on loopback.")
    options.add_argument("--port", type=int, default=8766)
    options.add_argument("--add-base", action="append", default=[], metavar="NAME")
    options.add_argument("--app", default="cli_emulated:secret", metavar="ID:SECRET")
    given = options.parse_args()
    feishu = FeishuBitable()
    feishu.add_app(*given.app.split(":", 1))
    server = Emulator(told(feishu), given.port)
    print(f"serving {server.url} for the app {given.app}", flush=True)  # noqa: T201
    for name in given.add_base:
        print(f"base {name}: {feishu.add_base(name, fresh=True)}", flush=True)  # noqa: T201
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("stopped")  # noqa: T201


if __name__ == "__main__":
    main()
