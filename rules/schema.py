"""The shared sheet as data: every table and column, declared once.

Readers, validators, writers, headers, dropdowns, header notes, the demo workbook, the user documentation and the
test strategies all derive from `TABLES`. Two facts are kept apart: who owns a table's *rows* (`Table.owner`) and who
owns a *cell* (`Column.owner`), so that a write to a member's cell cannot be constructed.

Source: the table contract (docs/tables.md is generated from here by `huzhu schema --markdown`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from rules.words import Words


class Owner(Enum):
    """Who may write: a member of the alliance, or the worker."""

    MEMBER = "member"
    WORKER = "worker"


class Kind(Enum):
    """What a cell holds; each kind has one reader (rules/intake.py) and one written form."""

    KEY = "key"  # text that identifies a row; `007` stays `007`
    TEXT = "text"  # one line
    NOTE = "note"  # text that keeps its line breaks
    EMAIL = "email"
    COUNT = "count"  # whole number, 0 or more unless the column says otherwise
    POINTS = "points"  # whole number of either sign
    MONEY = "money"  # decimal, 0 or more
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"  # date and time of day, in the alliance's zone
    FLAG = "flag"  # yes/no
    CHOICE = "choice"
    LIST = "list"  # several keys in one cell


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what a person sees (header, doc) and what the rules rely on.

    not_before, at_most and differs_from name another field of the same row; a row that breaks one is left out.
    blank_means (when, field): a blank cell counts as *field* when *when* is filled in.
    """

    field: str
    header: str
    kind: Kind
    doc: Words
    owner: Owner = Owner.MEMBER
    required: bool = False
    refers_to: str = ""
    choices: tuple[str, ...] = ()
    least: int | None = None
    not_before: str = ""
    at_most: str = ""
    differs_from: str = ""
    default: str = ""
    blank_means: tuple[str, str] | None = None
    finds: tuple[str, str] | None = None  # a lookup column: (worker table, field) shown beside the member's row

    @property
    def is_text(self) -> bool:
        """True when the cell must be written as text, whatever it looks like."""
        return self.kind in (Kind.KEY, Kind.TEXT, Kind.NOTE, Kind.EMAIL, Kind.CHOICE, Kind.LIST)


@dataclass(frozen=True, slots=True)
class Table:
    """One tab. *key* names the fields that identify a row; *derived_key* those that a blank key is made from."""

    name: str
    title: str
    owner: Owner
    doc: Words
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    derived_key: tuple[str, ...] = ()
    optional: bool = False

    def __getitem__(self, field: str) -> Column:
        return next(column for column in self.columns if column.field == field)

    @property
    def typed(self) -> tuple[Column, ...]:
        """The columns this table's owner types (lookup columns are shown beside them, and not read)."""
        return tuple(column for column in self.columns if column.finds is None)

    @property
    def lookups(self) -> tuple[Column, ...]:
        """The worker's columns shown beside a member's rows by formula."""
        return tuple(column for column in self.columns if column.finds is not None)

    @property
    def fields(self) -> tuple[str, ...]:
        """Field names of the typed columns, in order."""
        return tuple(column.field for column in self.typed)


PLANS = ("先借后还", "配件互换", "成本补偿")
BORROW_AND_RETURN, SWAP, COMPENSATION = PLANS
LEVELS = ("P0", "P1", "P2")
REQUEST_STATUSES = ("待响应", "进行中", "已满足", "已取消")
CLOSED_STATUSES = SATISFIED, CANCELLED = ("已满足", "已取消")
LOCALES = ("zh", "en")
SENTIMENT = ("高", "中", "低")
DAY_KINDS = ("休", "班")
OFF = DAY_KINDS[0]


def _c(field: str, header: str, kind: Kind, zh: str, en: str, **more: object) -> Column:
    return Column(field, header, kind, Words(zh, en), **more)  # type: ignore[arg-type]  # keywords of Column


def _w(field: str, header: str, kind: Kind, zh: str, en: str, **more: object) -> Column:
    return _c(field, header, kind, zh, en, owner=Owner.WORKER, **more)


def _member(name: str, title: str, zh: str, en: str, *columns: Column, **more: object) -> Table:
    return Table(name, title, Owner.MEMBER, Words(zh, en), columns, **more)  # type: ignore[arg-type]


