// Searching and sorting the table of a site. Without this file's code the page shows the same table, newest first.
"use strict";
(() => {
  const table = document.querySelector("table.experiments");
  const field = document.querySelector("#search");
  if (!table || !field) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = rows.map((row) => row.innerText.toLowerCase());
  const told = document.querySelector("#told");
  const collator = new Intl.Collator("en", { numeric: true });

  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every((word) => texts[place].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    told.textContent = words.length ? `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "";
    document.querySelector("#none").hidden = shown > 0;
  };

  const keep = () => history.replaceState(null, "", field.value ? `#q=${encodeURIComponent(field.value)}` : "#");

  const take = () => {
    const asked = /^#q=(.*)$/.exec(location.hash);
    try {
      field.value = asked ? decodeURIComponent(asked[1]) : "";
    } catch {
      field.value = "";
    }
    search();
  };

  // What a cell is sorted by: the number it gives, else its text; what is empty comes last either way.
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.innerText.trim() : Number(cell.dataset.sort);
  };

  const compared = (one, other) =>
    typeof one === "number" && typeof other === "number" ? one - other : collator.compare(one, other);

  const sort = (head, upwards) => {
    const column = head.cellIndex;
    const keyed = rows.map((row, place) => [value(row, column), row, place]);
    keyed.sort(([one, , place], [other, , rank]) => {
      if ((one === "") !== (other === "")) return one === "" ? 1 : -1;
      return (upwards ? compared(one, other) : compared(other, one)) || place - rank;
    });
    body.append(...keyed.map(([, row]) => row));
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
  };

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, head.getAttribute("aria-sort") !== "ascending"));
    head.append(button);
  }
  field.addEventListener("input", () => {
    search();
    keep();
  });
  window.addEventListener("hashchange", take);
  document.querySelector("#tools").hidden = false;
  take();
})();
