"use strict";
// A head of a sortable table becomes a button: it sorts, blanks last, and again the other way round.
const words = new Intl.Collator(document.documentElement.lang, { numeric: true });
const shown = (row, at) => row.cells[at].dataset.v ?? row.cells[at].textContent.trim();
const apart = (a, b, numbers) => (numbers ? a - b : words.compare(a, b));

function sort(table, heads, at) {
  const head = heads[at], numbers = head.classList.contains("n");
  const first = numbers ? "descending" : "ascending", other = numbers ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].sort((one, two) => {
    const a = shown(one, at), b = shown(two, at);
    return a === "" || b === "" ? (a === "") - (b === "") : sign * apart(a, b, numbers);
  });
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, heads, at));
    head.append(button);
  });
}