def _worker(name: str, title: str, zh: str, en: str, *columns: Column, **more: object) -> Table:
    return Table(name, title, Owner.WORKER, Words(zh, en), columns, **more)  # type: ignore[arg-type]


MEMBERS = _member(
    "members",
    "成员",
    "联盟的服务中心：谁负责、邮件发到哪里",
    "The service centers of the alliance: who is in charge and where mail goes",
    _c("center", "服务中心", Kind.KEY, "唯一名称，例如 华北-北京", "Unique name, e.g. 华北-北京", required=True),
    _c("manager", "负责人", Kind.TEXT, "负责人姓名", "Name of the manager", required=True),
    _c("email", "邮箱", Kind.EMAIL, "该成员的邮件发到这里", "Where this member's mail goes", required=True),
    _c("phone", "手机", Kind.TEXT, "只给成员看，报告中会遮盖", "Shown to members only, masked in the report"),
    _c("supervisor_email", "上级邮箱", Kind.EMAIL, "逾期上报时抄送", "Copied when an overdue loan is escalated"),
    _c("city", "城市", Kind.TEXT, "没有填经纬度时按城市定位", "Gives the coordinates when 纬度/经度 are blank"),
    _c("lat", "纬度", Kind.NUMBER, "北纬度数，可不填", "Degrees north, overrides the city"),
    _c("lon", "经度", Kind.NUMBER, "东经度数，可不填", "Degrees east, overrides the city"),
    _c("joined_on", "加入日期", Kind.DATE, "例如 2025-10-23", "e.g. 2025-10-23"),
    _c(
        "left_on",
        "退出日期",
        Kind.DATE,
        "从这天起不再出借、不能求助；未还的借调照常提醒",
        "From this day on neither lender nor requester; open loans still run their ladder",
        not_before="joined_on",
    ),
    _c("locale", "语言", Kind.CHOICE, "邮件语言 zh 或 en", "Language of this member's mail", choices=LOCALES),
    key=("center",),
)

PARTS = _member(
    "parts",
    "配件",
    "配件目录",
    "The parts the alliance shares",
    _c("part_no", "配件编号", Kind.KEY, "唯一编号，请设为文本格式", "Unique number, kept as text", required=True),
    _c("name", "配件名称", Kind.TEXT, "配件名称", "Name of the part", required=True),
    _c("unit_value", "单价", Kind.MONEY, "元；赔偿和保价按它计算", "Yuan; compensation and insurance rest on it"),
    _c("model", "适用车型", Kind.TEXT, "例如 Model Y", "e.g. Model Y"),
    _c(
        "substitutes",
        "替代配件",
        Kind.LIST,
        "可替代的配件编号，用逗号或顿号分隔，先写的先用",
        "Part numbers that can replace it, separated by commas, best first",
        refers_to="parts",
    ),
    _c("generic", "通用", Kind.FLAG, "是/否：其他品牌也能用", "Yes/no: fits other brands too"),
    key=("part_no",),
)

INVENTORY = _member(
    "inventory",
    "库存",
    "每个中心每种配件的库存，每周更新",
    "What each center has of each part, declared weekly",
    _c("center", "服务中心", Kind.KEY, "从成员表选择", "One of the members", required=True, refers_to="members"),
    _c("part_no", "配件编号", Kind.KEY, "从配件表选择", "One of the parts", required=True, refers_to="parts"),
    _c("on_hand", "在库数量", Kind.COUNT, "现在手上的数量", "Units on the shelf now", required=True, least=0),
    _c("safety_stock", "安全库存", Kind.COUNT, "自己要留的数量", "Units kept back", least=0),
    _c("incoming", "在途数量", Kind.COUNT, "已订未到的数量", "Units ordered and not yet there", least=0),
    _c("incoming_eta", "预计到货", Kind.DATE, "在途到货日期", "Day the incoming units arrive"),
    _c("last_used_on", "最近出库", Kind.DATE, "最近一次用掉或借出的日期", "Day one was last used or lent"),
    _c("terms", "出借条件", Kind.CHOICE, "希望以哪种方式出借", "What this lender asks for", choices=PLANS),
    _c("updated_on", "更新日期", Kind.DATE, "盘点日期，超过 7 天算过期", "Day of the count; stale after 7 days"),
    key=("center", "part_no"),
)

