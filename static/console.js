// What HTML cannot do by itself: copy to the clipboard, keep relative times true, show the fields that a choice asks for.
"use strict";

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function relative(moment) {
  const seconds = (new Date(moment) - Date.now()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return seconds < 0 ? "just now" : "in less than a minute";
}

function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) time.textContent = relative(time.dateTime);
}

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Plain HTTP on another host: the Clipboard API is not there, a selection still is.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused to copy");
}

async function copyFrom(button) {
  const label = button.dataset.label || (button.dataset.label = button.textContent);
  let said = "Copied";
  try {
    await copy(button.dataset.copy);
  } catch {
    said = "Press Ctrl+C";
    window.prompt("Copy this:", button.dataset.copy);
  }
  button.textContent = said;
  button.classList.add("copied");
  document.getElementById("announce").textContent = said;
  setTimeout(() => { button.textContent = label; button.classList.remove("copied"); }, 2000);
}

// <fieldset data-show-for="NAME" data-show-value="a b">: shown while the field NAME has one of these values.
function showChosen(form) {
  for (const part of form.querySelectorAll("[data-show-for]")) {
    const field = form.elements[part.dataset.showFor];
    part.hidden = !part.dataset.showValue.split(" ").includes(field.value);
  }
}

// <button data-add-line="ID">: one more line like the last one in #ID, empty.
function addLine(button) {
  const lines = document.getElementById(button.dataset.addLine);
  const line = lines.lastElementChild.cloneNode(true);
  line.classList.remove("wrong");
  line.querySelector(".errorlist")?.remove();
  for (const field of line.querySelectorAll("input")) field.value = "";
  lines.append(line);
  line.querySelector("input").focus();
}

document.addEventListener("click", (event) => {
  const adds = event.target.closest("button[data-add-line]");
  if (adds) addLine(adds);
  const button = event.target.closest("button[data-copy]");
  if (button) copyFrom(button);
  for (const menu of document.querySelectorAll("details.more[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.more[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
});
document.addEventListener("change", (event) => { if (event.target.form) showChosen(event.target.form); });
document.addEventListener("htmx:afterSettle", refreshTimes);

refreshTimes();
for (const button of document.querySelectorAll("button[data-add-line]")) button.hidden = false;
setInterval(refreshTimes, 15000);
document.querySelectorAll("form").forEach(showChosen);
