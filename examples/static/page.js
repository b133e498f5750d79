"use strict";

let lastId = 0;

// The service takes calls from browsers with this Content-Type only.
async function call(method, params) {
  const response = await fetch(document.body.dataset.endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: ++lastId, method, params }),
  });
  const answer = await response.json();
  if (answer.error) {
    throw new Error(`${answer.error.message} (${answer.error.code})`);
  }
  return answer.result;
}

const form = document.getElementById("form");
const output = document.getElementById("answer");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  output.textContent = "…";
  try {
    // As text: what was typed is never taken for HTML.
    output.textContent = await call("say_hello", { name: document.getElementById("name").value });
    output.className = "";
  } catch (error) {
    output.textContent = error instanceof TypeError ? "The service is away." : error.message;
    output.className = "error";
  } finally {
    button.disabled = false;
  }
});