REQUESTS = _member(
    "requests",
    "求助",
    "谁需要什么配件、多急",
    "Who needs which part, and how badly",
    _c("request_id", "求助编号", Kind.KEY, "唯一编号，例如 R-001", "Unique number, e.g. R-001", required=True),
    _c("requester", "求助方", Kind.KEY, "从成员表选择", "One of the members", required=True, refers_to="members"),
    _c("part_no", "配件编号", Kind.KEY, "从配件表选择", "One of the parts", required=True, refers_to="parts"),
    _c("qty", "数量", Kind.COUNT, "需要几个，整数", "Units needed, a whole number", required=True, least=1),
    _c("requested_at", "提出时间", Kind.MOMENT, "例如 2025-10-23 08:30", "e.g. 2025-10-23 08:30", required=True),
    _c("needed_by", "需要日期", Kind.DATE, "最晚哪天要", "Latest useful day"),
    _c(
        "declared_level",
        "申报级别",
        Kind.CHOICE,
        "P0 舆情危机 / P1 / P2",
        "P0 crisis / P1 / P2",
        choices=LEVELS,
        default="P2",
    ),
    _c("customer_type", "客户类型", Kind.TEXT, "例如 媒体、意见领袖、普通", "e.g. 媒体 (press), 意见领袖, 普通"),
    _c("waiting_since", "客户等待起始", Kind.DATE, "客户从哪天开始等", "Day the customer began to wait"),
    _c("sentiment_risk", "舆情风险", Kind.CHOICE, "高 / 中 / 低", "高 high / 中 medium / 低 low", choices=SENTIMENT),
    _c("reason", "原因", Kind.NOTE, "P0 必须写明原因", "A P0 needs one"),
    _c(
        "declined_by",
        "已婉拒",
        Kind.LIST,
        "已经婉拒的服务中心，用顿号分隔",
        "Centers that declined; they are not asked again",
        refers_to="members",
    ),
    _c(
        "status",
        "状态",
        Kind.CHOICE,
        "已满足、已取消即关闭",
        "已满足 and 已取消 close it",
        choices=REQUEST_STATUSES,
        default="待响应",
    ),
    _w("rank", "序号", Kind.COUNT, "系统：在优先级队列中的位置", "Worker: place in the queue", finds=("queue", "rank")),
    _w("level", "级别", Kind.CHOICE, "系统：判定级别", "Worker: effective level", finds=("queue", "level")),
    key=("request_id",),
    derived_key=("requester", "part_no", "requested_at"),
)

LOANS = _member(
    "loans",
    "借调记录",
    "每一笔借调：谁借给谁、借了什么、何时归还",
    "The loan log: who lent what to whom, and when it came back",
    _c("loan_id", "借调编号", Kind.KEY, "唯一编号，例如 L-2025-001", "Unique number, e.g. L-2025-001", required=True),
    _c("request_id", "求助编号", Kind.KEY, "对应的求助，可不填", "The request it serves", refers_to="requests"),
    _c("lender", "出借方", Kind.KEY, "从成员表选择", "One of the members", required=True, refers_to="members"),
    _c(
        "borrower",
        "借用方",
        Kind.KEY,
        "从成员表选择，不能与出借方相同",
        "One of the members, not the lender",
        required=True,
        refers_to="members",
        differs_from="lender",
    ),
    _c("part_no", "配件编号", Kind.KEY, "从配件表选择", "One of the parts", required=True, refers_to="parts"),
    _c("qty", "数量", Kind.COUNT, "借了几个，整数", "Units lent, a whole number", required=True, least=1),
    _c(
        "plan",
        "方案",
        Kind.CHOICE,
        "不填为 先借后还",
        "Blank means 先借后还 (borrow and return)",
        choices=PLANS,
        default=PLANS[0],
    ),
    _c(
        "lent_on",
        "借出日期",
        Kind.DATE,
        "发出的日期；不填表示已谈妥未发出",
        "Day of shipping; blank = agreed, not shipped",
    ),
    _c(
        "due_on",
        "到期日期",
        Kind.DATE,
        "不填为借出日期后 14 天",
        "Blank means 14 days after 借出日期",
        not_before="lent_on",
    ),
    _c(
        "extended_to",
        "延期至",
        Kind.DATE,
        "双方同意的新到期日，提醒重新开始",
        "New due date; reminders start again",
        not_before="due_on",
    ),
    _c(
        "returned_qty",
        "已还数量",
        Kind.COUNT,
        "已归还几个；填了归还日期时默认全部",
        "Units back; all of them when 归还日期 is set and this is blank",
        least=0,
        at_most="qty",
        blank_means=("returned_on", "qty"),
    ),
    _c("returned_on", "归还日期", Kind.DATE, "最后一个归还的日期", "Day the last unit came back", not_before="lent_on"),
    _c("received_on", "签收日期", Kind.DATE, "借用方签收的日期", "Day the borrower received it", not_before="lent_on"),
    _c("tracking_no", "快递单号", Kind.TEXT, "快递公司和单号", "Carrier and number"),
    _c("freight", "运费", Kind.MONEY, "元，借用方承担", "Yuan, the borrower pays"),
    _c("insured_value", "保价金额", Kind.MONEY, "应不低于 单价×数量", "At least unit value × quantity"),
    _c("damaged_qty", "损坏数量", Kind.COUNT, "归还时损坏的数量", "Units damaged", least=0, at_most="qty"),
    _c(
        "compensated_on", "赔偿日期", Kind.DATE, "赔付完成的日期，借调就此了结", "Day it was paid for; settles the loan"
    ),
    _c(
        "recall_on",
        "召回日期",
        Kind.DATE,
        "出借方急需收回时填写",
        "The lender needs it back from this day",
        not_before="lent_on",
    ),
    _c("cancelled", "作废", Kind.FLAG, "是：当作没有这一行", "Yes: as if the row were not there"),
    _w("state", "状态", Kind.TEXT, "系统：借调状态", "Worker: state of the loan", finds=("loan_states", "state")),
    _w(
        "days",
        "天数",
        Kind.POINTS,
        "系统：距到期天数，正数为逾期",
        "Worker: days past due",
        finds=("loan_states", "days"),
    ),
    key=("loan_id",),
    derived_key=("lender", "borrower", "part_no", "lent_on"),
)

