// Conveniences of the built-in pages. Every form works without this file; only security keys need a script by nature.
"use strict";

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const show = (visible) => {
    field.type = visible ? "text" : "password";
    button.textContent = visible ? "Hide" : "Show";
    button.setAttribute("aria-label", visible ? "Hide password" : "Show password");
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  // Browsers remember what was typed into text fields.
  field.form.addEventListener("submit", () => show(false));
}

// The names come from a fixed list and belong to the script that a flow with security keys loads.
const call = (name) => {
  if (typeof window[name] === "function") window[name]();
};

for (const button of document.querySelectorAll("[data-trigger]")) {
  button.hidden = false;
  button.addEventListener("click", () => call(button.dataset.trigger));
  // Enter in the only field of the form, which has no button of the kind that browsers press then.
  button.form.addEventListener("submit", (event) => {
    if (event.submitter) return;
    event.preventDefault();
    call(button.dataset.trigger);
  });
}

window.addEventListener("load", () => {
  for (const node of document.querySelectorAll("[data-load]")) call(node.dataset.load);
});
