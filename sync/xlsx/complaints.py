"""One sentence for each way a workbook can be unusable, in both languages, and the exit code it ends in."""

from __future__ import annotations

import errno

from sync.errors import Conflict, HuzhuError, RunFailed, SetupError

_COMPLAINTS: dict[str, tuple[type[HuzhuError], str, str]] = {
    "missing": (
        SetupError,
        "找不到工作簿 {name}，请运行 huzhu init 新建，或运行 huzhu demo 看示例。",
        "The workbook {name} does not exist; run `huzhu init` to make it, or `huzhu demo` to see an example.",
    ),
    "folder": (
        SetupError,
        "{name} 是文件夹，请在配置 backend.workbook.path 中填写 .xlsx 文件。",
        "{name} is a folder; name an .xlsx file in backend.workbook.path.",
    ),
    "no_folder": (
        SetupError,
        "工作簿 {name} 所在的文件夹不存在，请先建立文件夹或修改 backend.workbook.path。",
        "The folder of the workbook {name} does not exist; make it, or correct backend.workbook.path.",
    ),
    "unreadable": (
        SetupError,
        "没有权限读取 {name}，请为运行 huzhu 的用户开放读取权限。",
        "{name} may not be read; give the user that runs huzhu the right to read it.",
    ),
    "read_only_file": (
        SetupError,
        "{name} 是只读文件，请取消只读属性后再运行。",
        "{name} is read-only; clear its read-only mark and run again.",
    ),
    "read_only_folder": (
        SetupError,
        "{name} 所在的文件夹不能写入，请为运行 huzhu 的用户开放写入权限。",
        "The folder of {name} cannot be written to; give the user that runs huzhu the right to write there.",
    ),
    "empty": (
        SetupError,
        "{name} 是空文件（0 字节），请换回备份，或删除它后运行 huzhu init。",
        "{name} is empty (0 bytes); put a backup back, or delete it and run `huzhu init`.",
    ),
    "not_xlsx": (
        SetupError,
        "{name} 不是 .xlsx 工作簿，请用 Excel、WPS 或 LibreOffice 打开后另存为 .xlsx。",
        "{name} is not an .xlsx workbook; open it in Excel, WPS or LibreOffice and save it as .xlsx.",
    ),
    "password": (
        SetupError,
        "{name} 设有打开密码，请在“另存为”中去掉密码。",
        "{name} is protected by a password; save it again without one.",
    ),
    "old_xls": (
        SetupError,
        "{name} 是旧的 .xls 格式，请另存为 .xlsx。",
        "{name} is in the old .xls format; save it as .xlsx.",
    ),
    "damaged": (
        SetupError,
        "{name} 已损坏或不完整，请换回备份，或在 Excel 中修复后另存为 .xlsx。",
        "{name} is damaged or incomplete; put a backup back, or repair it in Excel and save it as .xlsx.",
    ),
    "too_big": (
        SetupError,
        "{name} 解压后超过 {limit} MB，请把旧记录移到另一个文件。",
        "{name} is over {limit} MB when unpacked; move old rows to another file.",
    ),
    "too_wide": (
        SetupError,
        "{name} 的“{title}”一直用到第 {rows} 行、第 {columns} 列，请删除远处的单元格（超过 {limit} 格不读取）。",
        "The tab {title} of {name} reaches row {rows}, column {columns}: over {limit} cells; delete those far out.",
    ),
    "seeded": (
        SetupError,
        "“{title}”已有内容或表头被改过，示例数据只写入新建的表。",
        "The tab {title} already holds rows or other headers; example rows go into new tabs only.",
    ),
    "no_tab": (
        SetupError,
        "{name} 中没有“{title}”工作表，请运行 huzhu init。",
        "{name} has no tab {title}; run `huzhu init`.",
    ),
    "open": (
        RunFailed,
        "{name} 正在别处打开（{by}），请关闭后再运行，本次没有写入。",
        "{name} is open elsewhere ({by}); close it and run again. Nothing was written.",
    ),
    "changed": (
        Conflict,
        "{name} 在读取之后被人改过，本次没有写入。",
        "{name} was changed since it was read; nothing was written.",
    ),
    "full": (
        RunFailed,
        "磁盘已满，{name} 没有改动，请清理空间后再运行。",
        "The disk is full; {name} is as it was. Free some space and run again.",
    ),
    "write_failed": (
        RunFailed,
        "写入 {name} 失败（{reason}），原文件没有改动。",
        "{name} could not be written ({reason}); it is as it was.",
    ),
    "read_failed": (
        RunFailed,
        "读取 {name} 失败（{reason}），请稍后再运行。",
        "{name} could not be read ({reason}); run again later.",
    ),
}
_WHILE_WRITING = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "read_only_folder",
    errno.EPERM: "read_only_folder",
    errno.EROFS: "read_only_folder",
}
_WHILE_READING = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EISDIR: "folder",
    errno.EACCES: "unreadable",
    errno.EPERM: "unreadable",
}


def complaint(code: str, **facts: object) -> HuzhuError:
    """The error to raise for *code*, its sentence filled with *facts*."""
    error, zh, en = _COMPLAINTS[code]
    return error(zh.format(**facts), en.format(**facts))


def while_writing(error: OSError, name: str) -> HuzhuError:
    """The error to raise when the system refused a write beside or over the workbook *name*."""
    return complaint(_WHILE_WRITING.get(error.errno or 0, "write_failed"), name=name, reason=error.strerror)


def while_reading(error: OSError, name: str) -> HuzhuError:
    """The error to raise when the system refused to read the workbook *name*."""
    return complaint(_WHILE_READING.get(error.errno or 0, "read_failed"), name=name, reason=error.strerror)