ADJUSTMENTS = _member(
    "adjustments",
    "积分调整",
    "联盟同意的积分增减（可没有此表）",
    "Points the alliance agreed to add or take (may be absent)",
    _c("date", "日期", Kind.DATE, "从哪天起算", "Day it counts from", required=True),
    _c("center", "服务中心", Kind.KEY, "从成员表选择", "One of the members", required=True, refers_to="members"),
    _c("points", "积分", Kind.POINTS, "整数，可为负", "Whole number, may be negative", required=True),
    _c("reason", "原因", Kind.NOTE, "为什么调整", "Why", required=True),
    _c("approved_by", "批准人", Kind.TEXT, "谁批准的", "Who approved it"),
    optional=True,
)

ROUTES = _member(
    "routes",
    "路程",
    "两地之间的实际路程，两个方向通用（可没有此表）",
    "Real distances between places, both directions (may be absent)",
    _c("origin", "起点", Kind.KEY, "服务中心", "A center", required=True, refers_to="members"),
    _c(
        "destination",
        "终点",
        Kind.KEY,
        "服务中心",
        "A center",
        required=True,
        refers_to="members",
        differs_from="origin",
    ),
    _c("km", "公里", Kind.NUMBER, "公路里程", "Road kilometres", least=0),
    _c("hours", "小时", Kind.NUMBER, "门到门小时数", "Hours door to door", least=0),
    key=("origin", "destination"),
    optional=True,
)

HOLIDAYS = _member(
    "holidays",
    "节假日",
    "与国家公布的放假安排不同的日子，以此为准（可没有此表）",
    "Days that differ from the published holidays; what stands here counts (may be absent)",
    _c("date", "日期", Kind.DATE, "例如 2027-02-06", "e.g. 2027-02-06", required=True),
    _c(
        "kind",
        "类型",
        Kind.CHOICE,
        "休：这天放假；班：这天上班（调休）",
        "休: a day off; 班: a workday, e.g. a Saturday worked in exchange",
        required=True,
        choices=DAY_KINDS,
    ),
    _c("name", "名称", Kind.TEXT, "例如 春节，会写进信里", "e.g. 春节; stands in letters"),
    key=("date",),
    optional=True,
)

STANDINGS = _worker(
    "standings",
    "积分榜",
    "每个成员的积分与资格",
    "Points and standing of each member",
    _w("rank", "排名", Kind.COUNT, "并列同名次；已退出者不排名", "Ties share a rank; members who left have none"),
    _w("center", "服务中心", Kind.KEY, "成员", "The member"),
    _w("helped", "帮助次数", Kind.COUNT, "出借了几次", "Loans given"),
    _w("received", "受助次数", Kind.COUNT, "借入了几次", "Loans taken"),
    _w("adjusted", "调整", Kind.POINTS, "积分调整合计", "Sum of adjustments"),
    _w("balance", "积分", Kind.POINTS, "流水合计", "Sum of the ledger"),
    _w("standing", "资格", Kind.TEXT, "可求助 / 需先帮助他人", "May ask / must help first"),
    key=("center",),
)

LEDGER = _worker(
    "ledger",
    "积分流水",
    "每一笔积分从哪里来",
    "Where every point comes from",
    _w("date", "日期", Kind.DATE, "入账日期", "Posting date"),
    _w("center", "服务中心", Kind.KEY, "成员", "The member"),
    _w("points", "积分", Kind.POINTS, "增减", "Points posted"),
    _w("balance", "余额", Kind.POINTS, "该成员累计", "Running balance of that member"),
    _w("kind", "类型", Kind.TEXT, "帮助 / 受助 / 调整", "Help / received / adjustment"),
    _w("ref", "关联编号", Kind.KEY, "借调编号", "Loan number"),
    _w("memo", "说明", Kind.NOTE, "一句话说明", "One sentence"),
    key=("date", "center", "kind", "ref", "memo"),
)

QUEUE = _worker(
    "queue",
    "优先级队列",
    "未完成的求助，按先后排列",
    "Open requests in the order they are served",
    _w("rank", "序号", Kind.COUNT, "1 最先", "1 is first"),
    _w("request_id", "求助编号", Kind.KEY, "求助", "The request"),
    _w("requester", "求助方", Kind.KEY, "成员", "The member"),
    _w("part_no", "配件编号", Kind.KEY, "配件", "The part"),
    _w("open_qty", "待满足数量", Kind.COUNT, "还差几个", "Units still wanted"),
    _w("level", "判定级别", Kind.CHOICE, "P0 / P1 / P2", "P0 / P1 / P2", choices=LEVELS),
    _w("basis", "依据", Kind.NOTE, "为什么是这个级别", "Why this level"),
    _w("balance", "积分", Kind.POINTS, "求助方的积分（流水合计）", "The requester's balance"),
    _w(
        "standing", "资格", Kind.TEXT, "无条件支持 / 可求助 / 需先帮助他人", "Unconditional / may ask / must help first"
    ),
    key=("request_id",),
)

MATCHES = _worker(
    "matches",
    "匹配建议",
    "每个求助可以找谁借；借不齐时还有什么办法",
    "Who can lend for each request, and what else to do when units are missing",
    _w("request_id", "求助编号", Kind.KEY, "求助", "The request"),
    _w("lender", "出借方", Kind.KEY, "成员；空白行是借不齐时的其他办法", "The member; blank: another way"),
    _w("supply_part", "供给配件", Kind.KEY, "可能是替代件", "May be a substitute"),
    _w("available", "可借数量", Kind.COUNT, "能借几个", "Units it can give"),
    _w("allocated", "建议数量", Kind.COUNT, "建议借几个", "Units proposed"),
    _w("km", "公里", Kind.NUMBER, "路程或估算", "Road distance or an estimate"),
    _w("hours", "小时", Kind.NUMBER, "门到门", "Door to door"),
    _w("plan", "方案", Kind.CHOICE, "建议方案", "Suggested plan", choices=PLANS),
    _w("risk", "风险", Kind.TEXT, "高 / 中 / 低", "High / medium / low"),
    _w("stars", "星级", Kind.COUNT, "5 最先联系", "5 is asked first"),
    _w("endorser", "引荐人", Kind.KEY, "两边都熟的成员", "A member both know"),
    _w("why", "理由", Kind.NOTE, "用数字说明", "In figures"),
    key=("request_id", "lender", "supply_part"),
)

LOAN_STATES = _worker(
    "loan_states",
    "借调状态",
    "每笔借调现在怎样、下一步是什么",
    "Where each loan stands and what comes next",
    _w("loan_id", "借调编号", Kind.KEY, "借调", "The loan"),
    _w("lender", "出借方", Kind.KEY, "成员", "The member"),
    _w("borrower", "借用方", Kind.KEY, "成员", "The member"),
    _w("part_no", "配件编号", Kind.KEY, "配件", "The part"),
    _w("outstanding", "未还数量", Kind.COUNT, "还差几个", "Units still out"),
    _w("due", "应还日期", Kind.DATE, "含延期与召回", "With extension and recall"),
    _w("days", "天数", Kind.POINTS, "截至日减应还日，正数为逾期", "As-of minus due; positive is overdue"),
    _w("state", "状态", Kind.TEXT, "借调状态", "State of the loan"),
    _w("stage", "阶段", Kind.TEXT, "已到的提醒阶段", "Rung of the ladder reached"),
    _w("next_step", "下一步", Kind.TEXT, "下一个提醒阶段", "Next rung"),
    _w("next_on", "下一步日期", Kind.DATE, "下一个提醒的日期", "Day of the next rung"),
    _w("claim", "应赔金额", Kind.MONEY, "单价 × 未还数量", "Unit value × units still out"),
    key=("loan_id",),
)

OUTBOX = _worker(
    "outbox",
    "提醒邮件",
    "每一封邮件写在这里，再发出；往年已了结的移到“邮件归档”加年份的表，列相同，这里只留一行行的事由",
    "Every mail is written here before it leaves; settled mail of past years moves to a tab 邮件归档 and the year, with"
    " the same columns, and leaves rows of its keys",
    _w("mail_id", "邮件编号", Kind.KEY, "同样内容编号相同", "The same items give the same number"),
    _w("created_on", "生成日期", Kind.DATE, "正文按哪天写", "The day its text is of"),
    _w("to", "收件人", Kind.EMAIL, "收件人", "Recipient"),
    _w("cc", "抄送", Kind.TEXT, "抄送", "Copied"),
    _w("subject", "主题", Kind.NOTE, "主题", "Subject"),
    _w("body", "正文", Kind.NOTE, "文本正文", "Text body"),
    _w("items", "事由", Kind.NOTE, "包含的事项，一行一个", "What it is about, one a line"),
    _w("status", "状态", Kind.TEXT, "待发送/发送中/已发送/失败/待人工/已取消/已归档", "Where the mail stands"),
    _w("sent_at", "发送时间", Kind.MOMENT, "交给邮件服务器的时间", "When it was handed over"),
    _w("attempts", "次数", Kind.COUNT, "试了几次", "Times tried"),
    _w("error", "错误", Kind.NOTE, "为什么没发出", "Why it did not leave"),
    key=("mail_id",),
)

CREDIT = _worker(
    "credit",
    "信用档案",
    "每个成员的借还记录",
    "Each member's lending record",
    _w("center", "服务中心", Kind.KEY, "成员", "The member"),
    _w("received", "受助次数", Kind.COUNT, "借入次数", "Loans taken"),
    _w("helped", "帮助次数", Kind.COUNT, "出借次数", "Loans given"),
    _w("closed", "已结清", Kind.COUNT, "已了结的借入", "Loans settled"),
    _w("on_time", "按时", Kind.COUNT, "按时归还", "Returned on time"),
    _w("late", "迟还", Kind.COUNT, "迟还次数", "Returned late"),
    _w("mean_days_late", "平均迟还天数", Kind.NUMBER, "只计迟还", "Late loans only"),
    _w("open", "未还", Kind.COUNT, "在外笔数", "Loans still out"),
    _w("overdue_now", "当前逾期", Kind.COUNT, "已过期未还", "Overdue now"),
    _w("damaged", "损坏", Kind.COUNT, "有损坏的借入", "Loans with damage"),
    _w("p0_requests", "P0次数", Kind.COUNT, "P0 求助次数", "P0 requests made"),
    _w("on_time_rate", "按时率", Kind.NUMBER, "(按时+4)/(已结清+5)", "(on time + 4) / (settled + 5)"),
    _w("score", "信用分", Kind.COUNT, "0..100", "0..100"),
    _w("grade", "信用级", Kind.TEXT, "A / B / C / D", "A / B / C / D"),
    _w("limit", "建议上限", Kind.COUNT, "一次最多借几个", "Most units at once"),
    key=("center",),
)

TIMELINE = _worker(
    "timeline",
    "作战时间线",
    "每个未了结的 P0 求助，48 小时内该走到哪一步",
    "Where each unsettled P0 request should be within 48 hours",
    _w("request_id", "求助编号", Kind.KEY, "求助", "The request"),
    _w("requester", "求助方", Kind.KEY, "成员", "The member"),
    _w("part_no", "配件编号", Kind.KEY, "配件", "The part"),
    _w("milestone", "里程碑", Kind.TEXT, "H+几小时该做到什么", "What is to be done, hours after the request"),
    _w("target", "应完成", Kind.MOMENT, "提出时间加上小时数", "The moment of the request and so many hours"),
    _w("done_on", "完成日期", Kind.DATE, "做到的那天；表里没有日期的，是首次看到的那天", "The day, or when first seen"),
    _w("state", "状态", Kind.TEXT, "已完成 / 晚完成 / 进行中 / 已超时", "Done / done late / under way / overdue"),
    _w("note", "说明", Kind.NOTE, "已有什么，下一步做什么", "What is there, and what to do next"),
    key=("request_id", "milestone"),
)

SETTLEMENT = _worker(
    "settlement",
    "运费结算",
    "每月谁该付给谁：运费由借用方承担，损坏按单价赔",
    "Who owes whom, by month: the borrower pays freight, and damaged units at their value",
    _w("month", "月份", Kind.TEXT, "借出的月份，例如 2025-10", "Month of lending, e.g. 2025-10"),
    _w("payer", "付款方", Kind.KEY, "成员", "The member that pays"),
    _w("payee", "收款方", Kind.KEY, "成员", "The member that is paid"),
    _w("loans", "笔数", Kind.COUNT, "双方之间有费用的借调", "Loans between the two with such costs"),
    _w("freight", "运费", Kind.MONEY, "付款方应付的运费", "Freight the payer owes"),
    _w("damage", "损坏赔偿", Kind.MONEY, "付款方应付：单价 × 损坏数量", "What it owes for damaged units"),
    _w("offset", "抵扣", Kind.MONEY, "收款方反过来应付的", "What the payee owes in return"),
    _w("net", "净额", Kind.MONEY, "运费 + 损坏赔偿 − 抵扣", "Freight + damage − offset"),
    key=("month", "payer", "payee"),
)

KPIS = _worker(
    "kpis",
    "指标",
    "联盟现在做得怎样：每个数字一行，旁边是来源文档的参考值",
    "How the alliance does: one row a figure, beside what the source documents give for reference",
    _w("kpi", "指标", Kind.TEXT, "名称", "Name"),
    _w("value", "数值", Kind.NUMBER, "现值；空白表示还算不出，说明里写明原因", "Value now; blank: see 说明 for why"),
    _w("unit", "单位", Kind.TEXT, "单位", "Unit"),
    _w("traditional", "传统参考", Kind.TEXT, "传统4S模式", "What traditional dealers reach"),
    _w("benchmark", "标杆参考", Kind.TEXT, "标杆企业", "What the best network reaches"),
    _w("note", "说明", Kind.NOTE, "一句话：怎样得出", "How it came about, in a sentence"),
    _w("rows", "明细", Kind.NOTE, "由哪些行得出，最该看的在前", "The rows that made it, those to look at first"),
    key=("kpi",),
)

MONTHLY = _worker(
    "monthly",
    "月度指标",
    "近 24 个月的走势，每月一行",
    "The trend of the last 24 months, one row each",
    _w("month", "月份", Kind.TEXT, "例如 2025-10", "e.g. 2025-10"),
    _w("requests", "求助数", Kind.COUNT, "该月提出的求助", "Requests made in the month"),
    _w(
        "decided", "已有结果", Kind.COUNT, "其中收齐、关闭或过了需要日期的", "Of these filled, closed, or past 需要日期"
    ),
    _w("fill_rate", "满足率%", Kind.NUMBER, "有结果的求助里按时收齐的", "Of those decided, filled in time"),
    _w("units_fill_rate", "件数满足率%", Kind.NUMBER, "同上，按件数", "The same, in units"),
    _w(
        "median_hours",
        "到货小时",
        Kind.NUMBER,
        "该月签收的借调，从求助到签收的中位数",
        "Median to receipt in the month",
    ),
    _w("lent", "借出笔数", Kind.COUNT, "该月借出的借调", "Loans lent in the month"),
    _w("units_lent", "借出件数", Kind.COUNT, "该月借出的件数", "Units lent in the month"),
    _w("lenders", "出借成员", Kind.COUNT, "该月帮过别人的成员", "Members that helped in the month"),
    _w("due", "到期笔数", Kind.COUNT, "该月到期、已了结或已逾期的借调", "Loans due in it that are settled or overdue"),
    _w("on_time_rate", "归还按时率%", Kind.NUMBER, "到期的借调里按时归还的", "Of those due, back in time"),
    _w("overdue", "仍逾期", Kind.COUNT, "该月到期、现在还没还清的", "Due in the month and overdue now"),
    key=("month",),
)

ISSUES = _worker(
    "issues",
    "数据问题",
    "表里哪些内容需要改",
    "What needs mending in the sheet",
    _w("severity", "级别", Kind.TEXT, "错误：该行不参与计算；警告：照常使用", "Error: row left out; warning: row used"),
    _w("table", "表", Kind.TEXT, "哪张表", "Which table"),
    _w("key", "行键", Kind.KEY, "哪一行", "Which row, by key"),
    _w("row", "行号", Kind.COUNT, "表格中的行号", "Row number as the sheet shows it"),
    _w("column", "列", Kind.TEXT, "哪一列", "Which column"),
    _w("value", "现值", Kind.NOTE, "现在写的是", "What stands there now"),
    _w("problem", "问题", Kind.NOTE, "哪里不对", "What is wrong"),
    _w("fix", "建议", Kind.NOTE, "应该怎样写", "What to type instead"),
    key=("table", "key", "row", "column", "problem"),
)

RUNS = _worker(
    "runs",
    "运行日志",
    "每次运行一行",
    "One row a run",
    _w("run_id", "运行编号", Kind.KEY, "运行", "The run"),
    _w("started_at", "开始", Kind.MOMENT, "开始时间", "When it began"),
    _w("finished_at", "结束", Kind.MOMENT, "结束时间", "When it ended"),
    _w("as_of", "截至", Kind.DATE, "按哪天计算", "The day it computed for"),
    _w(
        "outcome",
        "结果",
        Kind.TEXT,
        "完成 / 有邮件未发出 / 撤销 某次运行",
        "Done / some mail did not leave / a run undone",
    ),
    _w("rows_read", "读取行数", Kind.COUNT, "成员表行数合计", "Member rows read"),
    _w("cells_changed", "改动", Kind.COUNT, "写入的单元格", "Cells written"),
    _w("mails", "邮件", Kind.COUNT, "发出的邮件", "Mail sent"),
    _w("issues", "问题", Kind.COUNT, "数据问题数", "Problems found"),
    _w("version", "版本", Kind.TEXT, "程序版本", "Program version"),
    key=("run_id",),
)

TABLES: tuple[Table, ...] = (
    MEMBERS, PARTS, INVENTORY, REQUESTS, LOANS, ADJUSTMENTS, ROUTES, HOLIDAYS,
    STANDINGS, LEDGER, QUEUE, MATCHES, TIMELINE, LOAN_STATES, OUTBOX, CREDIT, SETTLEMENT, KPIS, MONTHLY,
    ISSUES, RUNS,
)  # fmt: skip
MEMBER_TABLES = tuple(table for table in TABLES if table.owner is Owner.MEMBER)
WORKER_TABLES = tuple(table for table in TABLES if table.owner is Owner.WORKER)


def renamed(rename: Mapping[str, Mapping[str, str]]) -> dict[str, Table]:
    """The tables by name, with the headers that *rename* (table -> field -> header) gives.

    Raises KeyError with the unknown table or "table.field" name.
    """
    tables = {table.name: table for table in TABLES}
    for name, headers in rename.items():
        table = tables[name]
        unknown = set(headers) - {column.field for column in table.columns}
        if unknown:
            raise KeyError(f"{name}.{min(unknown)}")
        columns = tuple(replace(column, header=headers.get(column.field, column.header)) for column in table.columns)
        tables[name] = replace(table, columns=columns)
    return tables


def archive_of(outbox: Table, year: int) -> Table:
    """The tab that keeps the mail of a past year. Made when a year is filed, so none of `TABLES`."""
    doc = Words(f"{year} 年的邮件，程序只在归档时读写", f"The mail of {year}, read and written only when mail is filed")
    return replace(outbox, name=f"mail_archive_{year}", title=f"邮件归档{year}", doc=doc, optional=True)
